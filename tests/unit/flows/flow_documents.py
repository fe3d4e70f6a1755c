"""Factories for definitions, actions and what a step sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from headrace.conditions.facts import EventTotal, Moment, Total, Unanswered
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


def webhook(key: str, next_key: str | None = None, status: str = "live", **message: Any) -> Document:
    """Return a webhook action."""
    message = {"url": "https://example.com/hook", **message}
    return other("send-webhook", key, links={"next": next_key}, data={"message": message, "status": status})


def output_split(key: str, yes: str | None, no: str | None, output: int, field: str = "status") -> Document:
    """Return a split that asks whether an output's field is 200."""
    is_ok = {"type": "numeric", "operator": "equals", "value": 200}
    asked = {"type": "action-output", "output_config_id": output, "field": field, "filter": is_ok}
    links = {"next_if_true": yes, "next_if_false": no}
    return other("action-output-split", key, links=links, data={"action_output_filter": groups(asked)})


def branch(branch_id: str, next_key: str | None, *conditions: Document, **fields: Any) -> Document:
    """Return a branch of a multi-branch split; without conditions it is the one for the rest."""
    asked = {"branch_filter": groups(*conditions)} if conditions else {"is_else": True}
    return {"branch_id": branch_id, "links": {"next": next_key}, **asked, **fields}


def branches(key: str, *found: Document) -> Document:
    """Return a multi-branch split."""
    return other("multi-branch-split", key, data={"name": "Which", "branches": list(found)})


def experiment(key: str, next_key: str | None = None, *, status: str = "live", **fields: Any) -> Document:
    """Return an A/B test of two e-mails, `v1` and `v2`, which is live unless told otherwise."""
    inner = {"type": "send-email"}
    test = {
        "variations": [
            {"temporary_id": "v1", **inner, "data": {"message": {"subject_line": "one"}}},
            {"temporary_id": "v2", **inner, "data": {"message": {"subject_line": "two"}}},
        ]
    }
    main = {**inner, "data": {"message": {"subject_line": "main"}}}
    data = {"status": status, "experiment_status": "live", "main_action": main, "current_experiment": test, **fields}
    return other("ab-test", key, links={"next": next_key}, data=data)


def birthday(**fields: Any) -> Document:
    """Return a trigger three days before a date in the property `birthday`, at nine, in New York, every year."""
    return {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "birthday",
        "timedelta_value_before_date": 3,
        "timedelta_unit_before_date": "days",
        "recurrence_frequency": "annually",
        "timezone": "America/New_York",
        "trigger_time": "09:00:00",
        **fields,
    }


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
class KnownFacts(Unanswered):
    """Facts for one step: whatever total is asked for is `orders`."""

    orders: int = 0
    groups: dict[str, datetime] = field(default_factory=dict)
    profile: Profile = field(default_factory=lambda: Profile("01ABC"))
    event: Event | None = None
    moment: Moment = field(default_factory=lambda: Moment(NOW, NOW, UTC, "run-1"))
    outputs: dict[str, Any] = field(default_factory=dict)

    def total(self, need: EventTotal) -> Total:
        """Return the orders."""
        return Total(self.orders)

    def joined_at(self, group_id: str) -> datetime | None:
        """Return the given time of joining."""
        return self.groups.get(group_id)


def context(
    facts: KnownFacts | None = None, now: datetime = NOW, zone: tzinfo = UTC, target_on: date | None = None
) -> StepContext:
    """Return what a step sees."""
    return StepContext(1, now, zone, UTC, facts or KnownFacts(), target_on)
