"""What the delays have in common: a run waits until a moment, and goes on at once if it is past.

A delay that no live or manual action follows is passed over, and the run ends there. Source: reference 1.1.
"""

from __future__ import annotations

from datetime import datetime

from headrace.flows.step import Advance, Exit, Outcome, StepContext, Wait

NOTHING_FOLLOWS = Exit("nothing_follows")


def waiting(context: StepContext, until: datetime, next_id: int | None) -> Outcome:
    """Wait until a moment, or go on where it is past."""
    return Wait(until, next_id) if until > context.now else Advance(next_id)
