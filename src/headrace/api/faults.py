"""Meeting faults: a tester's wish that requests are refused or delayed, carried out.

What is here: what a request of a test account meets before it is answered. What is not: keeping faults
(`storage.faults`) and the operations on them (`commands.faults`). Our choice: all of it. Other accounts pay nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from headrace.api.limits import throttled
from headrace.api.state import State
from headrace.engine.account_clock import may_be_moved
from headrace.errors import Failed, Problem, Unavailable
from headrace.jsonapi.context import Context
from headrace.jsonapi.operation import Operation
from headrace.storage.faults import Met, use_fault

SPARED = "/headrace/"
"""Paths that never meet a fault, so that a tester can always take one back."""
SOON = 1
"""Seconds that a refused request is told to wait when the tester said nothing."""

Pause = Callable[[float], Awaitable[Any]]


async def meet_fault(ctx: Context[State], operation: Operation, pause: Pause = asyncio.sleep) -> None:
    """Use up a fault that concerns the request: wait as long as it says, then raise its problem if it has one.

    The answers are those of a real refusal: 429 `Throttled`, 503 `Unavailable`, 500 `Failed`.
    """
    if not meets_faults(ctx, operation):
        return
    met = await use_fault(ctx.state.database, ctx.account_id, operation.id)
    if met is None:
        return
    if met.latency_ms:
        await pause(met.latency_ms / 1000)
    if met.status is not None:
        raise problem_of(met, met.status)


def meets_faults(ctx: Context[State], operation: Operation) -> bool:
    """Tell whether a request may meet a fault at all."""
    return may_be_moved(ctx.state.account) and not operation.path.startswith(SPARED)


def problem_of(met: Met, status: int) -> Problem:
    """Return the problem that a fault of some status is answered with."""
    if status == 429:
        return throttled(SOON if met.retry_after is None else met.retry_after)
    meta = {} if met.retry_after is None else {"retry_after": met.retry_after}
    if status == 503:
        return Unavailable("The service cannot answer now; try again later.", meta=meta)
    return Failed("Something went wrong that is not your doing.", meta=meta)
