"""A run: one profile's passage through one flow.

entered ──> WAITING ──(flow's end reached)──────> FINISHED
              │  ^──(retried by a user)──┐
              ├──(a bug while stepping)──> PARKED
              └──(reason in `exit_reason`)──────> EXITED
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


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


@dataclass(frozen=True, slots=True)
class Run:
    """One run as a step sees it.

    `action_id` is the action to carry out at `resume_at`; a run that waits in a delay points at the action after it.
    `version` is the definition under which its wait began. `visited` are the actions already carried out: a run never
    carries out the same one twice. `event_number` is the triggering event's, None for runs without one. `chain` is the
    depth of flows that fed one another.
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
