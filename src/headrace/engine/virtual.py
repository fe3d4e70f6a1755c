"""Moving an account's virtual clock: what becomes due on the way happens on the way.

The clock moves in windows to where the next run or delivery is due and a little beyond; in each window everything that
is due is worked off before it moves on. A step's moment is the run's own `resume_at`, and a batch takes the earliest
run of each profile, so that every person's history is in order within a window of any length, what time alone changes
of their segments included; windows keep what others see of the clock close to what has happened. Source: DESIGN
section 3 (clocks).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from headrace.clock import as_utc
from headrace.engine.core import Core
from headrace.engine.experiments import next_end, settle_experiments
from headrace.engine.worker import Worker
from headrace.errors import CommandError
from headrace.storage.account_clocks import load_accounts, move_clock
from headrace.storage.database import Connection
from headrace.storage.deliveries import next_due
from headrace.storage.planned import next_planned
from headrace.storage.runs import next_resume
from headrace.storage.segment_members import next_look

SHORTEST_WINDOW = timedelta(minutes=15)
"""Our choice: however short the delays of a flow are, a window is this long, so that batches stay large."""
_BACKWARDS = "the clock of account {} stands at {}; it cannot go back to {}"
LOOK_AGAIN = 0.05
"""Seconds after which a waiting mover tries again."""
CLOCK_LOCK = 0x436C_6F63
"""The class of the advisory locks that one mover of a clock holds."""


async def advance_clock(core: Core, account_id: str, to: datetime, *, worker: Worker | None = None) -> int:
    """Move an account's clock to `to`, working off all that becomes due; return how much work that was.

    Raises `CommandError` for an account without a clock of its own and for a moment that lies behind its clock. Others
    who move the same clock are waited for, and may have moved it beyond `to`.
    """
    async with core.database.connection() as connection:
        _, now = await _standing(connection, account_id)
    if as_utc(to) < now:
        raise CommandError(_BACKWARDS.format(account_id, now.isoformat(), to.isoformat()))
    return await carry_on(core, account_id, to, worker=worker or Worker(core))


async def carry_on(core: Core, account_id: str, to: datetime, *, worker: Worker) -> int:
    """Move an account's clock to `to` as `advance_clock` does; one that others moved beyond it meanwhile stays."""
    async with _only_mover(core, account_id) as (keeper, clock, _):
        return await _move(core, worker, keeper, account_id, clock, as_utc(to))


async def run_to_next(core: Core, account_id: str, *, worker: Worker | None = None) -> datetime | None:
    """Move an account's clock to where the next thing is due and work it off; return where it stands.

    None when nothing is due at any time: the clock stays. Raises `CommandError` for an account without its own clock.
    """
    worker = worker or Worker(core)
    async with _only_mover(core, account_id) as (keeper, clock, now):
        await worker.drain([(clock, now)], account_id)
        following = await _next_moment(keeper, account_id, clock, now)
        if following is not None:
            await _move(core, worker, keeper, account_id, clock, following)
        return following


@asynccontextmanager
async def _only_mover(core: Core, account_id: str) -> AsyncIterator[tuple[Connection, int, datetime]]:
    """Lend a connection that holds the lock of an account's clock, the clock's number and where it stands.

    Whoever waits for the lock holds no connection meanwhile.
    """
    while True:
        async with core.database.keeping() as keeper:
            clock, _ = await _standing(keeper, account_id)
            if await keeper.fetch_value("SELECT pg_try_advisory_lock($1, $2)", CLOCK_LOCK, clock):
                yield keeper, *(await _standing(keeper, account_id))
                return
        await asyncio.sleep(LOOK_AGAIN)


async def _move(core: Core, worker: Worker, keeper: Connection, account_id: str, clock: int, to: datetime) -> int:
    _, now = await _standing(keeper, account_id)
    done = await worker.drain([(clock, now)], account_id)
    while now < to:
        now = await _next_stop(core, keeper, account_id, clock, now, to)
        await move_clock(keeper, account_id, now)
        done += await worker.drain([(clock, now)], account_id)
        await settle_experiments(core, [account_id])
    return done


async def _standing(connection: Connection, account_id: str) -> tuple[int, datetime]:
    account = (await load_accounts(connection, [account_id])).get(account_id)
    if account is None:
        raise CommandError(f"there is no account {account_id}")
    if account.virtual_now is None:
        raise CommandError(f"the account {account_id} follows the machine's clock, which cannot be moved")
    return account.account.clock, account.virtual_now


async def _next_stop(
    core: Core, connection: Connection, account_id: str, clock: int, now: datetime, to: datetime
) -> datetime:
    """Return where the clock goes next: to the end of a window that begins when the next thing after `now` is due.

    No window passes the end of an experiment: who is due after it gets the winner.
    """
    following = await _next_moment(connection, account_id, clock, now)
    to = min(to, await next_end(connection, account_id, now) or to)
    if following is None or following >= to:
        return to
    delays = [
        flow.compiled.shortest_delay() for flow in await core.flows.load_open(connection, [account_id]) if flow.compiled
    ]
    return min(to, following + max(min(delays, default=SHORTEST_WINDOW), SHORTEST_WINDOW))


async def _next_moment(connection: Connection, account_id: str, clock: int, now: datetime) -> datetime | None:
    """Return when the next run, delivery, entry by a date or look at a segment is due after `now`, None for never."""
    place = (connection, clock, account_id, now)
    found = [await ask(*place) for ask in (next_resume, next_due, next_planned, next_look)]
    return min((moment for moment in found if moment), default=None)
