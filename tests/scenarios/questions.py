"""A flow that asks everybody several questions, one after the other, so that a table of people and answers is short.

questions: {gold: a condition, either: [a condition, or another], both: {condition_groups: ...}}
asked_by: conditional-split         or trigger-split or multi-branch-split
asked_on: Checkout Started          the metric that starts the flow; "Asked", which needs no mention, unless given
expect.held: {gold: [ana, ben]}      who was led to yes; see outcomes.py

A flow of splits alone does nothing, so that nobody would enter it; hence the person is marked in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ASKED = "Asked"
FILTERS = {"conditional-split": "profile_filter", "trigger-split": "trigger_filter"}
MARK = {"operator": "update", "property_key": "was asked", "property_type": "boolean", "property_value": True}
END = {
    "temporary_id": "end",
    "type": "update-profile",
    "links": {"next": None},
    "data": {"status": "live", "profile_operations": [MARK]},
}


def flow_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flow of one split per question; yes and no lead to the next question alike."""
    names = list(told["questions"])
    kind, metric = told.get("asked_by", "conditional-split"), {"metric": told.get("asked_on", ASKED)}
    return {
        "triggers": [{"type": "metric", "id": metric}],
        "entry_action_id": names[0],
        "actions": [
            *(
                _split(kind, name, following, asked_of(told["questions"][name]), metric)
                for name, following in zip(names, [*names[1:], "end"], strict=True)
            ),
            END,
        ],
    }


def asked_of(told: Any) -> dict[str, Any]:
    """Return condition groups for a condition, for several that are joined by OR, and for groups as they are."""
    if isinstance(told, Mapping) and "condition_groups" in told:
        return dict(told)
    return {"condition_groups": [{"conditions": told if isinstance(told, list) else [told]}]}


def _split(kind: str, name: str, following: str | None, asked: Any, metric: Mapping[str, str]) -> dict[str, Any]:
    action = {"temporary_id": name, "type": kind}
    if kind == "multi-branch-split":
        links = {"next": following}
        yes = {"branch_id": f"{name} yes", "order": 0, "branch_filter": asked, "links": links}
        rest = {"branch_id": f"{name} no", "is_else": True, "links": links}
        return {**action, "data": {"name": name, "branches": [yes, rest]}}
    data = {FILTERS[kind]: asked}
    if kind == "trigger-split":
        data |= {"trigger_id": metric, "trigger_type": "metric"}
    return {**action, "links": {"next_if_true": following, "next_if_false": following}, "data": data}
