"""The clocks of accounts as the engine reads and moves them. Source: DESIGN section 3 (clocks)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headrace.clock import Clock
from headrace.model import Account
from headrace.storage.accounts import account_of
from headrace.storage.buckets import lock_every_bucket
from headrace.storage.database import Connection, Database

_LOAD = """
SELECT account_id, name, timezone, currency, locale, clock, sender_email, sender_label, organization, settings,
    clock_now
FROM account WHERE account_id = ANY($1)
"""
_VIRTUAL = "SELECT clock, clock_now FROM account WHERE clock > 0 ORDER BY clock"
_MOVE = """
UPDATE account SET clock_now = greatest(clock_now, $2) WHERE account_id = $1 AND clock > 0 RETURNING clock_now
"""


@dataclass(frozen=True, slots=True)
class AccountTime:
    """An account and its present moment; `now` is None where the machine's clock tells it."""

    account: Account
    virtual_now: datetime | None

    def now(self, system: Clock) -> datetime:
        """Return the account's present moment."""
        return self.virtual_now or system.now()


async def load_accounts(connection: Connection | Database, account_ids: Iterable[str]) -> dict[str, AccountTime]:
    """Return the accounts with these ids and where their clocks stand."""
    rows = await connection.fetch(_LOAD, sorted(set(account_ids)))
    return {row["account_id"]: AccountTime(account_of(row), row["clock_now"] if row["clock"] else None) for row in rows}


async def read_clocks(connection: Connection | Database, system: Clock) -> list[tuple[int, datetime]]:
    """Return (number, present moment) of the machine's clock and of every virtual one."""
    rows = await connection.fetch(_VIRTUAL)
    return [(0, system.now()), *((row["clock"], row["clock_now"]) for row in rows)]


async def move_clock(connection: Connection, account_id: str, to: datetime) -> datetime | None:
    """Move an account's virtual clock forward to `to`, never back; return where it stands, None without one."""
    moved: datetime | None = await connection.fetch_value(_MOVE, account_id, to)
    return moved


def _carry(old: str, new: str) -> str:
    """Return the parts of a statement that put an account's planned work from one clock onto another."""
    return f"""
    runs AS (
        UPDATE run SET clock = {new} FROM old
        WHERE account_id = $1 AND run.clock = {old} AND state IN (0, 3, 4)
    ),
    sends AS (
        UPDATE delivery SET clock = {new} FROM old
        WHERE account_id = $1 AND delivery.clock = {old} AND state IN (0, 1, 6)
    ),
    entries AS (UPDATE planned_entry SET clock = {new} FROM old WHERE account_id = $1 AND planned_entry.clock = {old}),
    looks AS (UPDATE segment_due SET clock = {new} FROM old WHERE account_id = $1 AND segment_due.clock = {old})
    """


_FOLLOW = f"""
WITH old AS (SELECT clock FROM account WHERE account_id = $1 FOR UPDATE),
freed AS (UPDATE account SET clock = 0, clock_now = NULL WHERE account_id = $1),
{_carry("old.clock", "0")}
SELECT clock FROM old
"""

_FREEZE = f"""
WITH old AS MATERIALIZED (
    SELECT nextval('clock_serial')::int AS number FROM account WHERE account_id = $1 AND clock = 0 FOR UPDATE
),
stopped AS (UPDATE account SET clock = old.number, clock_now = $2 FROM old WHERE account_id = $1),
{_carry("0", "old.number")}
SELECT number FROM old
"""


async def follow_system(transaction: Connection, account_id: str) -> bool:
    """Give an account the machine's clock, and all that it plans with it; False without an account.

    Runs that are parked or held and messages that wait for a user move, too: they may go on later. What waits keeps its
    moment: whatever lies in the past is due at once. Waits for whoever works on people now, so that no run begins on
    the old clock meanwhile.
    """
    await lock_every_bucket(transaction)
    return await transaction.fetch_value(_FOLLOW, account_id) is not None


async def freeze(transaction: Connection, account_id: str, now: datetime) -> int | None:
    """Give an account that follows the machine's clock one of its own, which stands at `now`; return its number.

    All that is planned comes along as in `follow_system`. None where there is no such account, or where
    it has a clock of its own already. Whether the account may be stopped is for the caller to ask.
    """
    await lock_every_bucket(transaction)
    number: int | None = await transaction.fetch_value(_FREEZE, account_id, now)
    return number
