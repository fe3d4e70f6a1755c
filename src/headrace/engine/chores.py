"""Removing what nobody needs any more. What is not here: what people are told of (events, runs, messages)."""

from __future__ import annotations

from headrace.engine.core import Core
from headrace.storage import faults, rate_windows

CHORES_EVERY = 600.0
"""Seconds between two rounds of chores."""


async def clean_up(core: Core) -> int:
    """Remove windows of rate limits that are long over and faults that were used up; done twice it does no harm.

    Returns 0: another round is not due before its time.
    """
    now = core.clock.now()
    async with core.database.transaction() as transaction:
        await rate_windows.clean(transaction, now)
        await faults.clean(transaction, now)
    return 0
