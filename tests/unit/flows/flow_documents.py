"""Factories for definitions, actions and what a step sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from headrace.conditions.facts import EventTotal, Moment, Total
from headrace.errors import Problem
from headrace.flows import assign_ids
from headrace.flows.step import StepContext
from headrace.model import Event, Profile

NOW = datetime(2024, 5, 14, 12, 0, tzinfo=UTC)
"""A Tuesday."""
Document = dict[str, Any]

SAMPLE = {"type": "profile-sample", "percentage": 100}
NO_ORDERS = {
    "type": "profile-metric",
    "metric_id": "ORDERS",
    "measurement": "count",
    "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
    "timeframe_filter": {"type": "date", "operator": "flow-start"},
}


def groups(*conditions: Document) -> Document:
    """Return condition groups that must all hold."""
    return {"condition_groups": [{"conditions": [condition]} for condition in conditions]}


def delay(key: str, next_key: str | None = None, **data: Any) -> Document:
    """Return a time delay, of one hour unless told otherwise."""
    data = {"unit": "hours", "value": 1, **data}
    return {"temporary_id": key, "type": "time-delay", "links": {"next": next_key}, "data": data}


def split(key: str, yes: str | None, no: str | None, *conditions: Document) -> Document:
    """Return a conditional split, asking for everybody unless told otherwise."""
    return {
        "temporary_id": key,
        "type": "conditional-split",
        "links": {"next_if_true": yes, "next_if_false": no},
        "data": {"profile_filter": groups(*(conditions or (SAMPLE,)))},
    }


def email(key: str, next_key: str | None = None, status: str = "live", **message: Any) -> Document:
    """Return an e-mail action."""
    message = {"subject_line": "Hello", "template_id": "TPL001", "name": key, **message}
    return {
        "temporary_id": key,
        "type": "send-email",
        "links": {"next": next_key},
        "data": {"message": message, "status": status},
    }


def sms(key: str, next_key: str | None = None, status: str = "live", **message: Any) -> Document:
    """Return a text message action."""
    return {
        "temporary_id": key,
        "type": "send-sms",
        "links": {"next": next_key},
        "data": {"message": {"body": "Hello", **message}, "status": status},
    }


def other(kind: str, key: str, **fields: Any) -> Document:
    """Return an action of any type."""
    return {"temporary_id": key, "type": kind, **fields}


def definition(*actions: Document, entry: str | None = "a", **fields: Any) -> Document:
    """Return a definition with a metric trigger, as one would create it."""
    return {
        "triggers": [{"type": "metric", "id": "CART", "trigger_filter": None}],
        "profile_filter": None,
        "actions": list(actions),
        "entry_action_id": entry,
        **fields,
    }


def stored(*actions: Document, **fields: Any) -> Document:
    """Return a definition as it is stored: actions numbered 1, 2, ... in their order, messages M1, M2, ..."""
    numbers, names = itertools.count(1), itertools.count(1)
    return assign_ids(definition(*actions, **fields), lambda: next(numbers), lambda: f"M{next(names)}")


def pointers(problems: Iterable[Problem]) -> list[str | None]:
    """Return where the problems are, in order."""
    return [problem.pointer for problem in problems]


@dataclass
class KnownFacts:
    """Facts for one step: whatever total is asked for is `orders`."""

    orders: int = 0
    groups: dict[str, datetime] = field(default_factory=dict)
    profile: Profile = field(default_factory=lambda: Profile("01ABC"))
    event: Event | None = None
    moment: Moment = field(default_factory=lambda: Moment(NOW, NOW, UTC, "run-1"))

    def total(self, need: EventTotal) -> Total:
        """Return the orders."""
        return Total(self.orders)

    def joined_at(self, group_id: str) -> datetime | None:
        """Return the given time of joining."""
        return self.groups.get(group_id)


def context(facts: KnownFacts | None = None, now: datetime = NOW, zone: tzinfo = UTC) -> StepContext:
    """Return what a step sees."""
    return StepContext(action_id=1, now=now, zone=zone, account_zone=UTC, facts=facts or KnownFacts())
