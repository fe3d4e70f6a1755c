"""The clock of a test account, as developers handle it: stop it, move it, let it follow the machine's again.

What is here: who may, and in which portions a clock is moved. What is not: the moving itself, which works off what
becomes due (`virtual`). Only test accounts are touched. Source: DESIGN section 4 (clock and faults).

Workers may run meanwhile: they work on the same buckets under the same locks, and the mover waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.clock import Clock, stopwatch
from headrace.engine.core import Core
from headrace.engine.virtual import carry_on
from headrace.engine.virtual import run_to_next as run_clock_to_next
from headrace.engine.worker import Worker
from headrace.errors import Conflict, Invalid, NotFound, PermissionDenied
from headrace.model import Account
from headrace.storage.account_clocks import AccountTime, follow_system, freeze, load_accounts
from headrace.storage.database import Database
from headrace.storage.deliveries import next_due
from headrace.storage.planned import next_planned
from headrace.storage.runs import next_resume
from headrace.storage.segment_members import next_look

FIRST_PORTION = timedelta(days=1)
QUICK, SLOW = 0.5, 4.0
"""Seconds: a portion that took less is followed by one twice as long, one that took more by one half as long."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account's clock stands. `mode` is `frozen` or `system`; `next_at` is when the next thing is due."""

    mode: str
    now: datetime
    test: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move came to: whether the clock reached its target, and how much was done on the way, None if unknown."""

    complete: bool
    work: int | None = None


async def standing(database: Database, account_id: str, system: Clock) -> Standing:
    """Return where an account's clock stands; raises `NotFound`."""
    time = await _time(database, account_id)
    now = time.now(system)
    place = (time.account.clock, account_id, now)
    async with database.statements() as connection:
        found = [await ask(connection, *place) for ask in (next_resume, next_due, next_planned, next_look)]
    next_at = min((moment for moment in found if moment), default=None)
    return Standing("frozen" if time.account.clock else "system", now, may_be_moved(time.account), next_at)


def may_be_moved(account: Account) -> bool:
    """Tell whether an account is one for tests, whose clock may be stopped and moved."""
    return account.settings.test or account.clock > 0


async def freeze_clock(database: Database, account_id: str, system: Clock) -> None:
    """Stop an account's clock now; one that stands stays where it is. Raises `PermissionDenied`, `NotFound`."""
    account = _allowed(await _time(database, account_id)).account
    if account.clock == 0:
        async with database.transaction() as transaction:
            await freeze(transaction, account_id, system.now())


async def follow_clock(database: Database, account_id: str) -> None:
    """Let an account follow the machine's clock again; what fell due meanwhile is due at once.

    A clock that was moved ahead of the machine's goes back so; what happened stays. Raises `PermissionDenied`,
    `NotFound`.
    """
    account = _allowed(await _time(database, account_id)).account
    if account.clock:
        async with database.transaction() as transaction:
            await follow_system(transaction, account_id)


async def advance(core: Core, account_id: str, to: datetime, *, patience: float | None = None) -> Moved:
    """Move a stopped clock to `to` and work off all that becomes due on the way.

    With `patience` (seconds) the move ends early, between two portions of time, when it has taken so long; then the
    clock stands short of its target and whoever asked may ask again. Raises `Conflict` for a clock that is not stopped,
    `Invalid` for a moment behind it, `PermissionDenied`, `NotFound`.
    """
    now = await _stopped(core.database, account_id)
    if to < now:
        told = f"The clock of account {account_id} stands at {now.isoformat()}; it cannot go back to {to.isoformat()}."
        raise Invalid(told, pointer="/data/attributes/to")
    began, worker, portion, work = stopwatch(), Worker(core), FIRST_PORTION, 0
    while True:
        portion_began = stopwatch()
        now = min(to, now + portion)
        work += await carry_on(core, account_id, now, worker=worker)
        if now == to:
            return Moved(complete=True, work=work)
        if patience is not None and stopwatch() - began > patience:
            return Moved(complete=False, work=work)
        portion = _next_portion(portion, stopwatch() - portion_began)


async def run_to_next(core: Core, account_id: str) -> Moved:
    """Move a stopped clock to the next moment at which something is due, and work that off.

    What is due already is worked off first. Without anything to come the clock stays. Raises as `advance` does.
    """
    await _stopped(core.database, account_id)
    await run_clock_to_next(core, account_id)
    return Moved(complete=True)


def _next_portion(portion: timedelta, took: float) -> timedelta:
    if took < QUICK:
        return portion * 2
    return max(portion / 2, timedelta(minutes=15)) if took > SLOW else portion


async def _stopped(database: Database, account_id: str) -> datetime:
    time = _allowed(await _time(database, account_id))
    if time.virtual_now is None:
        raise Conflict(f"The account {account_id} follows the machine's clock, which cannot be moved; freeze it first.")
    return time.virtual_now


async def _time(database: Database, account_id: str) -> AccountTime:
    found = (await load_accounts(database, [account_id])).get(account_id)
    if found is None:
        raise NotFound(f"There is no account {account_id}.")
    return found


def _allowed(time: AccountTime) -> AccountTime:
    if not may_be_moved(time.account):
        raise PermissionDenied(
            f"The account {time.account.account_id} is not a test account, so its clock may not be stopped or moved; "
            "make one with `headrace account create NAME --test`."
        )
    return time
