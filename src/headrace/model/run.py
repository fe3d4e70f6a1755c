"""A run: one profile's passage through one flow.

entered ──> WAITING ──(flow's end reached)──────> FINISHED
              │  ^──(retried by a user)──┐
              ├──(a bug while stepping)──> PARKED
              └──(reason in `exit_reason`)──────> EXITED
HELD ──(confirmed by a user)──> WAITING          (too many entered at once)
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Any


class RunState(IntEnum):
    """Where a run stands; the numbers are stored."""

    WAITING = 0
    """Its next step is planned at `resume_at`."""
    FINISHED = 1
    """It reached the end of the flow."""
    EXITED = 2
    """It ended early; `exit_reason` says why."""
    PARKED = 3
    """A step failed by a bug; `error` holds it, a user may retry."""
    HELD = 4
    """It was part of a mass entry and begins once a user confirms it."""


class RunSource(IntEnum):
    """What began a run; the numbers are stored."""

    EVENT = 0
    """An event of the flow's metric."""
    GROUP = 1
    """The person joined the flow's list or segment."""
    DATE = 2
    """A date of the person came near."""
    PAST = 3
    """A user added past profiles: re-entry is not asked. Source: reference 1.4, 1.7."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run as a step sees it.

    `action_id` is the action to carry out at `resume_at`; a run that waits in a delay points at the action after it.
    `version` is the definition under which its wait began. `visited` are the actions already carried out: a run never
    carries out the same one twice. `event_number` is the triggering event's, None for runs without one. `chain` is the
    depth of flows that fed one another. `target_on` is the date that a date-based run leads to. `outputs` maps action
    ids to what their webhooks answered.
    """

    run_id: uuid.UUID
    account_id: str
    bucket: int
    flow_id: str
    profile_id: str
    version: int
    entered_at: datetime
    action_id: int | None
    resume_at: datetime
    clock: int = 0
    state: RunState = RunState.WAITING
    event_number: int | None = None
    visited: frozenset[int] = frozenset()
    chain: int = 0
    source: RunSource = RunSource.EVENT
    target_on: date | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
