"""What a definition refers to in its account: metrics, lists and segments, templates.

References are found by the keys that hold them, in parts that run and in parts that are only stored. A document of any
correctness is read; what has the wrong shape names nothing.
Source: reference 1.2, 2, 3.1 and the FlowDefinition of the 2026-07-15 description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.conditions.parsing import pointer
from headrace.flows.spelling import FREE_MAPS
from headrace.flows.walk import Document, clone

KINDS: Mapping[str, str] = {
    "metric_id": "metric",
    "conversion_metric_id": "metric",
    "group_ids": "group",
    "list_id": "group",
    "template_id": "template",
}
"""Keys that hold an id, or a list of ids, and what they name."""
BY_TYPE: Mapping[str, str] = {"metric": "metric", "list": "group", "segment": "group"}
"""What the id of a trigger of each type names; other triggers name nothing."""
DEEPEST = 50
"""How many parts lie inside one another in no definition that is correct: deeper ones are not looked at."""
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class References:
    """The ids that a definition names, each with the JSON pointers of where it does so, in their order."""

    metric_ids: Mapping[str, tuple[str, ...]]
    group_ids: Mapping[str, tuple[str, ...]]
    template_ids: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    parts: tuple[str | int, ...]
    holder: Any
    key: str | int
    value: str


def references(document: Mapping[str, Any], base: str = "") -> References:
    """Return everything that a definition refers to, pointers below `base`."""
    kinds: dict[str, dict[str, tuple[str, ...]]] = {"metric": {}, "group": {}, "template": {}}
    for found in _all(document):
        ids = kinds[found.kind]
        ids[found.value] = (*ids.get(found.value, ()), pointer(base, found.parts))
    return References(kinds["metric"], kinds["group"], kinds["template"])


def relink(
    document: Mapping[str, Any],
    *,
    metrics: Mapping[str, str] = NOTHING,
    groups: Mapping[str, str] = NOTHING,
    templates: Mapping[str, str] = NOTHING,
) -> Document:
    """Return a copy of a definition that refers to other things; ids that are not in the maps stay."""
    result: Document = clone(document)
    names = {"metric": metrics, "group": groups, "template": templates}
    for found in list(_all(result)):
        found.holder[found.key] = names[found.kind].get(found.value, found.value)
    return result


def _all(document: Mapping[str, Any]) -> Iterator[_Found]:
    triggers = document.get("triggers")
    for number, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        kind = BY_TYPE.get(str(trigger.get("type"))) if isinstance(trigger, dict) else None
        if kind is not None:
            yield from _ids(kind, trigger, "id", ("triggers", number))
    yield from _walk(document, ())


def _walk(value: Any, parts: tuple[str | int, ...]) -> Iterator[_Found]:
    if isinstance(value, list) and len(parts) <= DEEPEST:
        for number, item in enumerate(value):
            yield from _walk(item, (*parts, number))
    if not isinstance(value, dict) or value.get("type") == "code" or len(parts) > DEEPEST:
        return
    kind = BY_TYPE.get(str(value.get("trigger_type")))
    if kind is not None and "trigger_id" in value:
        yield from _ids(kind, value, "trigger_id", parts)
    for key, item in value.items():
        if key in KINDS:
            yield from _ids(KINDS[key], value, key, parts)
        elif key not in FREE_MAPS:
            yield from _walk(item, (*parts, key))


def _ids(kind: str, holder: Any, key: str | int, parts: tuple[str | int, ...]) -> Iterator[_Found]:
    value = holder[key] if not isinstance(holder, dict) or key in holder else None
    if isinstance(value, str) and value:
        yield _Found(kind, (*parts, key), holder, key, value)
    elif isinstance(value, list) and len(parts) <= DEEPEST:
        for number in range(len(value)):
            yield from _ids(kind, value, number, (*parts, key))
