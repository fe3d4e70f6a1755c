"""Flows written by hand, with names in the place of ids, as a simulation reads them."""

from __future__ import annotations

from typing import Any

from engine_shop import delay, email, split

DAYS = (0, 2, 7, 14, 28)
"""On which days after joining the messages of the welcome series go out."""


def document(name: str, trigger: dict[str, Any], *actions: dict[str, Any]) -> dict[str, Any]:
    """Return a flow's file whose first action is the entry."""
    definition = {
        "triggers": [trigger],
        "profile_filter": None,
        "actions": list(actions),
        "entry_action_id": actions[0]["temporary_id"],
    }
    return {"name": name, "status": "live", "definition": definition}


def on_metric(name: str) -> dict[str, Any]:
    """Return the trigger that waits for events of a metric."""
    return {"type": "metric", "id": name, "trigger_filter": None}


def on_list(name: str) -> dict[str, Any]:
    """Return the trigger that waits for people who come on a list."""
    return {"type": "list", "id": name}


def welcome_series() -> dict[str, Any]:
    """Return five e-mails within 28 days after joining the newsletter."""
    actions = []
    for number, day in enumerate(DAYS):
        following = f"wait {number + 1}" if number + 1 < len(DAYS) else None
        if number:
            days = day - DAYS[number - 1]
            actions.append(delay(f"wait {number}", f"mail {number}", unit="days", value=days))
        actions.append({**email(f"mail {number}", f"Letter {number}", following)})
    return document("Welcome series", on_list("Newsletter"), *actions)


def cart_flow(buyers_leave: bool = True) -> dict[str, Any]:
    """Return a reminder an hour after a checkout, for those who have not ordered since, and a second one."""
    ordered = {
        "type": "profile-metric",
        "metric_id": "Placed Order",
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 1},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
        "metric_filters": None,
    }
    return document(
        "Cart",
        on_metric("Checkout Started"),
        delay("wait", "ordered?", unit="hours", value=1),
        split("ordered?", ordered, None if buyers_leave else "thanks", "reminder"),
        email("reminder", "Reminder", "longer wait"),
        delay("longer wait", "last call", unit="days", value=2),
        email("last call", "Last call"),
        *(() if buyers_leave else (email("thanks", "Thanks"),)),
    )
