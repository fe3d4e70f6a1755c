"""docs/coverage.md names every part of a definition that the published description has, nothing else, and its state.

docs/operations.md does the same for the operations of the API.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.api.resources import OPERATIONS
from headrace.flows.definition import DefinitionModel
from headrace.flows.readiness import why_not_live

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT.parent / "shared" / "spec" / "openapi-2026-07-15.json"
NOT_RUNNING = {"date, custom-object", "price-drop", "low-inventory", "back-in-stock-delay", "code"}
NOT_RUNNING |= {"schedule-report", "schedule-report-builder-report", "unknown", "profile-postal-code-distance"}
needs_description = pytest.mark.skipif(
    not SPECIFICATION.exists(),
    reason=f"{SPECIFICATION.name} is not at hand: the API description is not part of Headrace",
)


def script(name: str) -> Any:
    """Return a module of the scripts folder."""
    spec = importlib.util.spec_from_file_location(f"{name}_page", ROOT / "scripts" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


coverage = script("coverage")
operation_coverage = script("operation_coverage")


def words(rows: Iterator[tuple[str, ...]], *columns: int) -> set[tuple[str, ...]]:
    """Return some columns of the rows without their marks."""
    return {tuple(row[column].replace("`", "") for column in columns) for row in rows}


class Description:
    """The published description: the words that it allows inside a definition."""

    def __init__(self) -> None:
        self._schemas = json.loads(SPECIFICATION.read_text())["components"]["schemas"]
        self.flow = self._schemas["FlowDefinition"]["properties"]

    def resolved(self, schema: Any) -> Any:
        """Follow references."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def objects(self, schema: Any) -> Iterator[dict[str, Any]]:
        """Yield the properties of every object below a schema, its own included."""
        schema = self.resolved(schema)
        if schema.get("properties"):
            yield {name: self.resolved(one) for name, one in schema["properties"].items()}
        inside = [*schema.get("properties", {}).values(), *schema.get("oneOf", ())]
        for one in [*inside, schema["items"]] if "items" in schema else inside:
            yield from self.objects(one)

    def named(self, schema: Any, *keys: str) -> set[tuple[str, ...]]:
        """Return the combinations of words that the objects having all of these keys allow for them."""
        found: set[tuple[str, ...]] = set()
        for properties in self.objects(schema):
            if all(self.words(properties.get(key, {})) for key in keys):
                found |= product([self.words(properties[key]) for key in keys])
        return found

    def words(self, schema: Any) -> list[str]:
        """Return the words of an enumeration, or of a choice between some."""
        schema = self.resolved(schema)
        return schema.get("enum") or [word for one in schema.get("oneOf", ()) for word in self.words(one)]

    def conditions(self) -> dict[str, Any]:
        """Return the schemas of each type of condition."""
        found: dict[str, list[Any]] = {}
        for properties in self.objects({"properties": self.flow}):
            for conditions in [properties["conditions"]["items"]] if "conditions" in properties else []:
                for one in conditions.get("oneOf", [conditions]):
                    for name in self.resolved(one)["properties"]["type"]["enum"]:
                        found.setdefault(name, []).append(one)
        return {name: {"oneOf": schemas} for name, schemas in found.items()}


def product(columns: list[list[str]]) -> set[tuple[str, ...]]:
    """Return every combination of one word of each column."""
    return {(word, *rest) for word in columns[0] for rest in (product(columns[1:]) if columns[1:] else {()})}


@needs_description
def test_the_page_has_the_triggers_of_the_description() -> None:
    """Triggers, and those on dates by what the date is read from."""
    description = Description()
    choices = description.flow["triggers"]["items"]["oneOf"]
    expected = set().union(*(description.named(one, "type", "date_field_type") for one in choices))
    dated = {kind for kind, _ in expected}
    plain = {description.resolved(one)["properties"]["type"]["enum"][0] for one in choices} - dated
    assert {", ".join(one) for one in expected} | plain == {name for (name,) in words(coverage.trigger_rows(), 0)}


@needs_description
def test_the_page_has_the_actions_of_the_description() -> None:
    """Actions, the services of one of them and the operations of another."""
    description = Description()
    actions = description.flow["actions"]["items"]
    types = {(description.resolved(one)["properties"]["type"]["enum"][0],) for one in actions["oneOf"]}
    assert types == words(coverage.action_rows(), 0)
    assert description.named(actions, "service_method_type") == words(coverage.service_rows(), 0)
    operations = description.named(actions, "operator", "property_type") | {("delete", "")}
    assert operations == words(coverage.operation_rows(), 0, 1)


@needs_description
def test_the_page_has_the_conditions_of_the_description() -> None:
    """All twenty types, in whatever filter they stand."""
    expected = {(name,) for name in Description().conditions()}
    assert expected == words(coverage.condition_rows(), 0)
    assert 20 == len(expected)


@needs_description
def test_the_page_has_the_value_filters_of_the_description() -> None:
    """Each operator of each type of filter, in the conditions that take it."""
    description = Description()
    expected = {
        (operator, kind, condition)
        for condition, schema in description.conditions().items()
        for kind, operator in description.named(schema, "type", "operator")
    }
    rows = words(coverage.filter_rows(), 0, 1, 3)
    assert expected == {(operator, kind, one) for operator, kind, where in rows for one in where.split(", ")}


@needs_description
def test_the_page_has_the_consent_filters_of_the_description() -> None:
    """Each field of a consent, and each method by which one may have come about."""
    description = Description()
    every = {"oneOf": list(description.conditions().values())}
    methods = description.named(every, "field", "method")
    fields = {(field, "") for (field,) in description.named(every, "field")} - {(field, "") for field, _ in methods}
    assert methods | fields == words(coverage.consent_rows(), 1, 0)


def test_only_what_is_known_does_not_run() -> None:
    """Everything else is told to run; the two conditions on whose data there is a word are told to run on it."""
    rows = [row for name in ROWS for row in getattr(coverage, name)()]
    assert NOT_RUNNING == {row[0].replace("`", "") for row in rows if not row[-1].startswith(coverage.RUNS)}


ROWS = (
    "trigger_rows",
    "action_rows",
    "service_rows",
    "operation_rows",
    "condition_rows",
    "filter_rows",
    "consent_rows",
)


def test_the_state_of_an_action_follows_from_its_model() -> None:
    """An action that is marked as not running is told so, and so is one that is passed over."""
    assert coverage.STORED == coverage.action_state(coverage.ACTIONS["back-in-stock-delay"])
    assert coverage.PASSED == coverage.action_state(coverage.ACTIONS["code"])
    assert coverage.RUNS == coverage.action_state(coverage.ACTIONS["time-delay"])


def test_a_flow_with_what_is_stored_only_is_refused() -> None:
    """What the page says of going live is what the check before it says."""
    action = {"id": "1", "type": "back-in-stock-delay", "links": None}
    date = {
        "type": "date",
        "date_field_type": "custom-object",
        "custom_object_label": "Pet",
        "trigger_time": "09:00:00",
    }
    date |= {"custom_object_property_id": 1, "object_type_id": "a", "object_type_relationship_id": "b"}
    date |= {"timedelta_value_before_date": 1}
    document = {"triggers": [date], "actions": [action], "entry_action_id": "1"}
    DefinitionModel.model_validate(document)
    assert ["/triggers/0", "/actions/0"] == [problem.pointer for problem in why_not_live(document)]


@needs_description
def test_the_page_has_the_operations_of_the_description() -> None:
    """Each operation under its tag, with its method and path."""
    paths = json.loads(SPECIFICATION.read_text())["paths"]
    expected = {
        (tag, method.upper(), path, operation["operationId"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method in ("get", "post", "patch", "put", "delete")
        for tag in operation["tags"]
    }
    found = operation_coverage.published()
    assert expected == {(one.tag, one.method, one.path, one.id) for one in found}
    assert len(expected) == len(found)


def test_what_is_ticked_is_served_where_it_is_published() -> None:
    """An operation of ours with a published id has the method, the path and the tag of the published one."""
    published = {one.id: (one.tag, one.method, plain(one.path)) for one in operation_coverage.published()}
    served = {one.id: (one.tag, one.method, plain(one.path)) for one in OPERATIONS if one.until is None}
    assert {name: row for name, row in published.items() if name in served} == {
        name: row for name, row in served.items() if name in published
    }


def plain(path: str) -> str:
    """Return a path without the names of what it takes."""
    return re.sub(r"\{\w+\}", "{}", path)


@pytest.mark.parametrize("name", ["coverage", "operation_coverage", "reference"])
def test_the_generated_pages_are_current(name: str) -> None:
    """`make docs` would change nothing."""
    for path, text in script(name).pages().items():
        assert text == path.read_text(), f"{path.name} is not current; run `make docs`"
