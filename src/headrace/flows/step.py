"""A step: carrying out one action for one run, as a pure function from `StepContext` to `Outcome`.

What is here: what a step sees and what may come of it. What is not: how the engine stores outcomes (`engine`), or how
one action decides (`flows/actions/<type>.py`). A step reads no clock and no database; what it needs to know about the
person it states beforehand (`needs`) and finds in `StepContext.facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from headrace.conditions.facts import Facts
from headrace.model import Channel


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step may look at.

    `now` is the step's moment (UTC): the present on the machine's clock, the run's own `resume_at` on a virtual one.
    `zone` is the profile's time zone, else the account's; `account_zone` the account's.
    """

    action_id: int
    now: datetime
    zone: tzinfo
    account_zone: tzinfo
    facts: Facts


@dataclass(frozen=True, slots=True)
class Advance:
    """Go on at once with `next_id`, None for the end; `seen` is what the decision rested on, for the journal."""

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
    message waits for a user while the run goes on.
    """

    channel: Channel
    message_id: str
    message: Mapping[str, Any]
    next_id: int | None
    review: bool = False
    variation: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Carry out nothing, for `reason`, and go on with `next_id`. A skip never ends a run. Source: reference 1.8."""

    reason: str
    next_id: int | None


@dataclass(frozen=True, slots=True)
class Exit:
    """End the run early, for `reason`."""

    reason: str


Outcome = Advance | Wait | Send | Skip | Exit
