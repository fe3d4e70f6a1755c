"""Moving an account's virtual clock: what becomes due on the way happens on the way.

The clock moves in windows to where the next run or delivery is due and a little beyond; in each window everything that
is due is worked off before it moves on. A step's moment is the run's own `resume_at`, and a batch takes the earliest
run of each profile, so that every person's history is in order within a window of any length; windows keep what others
see of the clock close to what has happened. Source: DESIGN section 3 (clocks).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from headrace.clock import as_utc
from headrace.engine.core import Core
from headrace.engine.worker import Worker
from headrace.errors import CommandError
from headrace.storage.account_clocks import load_accounts, move_clock
from headrace.storage.database import Connection
from headrace.storage.deliveries import next_due
from headrace.storage.runs import next_resume

SHORTEST_WINDOW = timedelta(minutes=15)
"""Our choice: however short the delays of a flow are, a window is this long, so that batches stay large."""
_BACKWARDS = "the clock of account {} stands at {}; it cannot go back to {}"
CLOCK_LOCK = 0x436C_6F63
"""The class of the advisory locks that one mover of a clock holds."""


async def advance_clock(core: Core, account_id: str, to: datetime, *, worker: Worker | None = None) -> int:
    """Move an account's clock to `to`, working off all that becomes due; return how much work that was.

    Raises `CommandError` for an account without a clock of its own and for a moment that lies behind its clock. Others
    who move the same clock wait.
    """
    worker = worker or Worker(core)
    async with core.database.connection() as keeper:
        clock, now = await _standing(keeper, account_id)
        if as_utc(to) < now:
            raise CommandError(_BACKWARDS.format(account_id, now.isoformat(), to.isoformat()))
        await keeper.execute("SELECT pg_advisory_lock($1, $2)", CLOCK_LOCK, clock)
        try:
            return await _move(core, worker, keeper, account_id, clock, as_utc(to))
        finally:
            await keeper.execute("SELECT pg_advisory_unlock($1, $2)", CLOCK_LOCK, clock)


async def _move(core: Core, worker: Worker, keeper: Connection, account_id: str, clock: int, to: datetime) -> int:
    _, now = await _standing(keeper, account_id)
    done = await worker.drain([(clock, now)])
    while now < to:
        now = await _next_stop(core, keeper, account_id, clock, now, to)
        await move_clock(keeper, account_id, now)
        done += await worker.drain([(clock, now)])
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
    """Return where the clock goes next: to the end of a window that begins when the next thing after `now` is due."""
    place = (connection, clock, account_id, now)
    found = (await next_resume(*place), await next_due(*place))
    moments = [moment for moment in found if moment]
    if not moments or min(moments) >= to:
        return to
    delays = [
        flow.compiled.shortest_delay() for flow in await core.flows.load_open(connection, [account_id]) if flow.compiled
    ]
    return min(to, min(moments) + max(min(delays, default=SHORTEST_WINDOW), SHORTEST_WINDOW))
