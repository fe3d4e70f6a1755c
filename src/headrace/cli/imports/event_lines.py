"""From the lines of a JSONL file to events, each checked by the rules of the API.

What is here: the shapes in which a line may tell an event, `--map`, and the check. What is not: the rules
(`api.commands.events`) and writing. Follows reference 5.4. Our choice: beside the shape of the API, with its envelopes,
a line may name the metric by a text and describe the person directly, because that is what exports hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from headrace.api.commands.event_bodies import FURTHEST, EventAttributes
from headrace.api.commands.events import SINGLE, PostedEvent, mistakes_of, person_of
from headrace.cli.imports.csv_rows import BOM
from headrace.cli.imports.lines import LONGEST, Line, read_line
from headrace.engine.imports import Record
from headrace.errors import CommandError, Invalid, Problem, Problems, collecting
from headrace.jsonapi.problems import from_validation, shown
from headrace.jsonapi.reading import parse_json

_ATTRIBUTES: TypeAdapter[EventAttributes] = TypeAdapter(EventAttributes)
NAMES = ("metric", "profile", "properties", "time", "value", "value_currency", "unique_id", "backfill")
"""What a line may say of an event."""
ENVELOPE = ("data", "attributes")
"""What the API puts around metrics, people and events, and short lines leave out."""
MAX_SHOWN = 10_000
"""Characters of a line that is no JSON which the error file shows."""


@dataclass(frozen=True, slots=True)
class EventShape:
    """How lines are read: `mapping` is path in the line -> path in the event; what it does not name is a property.

    Without a mapping and a `metric` a line must have the shape itself. `metric` is for lines that name none, `backfill`
    for those that do not say it.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    metric: str | None = None
    backfill: bool = True
    only_mapped: bool = False

    def check(self) -> None:
        """Raise `CommandError` for a path that no event has."""
        for source, target in self.mapping.items():
            if target != "-" and target.split(".")[0] not in NAMES:
                raise CommandError(
                    f"--map {source}={target}: an event has no {target!r}; there are {', '.join(NAMES)}, "
                    "profile.email and the like, properties.NAME, and - to leave something out"
                )


class EventLines:
    """Reads the lines of one file as events. `latest` is the latest time that an event may have."""

    __slots__ = ("_file", "_latest", "_shape", "start")

    def __init__(self, file: BinaryIO, shape: EventShape, now: datetime) -> None:
        self._file = file
        self._shape = shape
        self._latest = now + FURTHEST
        self.start = len(BOM) if file.read(len(BOM)) == BOM else 0

    def after(self, position: int, row: int) -> Iterator[Record[PostedEvent]]:
        """Yield one record per line from a byte on, the first of which follows line number `row`."""
        self._file.seek(position)
        while (line := read_line(self._file)) is not None:
            row += 1
            position += line.length
            yield self._record(line, row, position)

    def find(self, problem: Problem, raw: Any) -> tuple[str, Any]:
        """Return the path in the line that a problem is about, and what stands there."""
        pointer = (problem.pointer or "").removeprefix(SINGLE).strip("/")
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")] if pointer else []
        source = next((one for one, target in self._shape.mapping.items() if target.split(".") == _short(parts)), None)
        path, value = (source, _taken(raw, source)) if source is not None else _place(raw, parts)
        return path, value if parts and not isinstance(value, dict | list) else None

    def _record(self, line: Line, row: int, end: int) -> Record[PostedEvent]:
        if not line.text.strip():
            return Record(row, end, None, None)
        problems: list[Problem] = []
        raw: Any = line.text[:MAX_SHOWN].decode("utf-8", "replace").strip()
        event = None
        with collecting(problems):
            raw = _parsed(line)
            event = self._event(_described(raw, self._shape))
            problems += mistakes_of(event, self._latest)
        return Record(row, end, raw, None if problems else event, tuple(problems))

    def _event(self, described: dict[str, Any]) -> PostedEvent:
        try:
            attributes = _ATTRIBUTES.validate_python(described)
        except ValidationError as error:
            raise from_validation(error, described) from None
        backfill = attributes.get("backfill")
        person = person_of(attributes["profile"])
        return PostedEvent(person, attributes, self._shape.backfill if backfill is None else backfill)


def _short(parts: Sequence[str]) -> list[str]:
    """Return a path in an event of the API as a short line has it, without the envelopes."""
    inside = bool(parts) and parts[0] in ("metric", "profile")
    return [part for part in parts if part not in ENVELOPE] if inside else list(parts)


def _place(raw: Any, parts: Sequence[str]) -> tuple[str, Any]:
    """Return the path in a line that a path in the event stands for, and what is there; only some lines have envelopes.

    A metric that is told by its name alone ends the path.
    """
    at, steps = raw, []
    if isinstance(raw, dict) and _is_enveloped(raw) and parts:
        at, steps = raw["data"]["attributes"], list(ENVELOPE)
    for part in parts:
        if steps and isinstance(at, str):
            break
        known = isinstance(at, dict) and part in at
        if part not in ENVELOPE or known:
            steps.append(part)
            at = at[part] if known else None
    return ".".join(steps), at


def _is_enveloped(raw: Mapping[str, Any]) -> bool:
    inside = raw.get("data")
    return isinstance(inside, dict) and inside.get("type") == "event" and isinstance(inside.get("attributes"), dict)


def _parsed(line: Line) -> Any:
    if line.is_cut:
        raise Invalid(f"The line is {line.length} bytes long; at most {LONGEST} are allowed.")
    try:
        return parse_json(line.text)
    except Invalid as problem:
        raise Invalid(problem.detail.replace("The body", "The line")) from None
    except Problems as several:
        raise Problems([Invalid(one.detail, pointer=one.pointer) for one in several.problems]) from None


def _described(raw: Any, shape: EventShape) -> dict[str, Any]:
    """Return what a line says as the attributes of an event; raises `Invalid`."""
    if not isinstance(raw, dict):
        raise Invalid(f"The line is a JSON {type(raw).__name__}; it must be an object.")
    inside = raw["data"]["attributes"] if _is_enveloped(raw) else raw
    found = _mapped(inside, shape) if shape.mapping else dict(inside)
    if shape.metric is not None:
        found.setdefault("metric", shape.metric)
    if isinstance(found.get("metric"), str):
        found["metric"] = {"name": found["metric"]}
    _check_parts(found)
    found["metric"] = _enveloped(found.get("metric"), "metric")
    found["profile"] = _enveloped(found.get("profile"), "profile")
    found.setdefault("properties", {})
    return {name: value for name, value in found.items() if value is not None}


def _check_parts(found: Mapping[str, Any]) -> None:
    """Raise `Invalid` for an event without a metric or a person, and for a person who is no object."""
    person = found.get("profile")
    wanted = 'an object, like {"email": "sarah@example.com"}'
    if found.get("metric") is None:
        rule = 'The line names no metric; "metric" must be its name, or --metric that of all lines.'
        raise Invalid(rule, pointer="/metric")
    if person is None:
        raise Invalid(f'The line tells of no person; "profile" must be {wanted}.', pointer="/profile")
    if not isinstance(person, dict):
        raise Invalid(f'"profile" is {shown(person)}: it must be {wanted}.', pointer="/profile")


def _enveloped(value: Any, kind: str) -> Any:
    """Return what a line says about a metric or person as the API has it: `{data: {type, id, attributes}}`."""
    if not isinstance(value, dict) or "data" in value:
        return value
    attributes = {name: one for name, one in value.items() if name != "id"}
    data: dict[str, Any] = {"type": kind, "attributes": attributes}
    return {"data": {**data, "id": value["id"]} if value.get("id") else data}


def _mapped(raw: Mapping[str, Any], shape: EventShape) -> dict[str, Any]:
    """Return the attributes that a mapping makes of a line; what it does not name becomes a property of its name."""
    found: dict[str, Any] = {}
    used = {source.split(".")[0] for source in shape.mapping}
    for name, value in raw.items():
        if name in NAMES and name not in used:
            found[name] = dict(value) if isinstance(value, dict) else value
        elif name not in used and not shape.only_mapped:
            _lay(found, ["properties", name], value)
    for source, target in shape.mapping.items():
        value = _taken(raw, source)
        if value is not None and target != "-":
            _lay(found, target.split(".", 1 if target.startswith("properties.") else -1), value)
    return found


def _taken(raw: Mapping[str, Any], path: str) -> Any:
    if path in raw:
        return raw[path]
    at: Any = raw
    for part in path.split("."):
        at = at.get(part) if isinstance(at, dict) else None
    return at


def _lay(found: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        below = found.get(part)
        found[part] = below = below if isinstance(below, dict) else {}
        found = below
    found[path[-1]] = value
