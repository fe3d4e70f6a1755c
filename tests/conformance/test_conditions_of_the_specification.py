"""Conditions are read exactly as the published API description writes them: nothing more is taken, nothing less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from spec_definitions import SPECIFICATION

from headrace.conditions import (
    ActionOutputFilter,
    BranchFilter,
    FlowFilter,
    LowInventoryFilter,
    PriceDropFilter,
    ProfileFilter,
    TriggerFilter,
    TriggerSplitFilter,
)
from headrace.conditions.parsing import parse
from headrace.conditions.segment_definition import SegmentDefinition
from headrace.errors import Problems

needs_description = pytest.mark.skipif(
    not SPECIFICATION.exists(),
    reason=f"{SPECIFICATION.name} is not at hand: the API description is not part of Headrace",
)

PLACES: Mapping[tuple[str, str], Any] = {
    ("FlowDefinition", "profile_filter"): FlowFilter,
    ("ConditionalBranchActionData", "profile_filter"): ProfileFilter,
    ("FlowEmail", "additional_filters"): ProfileFilter,
    ("MultiBranchSplitBranch", "branch_filter"): BranchFilter,
    ("MetricTrigger", "trigger_filter"): TriggerFilter,
    ("PriceDropTrigger", "trigger_filter"): PriceDropFilter,
    ("LowInventoryTrigger", "trigger_filter"): LowInventoryFilter,
    ("TriggerBranchActionData", "trigger_filter"): TriggerSplitFilter,
    ("ActionOutputSplitActionData", "action_output_filter"): ActionOutputFilter,
    ("SegmentDefinition", ""): SegmentDefinition,
}
"""Where the description has a filter, as a field or as the whole of a schema, and what reads it."""

WORDS = {"date-time": "2024-05-01T10:00:00+00:00", "date": "2024-05-01"}
OF_TYPE: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class Description:
    """The schemas of the description: what they allow, and documents that try it."""

    def __init__(self) -> None:
        self._schemas = json.loads(SPECIFICATION.read_text())["components"]["schemas"]

    def conditions(self, schema: str, field: str) -> list[Any]:
        """Return the schemas of the conditions that a filter takes."""
        whole = self._schemas[schema]
        held = whole["properties"][field] if field else whole
        group = self._named(held["properties"]["condition_groups"]["items"])
        items = group["properties"]["conditions"]["items"]
        return items.get("oneOf", [items])

    def _named(self, schema: Any) -> Any:
        return self._schemas[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema

    def allows(self, schema: Any, value: Any) -> bool:
        """Tell whether a schema allows a value; fields that it does not name are refused."""
        if value is None:
            return bool(schema.get("nullable")) or self._within(schema, value)
        return self._within(schema, value)

    def _within(self, schema: Any, value: Any) -> bool:
        if "$ref" in schema:
            return self.allows(self._schemas[schema["$ref"].rsplit("/", 1)[-1]], value)
        if "oneOf" in schema:
            return any(self.allows(one, value) for one in schema["oneOf"])
        if "type" not in schema:
            return True
        if not isinstance(value, OF_TYPE[schema["type"]]) or (
            isinstance(value, bool) is not (schema["type"] == "boolean")
        ):
            return False
        if "enum" in schema and value not in schema["enum"]:
            return False
        if isinstance(value, list):
            return all(self.allows(schema["items"], one) for one in value)
        return not isinstance(value, dict) or self._object_allows(schema, value)

    def _object_allows(self, schema: Any, value: Any) -> bool:
        fields = schema.get("properties", {})
        return set(schema.get("required", ())) <= set(value) <= set(fields) and all(
            self.allows(fields[name], below) for name, below in value.items()
        )

    def documents(self, schema: Any) -> Iterator[Any]:
        """Yield documents, good ones first and bad ones after, that differ from a good one in one place each."""
        if schema.get("nullable"):
            yield from self._documents({**schema, "nullable": False})
        else:
            yield from self._documents(schema)
        yield None

    def _documents(self, schema: Any) -> Iterator[Any]:
        if "$ref" in schema:
            yield from self._documents(self._schemas[schema["$ref"].rsplit("/", 1)[-1]])
        elif "oneOf" in schema:
            for one in schema["oneOf"]:
                yield from self._documents(one)
        elif "enum" in schema:
            yield from (*schema["enum"], "no such word")
        else:
            yield from self._of_type(schema)

    def _of_type(self, schema: Any) -> Iterator[Any]:
        match schema.get("type"):
            case "object":
                yield from self._objects(schema)
            case "array":
                for one in self._documents(schema["items"]):
                    yield [one]
                yield from ([], [None], "text")
            case "string":
                yield from (WORDS.get(schema.get("format", ""), "text"), 5)
            case "integer":
                yield from (5, 1.5, "5", True)
            case "number":
                yield from (1.5, "1.5", True)
            case "boolean":
                yield from (True, False, "true", 1)
            case _:
                yield None

    def _objects(self, schema: Any) -> Iterator[Any]:
        fields = schema.get("properties", {})
        base = {name: next(self._documents(below)) for name, below in fields.items()}
        yield base
        for name, below in fields.items():
            for value in self.documents(below):
                yield {**base, name: value}
            yield {key: value for key, value in base.items() if key != name}
        yield {**base, "no_such_field": 1}
        yield "text"


def taken(model: Any, condition: Any) -> bool:
    """Tell whether a filter takes a condition."""
    try:
        parse(model, {"condition_groups": [{"conditions": [condition]}]})
    except Problems:
        return False
    return True


def more_lenient(condition: Any) -> bool:
    """Tell whether a document is one that is taken though the description does not have it.

    Our choice: a null timeframe is no timeframe, with `is_member` false too.
    """
    lone = isinstance(condition, dict) and condition.get("is_member") is False
    return lone and condition.get("timeframe_filter", 0) is None


@needs_description
@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_filter_takes_what_the_description_allows_and_nothing_else(place: tuple[str, str]) -> None:
    """Every word, field and shape is tried, and every single mistake next to it."""
    description, model = Description(), PLACES[place]
    schemas = description.conditions(*place)
    tried = [document for schema in schemas for document in description.documents(schema) if not more_lenient(document)]
    allowed = [any(description.allows(one, document) for one in schemas) for document in tried]
    assert {True, False} == set(allowed)
    wrong = [one for one, allows in zip(tried, allowed, strict=True) if allows != taken(model, one)]
    assert [] == wrong


@needs_description
def test_every_type_and_operator_of_the_description_is_tried() -> None:
    """The documents above hold each word that the description has for conditions."""
    description = Description()
    kinds: set[str] = set()
    for place in PLACES:
        for schema in description.conditions(*place):
            kinds |= {one["type"] for one in description.documents(schema) if isinstance(one, dict) and "type" in one}
    assert 21 == len(kinds - {"no such word", None})
