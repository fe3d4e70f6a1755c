"""Any definition that the published 2026-07-15 description allows is stored and returned unchanged.

Definitions are drawn at random from the description itself, which is not part of the project: without it these tests
are skipped.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.flows import as_creation, assign_ids, compile_flow, legacy, validate, why_not_live
from headrace.flows.actions import ACTIONS, WITH_STATUS
from headrace.flows.edit import delete_action, replace_action
from headrace.flows.references import relink
from headrace.flows.spelling import from_camel, to_camel
from headrace.flows.triggers import TRIGGERS
from headrace.flows.walk import links_of, messages_of, nested_actions

DESCRIPTION = Path(__file__).parents[4] / "shared" / "spec" / "openapi-2026-07-15.json"
DRAWN = 300
TEXTS = {"date-time": "2022-11-08T00:00:00+00:00", "date": "2022-11-08", "time": "12:30:00"}

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason=f"no published description at {DESCRIPTION}")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The schemas of the description."""
    found: dict[str, Any] = json.loads(DESCRIPTION.read_text())["components"]["schemas"]
    return found


class Drawer:
    """Draws values that a schema allows."""

    def __init__(self, schemas: dict[str, Any], seed: int) -> None:
        self.schemas = schemas
        self.random = random.Random(seed)

    def definition(self) -> dict[str, Any]:
        """Draw a definition whose links make a chain, as a description cannot demand."""
        drawn = self.draw({"$ref": "#/components/schemas/FlowDefinition"})
        drawn["triggers"] = drawn["triggers"][:1]
        count = len(drawn["actions"])
        for place, action in enumerate(drawn["actions"]):
            action["temporary_id"] = f"t{place}"
            chain(action, f"t{place + 1}" if place + 1 < count else None)
        drawn["entry_action_id"] = "t0" if count else None
        return drawn

    def draw(self, schema: dict[str, Any]) -> Any:
        """Draw a value of one schema."""
        if schema.get("nullable") and self.random.random() < 0.2:
            return None
        if "$ref" in schema:
            return self.draw(self.schemas[schema["$ref"].rsplit("/", 1)[-1]])
        for choice in ("oneOf", "enum"):
            if choice in schema:
                chosen = self.random.choice(schema[choice])
                return self.draw(chosen) if choice == "oneOf" else chosen
        return self._of_type(schema)

    def _of_type(self, schema: dict[str, Any]) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self.draw(schema["items"]) for _ in range(self.random.choice([0, 1, 1, 2, 3]))]
            case "integer":
                return self.random.randint(1, 12)
            case "number":
                return self.random.choice([0.25, 1.5, 2])
            case "boolean":
                return self.random.random() < 0.5
            case "string":
                return TEXTS.get(schema.get("format", ""), self.random.choice(["abc", "X y", ""]))
            case _:
                return None

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "properties" not in schema:
            return {"a b": "x", "fooBar_c": 1}
        required = schema.get("required", [])
        chosen = {
            name: part for name, part in schema["properties"].items() if name in required or self.random.random() < 0.6
        }
        return {name: self.draw(part) for name, part in chosen.items()}


def chain(action: dict[str, Any], target: str | None) -> None:
    """Take out the ids that are not allowed on create, obey the rules between parts, lead every link to `target`."""
    action.pop("id", None)
    if action["type"] == "code":
        action["data"] = {"anything": ["all"]}
    obey_rules(action.get("data"))
    for message in messages_of(action):
        message.value.pop("id", None)
    for nested in nested_actions(action):
        nested.value.pop("id", None)
    for link in list(links_of(action)):
        link.holder[link.key] = target


def obey_rules(data: Any) -> None:
    """Let branches, variations and their shares follow the rules that a schema cannot state."""
    data = data if isinstance(data, dict) else {}
    branches = data.get("branches", [])
    branches += [{"branch_id": ""} for _ in range(2 - len(branches))] if "branches" in data else []
    for place, branch in enumerate(branches):
        last = place + 1 == len(branches)
        branch.update(branch_id=f"b{place}", order=place, is_else=last)
        if last:
            branch["branch_filter"] = None
    experiment = data.get("current_experiment") or {}
    experiment.pop("id", None)
    for place, variation in enumerate(experiment.get("variations", [])):
        variation["temporary_id"] = f"v{place}"
    if experiment.get("allocations") is not None:
        names = [one["temporary_id"] for one in experiment["variations"]]
        experiment["allocations"] = {name: 100 / len(names) for name in names}
    if isinstance(data.get("main_action"), dict):
        data["main_action"].pop("temporary_id", None)


def drawn(schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Draw definitions, without shared parts."""
    drawer = Drawer(schemas, seed=7)
    return (json.loads(json.dumps(drawer.definition())) for _ in range(DRAWN))


def stored(document: dict[str, Any]) -> dict[str, Any]:
    """Give a definition ids 1, 2, ... and M1, M2, ..."""
    numbers, names = itertools.count(1), itertools.count(1)
    return assign_ids(document, lambda: next(numbers), lambda: f"M{next(names)}")


def test_every_type_of_the_description_is_known(schemas: dict[str, Any]) -> None:
    """All triggers and all actions, and which of them have a status."""

    def types(part: str) -> dict[str, dict[str, Any]]:
        choices = schemas["FlowDefinition"]["properties"][part]["items"]["oneOf"]
        found = [schemas[choice["$ref"].rsplit("/", 1)[-1]] for choice in choices]
        return {schema["properties"]["type"]["enum"][0]: schema for schema in found}

    def has_status(action: dict[str, Any]) -> bool:
        data = action["properties"].get("data", {})
        data = schemas[data["$ref"].rsplit("/", 1)[-1]] if "$ref" in data else data
        return "status" in data.get("properties", {})

    actions = types("actions")
    assert set(ACTIONS) == set(actions)
    assert set(TRIGGERS) == set(types("triggers"))
    assert WITH_STATUS >= {kind for kind, action in actions.items() if has_status(action)}


def test_what_the_description_allows_is_stored_and_returned_unchanged(schemas: dict[str, Any]) -> None:
    """Ids aside: exporting what was created and creating it again gives the same definition."""
    for document in drawn(schemas):
        before = json.dumps(document)
        definition = stored(validate(document, creating=True).document)
        assert before == json.dumps(document)
        assert validate(definition, creating=False).document is definition
        assert definition == stored(as_creation(definition))
        assert definition == relink(definition)
        assert definition == from_camel(to_camel(definition))


def test_what_the_description_allows_can_be_compiled_viewed_and_edited(schemas: dict[str, Any]) -> None:
    """Whatever its types, no part of a stored definition makes anything fail."""
    for document in drawn(schemas):
        definition = stored(document)
        compiled = compile_flow("FLOW01", "Drawn", "draft", 1, definition)
        why_not_live(definition)
        for action in definition["actions"]:
            number = int(action["id"])
            assert definition == replace_action(definition, number, action)
            assert validate(delete_action(definition, number).document, creating=False)
            assert compiled.actions[number].type == action["type"]
            assert legacy.action_type(action)
            for view in (legacy.settings, legacy.tracking_options, legacy.send_options, legacy.content):
                view(action)
