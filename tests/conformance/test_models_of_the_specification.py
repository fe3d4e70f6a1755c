"""The models of a definition have exactly the fields that the published description gives them.

Every schema below `FlowDefinition` is compared with the model that reads it: names, what is required, enums, defaults
and null. Conditions are compared by their types only. Our models are wider in two points: an object that a schema says
nothing about being null may be null, as live definitions show, and numbers are bounded.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from spec_definitions import SPECIFICATION

from headrace.conditions.parsing import Model, OneOf
from headrace.flows.definition import DefinitionModel

pytestmark = pytest.mark.skipif(not SPECIFICATION.exists(), reason="the published API description is not at hand")

Schema = dict[str, Any]
LENIENT = {("TargetDateData", "target_time"), ("DefinitionModel", "reentry_criteria")}
"""Fields with a default of our own where the description has none."""


class Comparison:
    """Walks through schemas and models side by side and notes where they differ."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.schemas = schemas
        self.seen: set[tuple[str, type[Model]]] = set()
        self.differences: list[str] = []

    def compare(self, schema: Schema, model: type[Model], name: str) -> None:
        """Compare an object's schema with its model, and what is below them."""
        if (name, model) in self.seen:
            return
        self.seen.add((name, model))
        properties, fields = schema.get("properties", {}), model.model_fields
        self._same(f"{name}: fields", set(properties), set(fields))
        for key in properties.keys() & fields.keys():
            self._field(f"{name}.{key}", properties[key], fields[key], key in schema.get("required", ()), model)

    def _field(self, name: str, schema: Schema, field: FieldInfo, required: bool, model: type[Model]) -> None:
        if (model.__name__, field.alias or name.rpartition(".")[2]) not in LENIENT:
            self._same(f"{name}: required", required, field.is_required())
            if not required:
                default = None if field.default is PydanticUndefined else field.default
                self._same(f"{name}: default", schema.get("default"), default)
        kinds = annotation(field)
        self._same(f"{name}: enum", enum_of(self.resolved(schema)), set(literals(kinds)) - {None} or None)
        if self._is_scalar(schema):
            self._same(f"{name}: nullable", bool(schema.get("nullable")), takes_null(kinds))
        elif schema.get("nullable"):
            self._same(f"{name}: nullable", True, takes_null(kinds))
        self._below(name, schema, kinds)

    def _below(self, name: str, schema: Schema, kinds: Any) -> None:
        """Descend into objects, arrays of them and choices between them."""
        schema = self.resolved(schema)
        schema = self.resolved(schema["items"]) if schema.get("type") == "array" else schema
        choices = [self.resolved(one) for one in schema.get("oneOf", [schema])]
        choices = [self.resolved(deeper) for one in choices for deeper in one.get("oneOf", [one])]
        objects = [one for one in choices if one.get("properties")]
        models = list(models_in(kinds))
        if any("condition_groups" in one["properties"] for one in objects):
            self._same(f"{name}: conditions", self._conditions(objects[0]), set(condition_types(models[0])))
            return
        self._same(f"{name}: choices", len(objects), len(models))
        for one in objects:
            found = [
                model for model in models if set(model.model_fields) == set(one["properties"]) and fits(one, model)
            ]
            self._same(f"{name}: models of {sorted(one['properties'])}", 1, len(found))
            if found:
                self.compare(one, found[0], f"{name}/{found[0].__name__}")

    def _conditions(self, schema: Schema) -> set[str]:
        items = schema["properties"]["condition_groups"]["items"]["properties"]["conditions"]["items"]
        choices = [self.resolved(one) for one in items.get("oneOf", [items])]
        return {kind for one in choices for kind in one["properties"]["type"]["enum"]}

    def resolved(self, schema: Schema) -> Schema:
        """Follow a reference."""
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _is_scalar(self, schema: Schema) -> bool:
        return self.resolved(schema).get("type") in ("string", "integer", "boolean", "number") and "$ref" not in schema

    def _same(self, what: str, expected: Any, actual: Any) -> None:
        if expected != actual:
            self.differences.append(f"{what}: {expected!r} is published, {actual!r} is ours")


def annotation(field: FieldInfo) -> Any:
    """Return a field's type with the marks that pydantic took off it."""
    return typing.Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def parts(kind: Any) -> Iterator[Any]:
    """Yield a type and everything inside it; what a choice is made from stands in for the choice."""
    marks = [mark for mark in getattr(kind, "__metadata__", ()) if isinstance(mark, OneOf)]
    if marks:
        yield kind
        for choice in marks[0].table.values():
            yield from parts(choice)
        return
    yield kind
    if get_origin(kind) in (Union, types.UnionType, list, typing.Annotated, typing.Sequence):
        for inner in get_args(kind):
            yield from parts(inner)


def literals(kind: Any) -> Iterator[Any]:
    """Yield the values that a type names."""
    for part in parts(kind):
        if get_origin(part) is Literal:
            yield from get_args(part)


def takes_null(kind: Any) -> bool:
    """Tell whether a type takes null; anything does, unless something checks it."""
    return kind is Any or type(None) in get_args(kind) or None in get_args(kind)


def models_in(kind: Any) -> Iterator[type[Model]]:
    """Yield the models inside a type."""
    for part in parts(kind):
        if isinstance(part, type) and issubclass(part, Model):
            yield part


def fits(schema: Schema, model: type[Model]) -> bool:
    """Tell whether the discriminating enums of a schema and a model agree."""
    named = {key: set(part["enum"]) for key, part in schema["properties"].items() if len(part.get("enum", ())) == 1}
    return all(set(literals(annotation(model.model_fields[key]))) - {None} == value for key, value in named.items())


def condition_types(groups: type[Model]) -> Iterator[str]:
    """Yield the types of conditions that condition groups take."""
    (group,) = models_in(groups.model_fields["condition_groups"].annotation)
    for part in parts(group.model_fields["conditions"].annotation):
        for mark in getattr(part, "__metadata__", ()):
            if isinstance(mark, OneOf):
                yield from (key for key in mark.table)


def enum_of(schema: Schema) -> set[Any] | None:
    """Return the values that a schema, or the items of its array, names.

    None where a model has a better check: zones, and booleans of which both are allowed.
    """
    found = schema.get("items", schema)
    values = set(found.get("enum", ()))
    choices = found.get("oneOf", ())
    if all("enum" in choice for choice in choices):
        values = values.union(*(choice["enum"] for choice in choices))
    return None if "profile" in values or not values or values == {True, False} else values


def test_the_models_have_the_fields_of_the_description() -> None:
    """Names, required, enums, defaults and null, of every part of a definition."""
    schemas = json.loads(SPECIFICATION.read_text())["components"]["schemas"]
    comparison = Comparison(schemas)
    comparison.compare(schemas["FlowDefinition"], DefinitionModel, "FlowDefinition")
    assert comparison.differences == []
    assert len(comparison.seen) > 70


def test_a_model_that_differs_is_told() -> None:
    """The comparison can fail: a field too many, a default, a null."""

    class Odd(Model):
        name: str | None
        size: int = 2
        extra: str = ""

    schema = {
        "properties": {"name": {"type": "string"}, "size": {"type": "integer", "default": 1}},
        "required": ["name"],
    }
    comparison = Comparison({})
    comparison.compare(schema, Odd, "Odd")
    assert sorted(line.partition(": ")[0] + line.split(":")[1] for line in comparison.differences) == [
        "Odd fields",
        "Odd.name nullable",
        "Odd.size default",
    ]
