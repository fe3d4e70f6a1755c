"""A step: carrying out one action for one run, as a pure function from `StepContext` to `Outcome`.

What is here: what a step sees and what may come of it. What is not: how the engine stores outcomes (`engine`), or how
one action decides (`flows/actions/<type>.py`). A step reads no clock and no database; what it needs to know about the
person it states beforehand (`needs`) and finds in `StepContext.facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Literal

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.facts import Facts
from headrace.model import Channel


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step may look at.

    `now` is the step's moment (UTC): the present on the machine's clock, the run's own `resume_at` on a virtual one.
    `zone` is the profile's time zone, else the account's; `account_zone` the account's. `target_on` is the date that a
    date-based run leads to, None for other runs.
    """

    action_id: int
    now: datetime
    zone: tzinfo
    account_zone: tzinfo
    facts: Facts
    target_on: date | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """Go on at once with `next_id`, None for the end; `seen` is what the decision rested on, for the journal.

    `branch` names the way that a split took: `true`, `false`, or the id of a branch.
    """

    next_id: int | None
    branch: str | None = None
    seen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep until `until` (UTC) and go on with `next_id`."""

    until: datetime
    next_id: int | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message, unless a gate skips it, then go on with `next_id`.

    `message` is the message object of the definition (snake_case, reference 2.2); `review` marks a manual action, whose
    message waits for a user while the run goes on. `variation` is the id of an experiment's variation, empty without
    one. With `awaits` the run goes on once the message's result is known, which becomes the action's output.
    """

    channel: Channel
    message_id: str
    message: Mapping[str, Any]
    next_id: int | None
    review: bool = False
    variation: str = ""
    additional_filters: CompiledFilter = EVERYBODY
    awaits: bool = False


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """Change the person: the operations of `update-profile`, carried out in their order. Source: reference 2.3."""

    operations: tuple[ProfileOperation, ...]


@dataclass(frozen=True, slots=True)
class ProfileOperation:
    """One operation: `set`, `unset`, `append` (to a list, not twice) or `remove` (from a list) of a custom property.

    `set` of a date may be "today", which the step resolves; `value` is JSON, None for `unset`.
    """

    kind: Literal["append", "remove", "set", "unset"]
    key: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class ListChange:
    """Put the person on a list, or take them off it."""

    list_id: str
    joins: bool


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """Record an event of the person: the metric's name and the event's properties."""

    metric_name: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Change something in the account, unless the flow's filter fails, then go on with `next_id`.

    `skip_reason` is what a failed filter is called. Source: reference 1.8 ("Fails Flow Conditions").
    """

    effect: ProfileChange | ListChange | TrackEvent
    next_id: int | None
    skip_reason: str = "Fails Flow Filters"


@dataclass(frozen=True, slots=True)
class Skip:
    """Carry out nothing, for `reason`, and go on with `next_id`. A skip never ends a run. Source: reference 1.8."""

    reason: str
    next_id: int | None


@dataclass(frozen=True, slots=True)
class Exit:
    """End the run early, for `reason`."""

    reason: str


Outcome = Advance | Wait | Send | Change | Skip | Exit
