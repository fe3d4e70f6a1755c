"""Statuses of flows and actions. Source: reference 1.1.

A flow's status, once set, is set on every action that has one; a new flow is a draft whatever its actions say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.flows.actions import WITH_STATUS
from headrace.flows.walk import Document, actions_of, clone, status_of

FLOW_STATUSES = ("draft", "manual", "live")
"""What a flow can be set to; `archived` is shown and not set."""


def with_status(document: Mapping[str, Any], status: str) -> Document:
    """Return a copy of a definition whose actions all have `status`, but for delays and splits, which have none."""
    result: Document = clone(document)
    for part in actions_of(result):
        action = part.value
        if action.get("type") in WITH_STATUS:
            data = action.get("data")
            action["data"] = {**(data if isinstance(data, dict) else {}), "status": status}
    return result


def action_status(action: Mapping[str, Any]) -> str | None:
    """Return an action's status, `draft` where the document leaves it out, None for a type that has none."""
    if action.get("type") not in WITH_STATUS:
        return None
    return status_of(action) or "draft"
