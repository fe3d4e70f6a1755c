"""From the rows of a CSV file to people, each checked by the rules of the API.

What is here: laying cells together, checking them, and telling which column a problem is about. What is not: the rules
(`api.commands`) and writing. Follows reference 7.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from headrace.api.commands.limits import surely_within
from headrace.api.commands.profile_bodies import ProfileAttributes
from headrace.api.commands.profiles import change_of, mistakes_in
from headrace.cli.imports.columns import IDENTIFIERS, Column
from headrace.cli.imports.csv_rows import Cells
from headrace.engine.imports import Record
from headrace.errors import Invalid, Problem
from headrace.jsonapi.problems import from_validation
from headrace.model import Channel
from headrace.storage.identity import Kind
from headrace.storage.profile_wishes import Wish

_ATTRIBUTES: TypeAdapter[ProfileAttributes] = TypeAdapter(ProfileAttributes)

CHANNELS: Mapping[str, tuple[Channel, Kind]] = {
    "email": (Channel.EMAIL, Kind.EMAIL),
    "sms": (Channel.SMS, Kind.PHONE),
    "whatsapp": (Channel.WHATSAPP, Kind.PHONE),
}
"""Channels that consent is imported for, and the address that each needs."""
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Someone:
    """A row: what is to become of a profile, and what the person agreed to, by the names in `CHANNELS`."""

    wish: Wish
    consents: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def has_address(self, channel: str) -> bool:
        """Whether the row gives the address that a channel needs."""
        return any(one.kind is CHANNELS[channel][1] for one in self.wish.change.identifiers())


Person = Record[Someone]


class ProfileRows:
    """Reads the rows of one file as people."""

    __slots__ = ("_columns", "_header", "_identifiers")

    def __init__(self, header: Sequence[str], columns: Sequence[Column]) -> None:
        self._header = tuple(header)
        self._columns = tuple(columns)
        self._identifiers = ", ".join(column.heading for column in columns if column.target in IDENTIFIERS)

    def people(self, rows: Iterator[Cells]) -> Iterator[Person]:
        """Yield one record per row, in the order of the file."""
        return map(self.person, rows)

    def person(self, cells: Cells) -> Person:
        """Return what a row says about a person, or what is wrong with it."""
        if not any(cells.values) and cells.rule is None:
            return Record(cells.row, cells.end, cells.values, None)
        problems: list[Problem] = []
        if cells.rule is not None:
            problems = [Invalid(f"The row cannot be read: {cells.rule}.")]
        elif len(cells.values) != len(self._header):
            detail = f"The row has {len(cells.values)} cells; the header has {len(self._header)}."
            problems = [Invalid(detail)]
        person = None if problems else self._checked(cells.values, problems)
        return Record(cells.row, cells.end, cells.values, None if problems else person, tuple(problems))

    def find(self, problem: Problem, values: Any) -> tuple[str, str | None]:
        """Return the heading of the column that a problem is about, and its cell; both empty where there is none."""
        pointer = (problem.pointer or "").removeprefix("/attributes")
        for column in self._columns:
            own = column.pointer
            if (pointer == own or pointer.startswith(f"{own}/")) and column.number < len(values):
                return column.heading, values[column.number]
        return "", None

    def _checked(self, values: Sequence[str], problems: list[Problem]) -> Someone | None:
        attributes = self._attributes(values, problems)
        profile_id, consents = attributes.pop("id", None), attributes.pop("consent", NOTHING)
        try:
            checked = _ATTRIBUTES.validate_python(attributes)
        except ValidationError as error:
            problems += from_validation(error, attributes).problems
            return None
        change = change_of(checked, None)
        if not surely_within(change.properties):
            problems += mistakes_in(change, "")
        if not profile_id and attributes.keys().isdisjoint(IDENTIFIERS):
            detail = f"A person needs an identifier; the row gives none of {self._identifiers}."
            problems.append(Invalid(detail))
        someone = Someone(Wish(change, profile_id), consents)
        problems += (
            Invalid(f"Consent by {channel} needs an address that the row does not give.", pointer=f"/consent/{channel}")
            for channel in consents
            if not someone.has_address(channel)
        )
        return someone

    def _attributes(self, values: Sequence[str], problems: list[Problem]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for column in self._columns:
            text = values[column.number].strip()
            if not text:
                continue
            try:
                value = column.read(text)
            except ValueError as error:
                problems.append(Invalid(f'"{column.heading}" is "{text[:80]}": {error}.', pointer=column.pointer))
                continue
            if value is not None:
                (found.setdefault(column.section, {}) if column.section else found)[column.name] = value
        return found
