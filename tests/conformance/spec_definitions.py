"""Flow definitions drawn from a published API description: what its schema allows, as plain data."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

SPECIFICATION = Path(__file__).parents[3] / "shared" / "spec" / "openapi-2026-07-15.json"
METRIC, GROUP, TEMPLATE = "Metr1x", "Gr0upx", "Templ8"
IDS = {
    "metric_id": METRIC,
    "conversion_metric_id": METRIC,
    "trigger_id": METRIC,
    "template_id": TEMPLATE,
    "list_id": GROUP,
    "group_ids": GROUP,
}
TEXTS = {"time": "10:30:00", "date": "2024-05-01", "date-time": "2024-05-01T10:00:00+00:00"}
NOT_ON_CREATE = {"id", "temporary_id", "links"}
TWO_WAYS = ("conditional-split", "trigger-split", "action-output-split")


class Drawer:
    """Draws values that the schemas of a description allow; the same seed draws the same."""

    def __init__(self, schemas: dict[str, Any], seed: int) -> None:
        self._schemas = schemas
        self._random = random.Random(seed)

    @classmethod
    def of(cls, seed: int) -> Drawer:
        """Return a drawer over the description."""
        return cls(json.loads(SPECIFICATION.read_text())["components"]["schemas"], seed)

    def definition(self) -> dict[str, Any]:
        """Return a definition whose actions stand in a row."""
        flow = self._schemas["FlowDefinition"]["properties"]
        kinds = flow["actions"]["items"]["oneOf"]
        actions = [self._value(self._random.choice(kinds)) for _ in range(self._random.randint(1, 4))]
        for number, action in enumerate(actions):
            self._place(action, number, f"t{number + 1}" if number + 1 < len(actions) else None)
        trigger = self._value(self._random.choice(flow["triggers"]["items"]["oneOf"]))
        if trigger.get("id") is not None:
            trigger["id"] = METRIC if trigger["type"] == "metric" else GROUP
        return {
            "triggers": [trigger],
            "profile_filter": self._value(flow["profile_filter"]),
            "actions": actions,
            "entry_action_id": "t0",
            "reentry_criteria": self._value(flow["reentry_criteria"]),
        }

    def _place(self, action: dict[str, Any], number: int, following: str | None) -> None:
        action["temporary_id"] = f"t{number}"
        if action["type"] in TWO_WAYS:
            action["links"] = {"next_if_true": following, "next_if_false": None}
        elif action["type"] == "multi-branch-split":
            obey_branches(action.get("data") or {})
            for branch in (action.get("data") or {}).get("branches", ()):
                branch["links"] = {"next": following}
        else:
            action["links"] = {"next": following}
        obey_shares((action.get("data") or {}).get("current_experiment") or {})
        if action["type"] == "trigger-split" and action.get("data"):
            group = action["data"]["trigger_type"] in ("list", "segment")
            action["data"]["trigger_id"] = GROUP if group else METRIC

    def _value(self, schema: dict[str, Any], key: str = "") -> Any:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[-1]]
        if schema.get("nullable") and self._random.random() < 0.2:
            return None
        if "oneOf" in schema:
            return self._value(self._random.choice(schema["oneOf"]), key)
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        return self._of_type(schema, key)

    def _of_type(self, schema: dict[str, Any], key: str) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self._value(schema["items"], key) for _ in range(self._random.randint(1, 2))]
            case "string":
                return TEXTS.get(schema.get("format", ""), IDS.get(key, "text"))
            case "integer":
                return self._random.randint(1, 9)
            case "number":
                return self._random.choice([1.5, 2.25])
            case "boolean":
                return self._random.random() < 0.5
            case _:
                return None

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        return {
            name: self._value(below, name)
            for name, below in schema.get("properties", {}).items()
            if name in required or (name not in NOT_ON_CREATE and self._random.random() < 0.8)
        }


def obey_branches(data: dict[str, Any]) -> None:
    """Let drawn branches follow the rules that a schema cannot state: several, told apart, the last for the rest."""
    branches = data.get("branches", [])
    while branches and len(branches) < 2:
        branches.append({**branches[0]})
    for number, branch in enumerate(branches):
        last = number + 1 == len(branches)
        branch.update(branch_id=f"b{number}", order=number, is_else=last)
        if last:
            branch["branch_filter"] = None


def obey_shares(experiment: dict[str, Any]) -> None:
    """Give the variations of a drawn experiment names, and shares that sum to the whole."""
    variations = experiment.get("variations", [])
    for number, variation in enumerate(variations):
        variation["temporary_id"] = f"v{number}"
    if experiment.get("allocations") is not None:
        experiment["allocations"] = {f"v{number}": 100 / len(variations) for number in range(len(variations))}
