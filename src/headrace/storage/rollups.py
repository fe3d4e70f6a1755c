"""Roll-ups: folding the deltas of recording transactions into rows that reports read.

What is here: `fold`, which adds an account's deltas to its quarter-hours, days and months and removes them in the same
transaction, and which derives days and months anew when the account's zone has changed. What is not: reading
(`report_query`). Follows DESIGN section 5; see docs/decisions/0006-reports.md.

Days and months are computed here and handed to SQL, so that folding and reading use the same time-zone data.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headrace.storage.database import Connection, Database
from headrace.storage.slots import day_of, day_start, month_start
from headrace.storage.tables import MESSAGE_COUNTS

log = logging.getLogger(__name__)

FOLD_LOCK = 0x466F_6C64
"""The class of the advisory locks, one per account, that a folder holds."""

KEY_COLUMNS = ("flow_id", "message_id", "variation", "format", "channel")


@dataclass(frozen=True, slots=True)
class Family:
    """A pair of delta and roll-up tables: its name's first word, the columns of its key and its sums."""

    name: str
    key: tuple[str, ...]
    sums: tuple[str, ...]


MESSAGES = Family("message", KEY_COLUMNS, (*MESSAGE_COUNTS, "spend_millionths"))
CONVERSIONS = Family(
    "conversion", (*KEY_COLUMNS, "metric_id"), ("conversions", "conversion_uniques", "value_millionths")
)
FAMILIES = (MESSAGES, CONVERSIONS)

_SLOTS = "unnest($2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS s (slot, day, month)"

_ACCOUNTS = """
SELECT account_id FROM account a
WHERE EXISTS (SELECT FROM message_delta d WHERE d.account_id = a.account_id)
    OR EXISTS (SELECT FROM conversion_delta d WHERE d.account_id = a.account_id)
    OR EXISTS (SELECT FROM rollup_zone z WHERE z.account_id = a.account_id AND z.timezone <> a.timezone)
ORDER BY account_id
"""

_REMEMBER = """
INSERT INTO rollup_zone (account_id, timezone) VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET timezone = excluded.timezone
"""


async def fold_all(database: Database) -> int:
    """Fold every account that has something to fold; return how many were folded.

    An account that cannot be folded keeps its deltas, which reports add, and holds up no other; its error is raised
    once the others are done.
    """
    folded, failure = 0, None
    for row in await database.fetch(_ACCOUNTS):
        try:
            folded += await fold(database, row["account_id"])
        except Exception as error:
            log.exception("the reports of account %s cannot be folded", row["account_id"])
            failure = error
    if failure is not None and not folded:
        raise failure
    return folded


async def fold(database: Database, account_id: str) -> bool:
    """Fold one account's deltas in one transaction; False when another folder is at it or there is no such account.

    Days and months are those of the account's zone; when it has changed since the last time, they are all derived anew
    from the quarter-hours first.
    """
    async with database.transaction() as transaction:
        if not await transaction.fetch_value(
            "SELECT pg_try_advisory_xact_lock($1, hashtext($2))", FOLD_LOCK, account_id
        ):
            return False
        name = await transaction.fetch_value("SELECT timezone FROM account WHERE account_id = $1", account_id)
        if name is None:
            return False
        await _ensure_zone(transaction, account_id, name)
        for family in FAMILIES:
            await _fold_family(transaction, account_id, family, ZoneInfo(name))
        return True


async def _ensure_zone(transaction: Connection, account_id: str, name: str) -> None:
    known = await transaction.fetch_value("SELECT timezone FROM rollup_zone WHERE account_id = $1", account_id)
    if known == name:
        return
    for family in FAMILIES:
        await _derive(transaction, account_id, family, ZoneInfo(name))
    await transaction.execute(_REMEMBER, account_id, name)


async def _derive(transaction: Connection, account_id: str, family: Family, zone: ZoneInfo) -> None:
    """Replace the days and months of an account by those that its quarter-hours make in a zone."""
    table = f"{family.name}_rollup"
    await transaction.execute(f"DELETE FROM {table} WHERE account_id = $1 AND grain > 0", account_id)
    rows = await transaction.fetch(f"SELECT DISTINCT slot FROM {table} WHERE account_id = $1 AND grain = 0", account_id)
    if rows:
        await transaction.execute(_derivation(family), account_id, *_slots([row["slot"] for row in rows], zone))


async def _fold_family(transaction: Connection, account_id: str, family: Family, zone: ZoneInfo) -> None:
    rows = await transaction.fetch(f"SELECT DISTINCT slot FROM {family.name}_delta WHERE account_id = $1", account_id)
    if rows:
        await transaction.execute(_folding(family), account_id, *_slots([row["slot"] for row in rows], zone))


def _slots(slots: Sequence[datetime], zone: ZoneInfo) -> tuple[list[datetime], list[datetime], list[datetime]]:
    """Return slots with the start of the day and of the month that each lies in."""
    ordered = sorted(slots)
    days = [day_of(slot, zone) for slot in ordered]
    months = [day_start(month_start(day), zone) for day in days]
    return ordered, [day_start(day, zone) for day in days], months


def _folding(family: Family) -> str:
    """Return the statement that moves deltas into the roll-ups.

    Only deltas of the given slots are taken: others that were committed meanwhile stay for the next time.
    """
    columns = ", ".join((*family.key, *family.sums))
    taken = ", ".join(f"d.{name}" for name in (*family.key, *family.sums))
    return f"""
WITH s AS (SELECT * FROM {_SLOTS}),
taken AS (
    DELETE FROM {family.name}_delta d USING s WHERE d.account_id = $1 AND d.slot = s.slot
    RETURNING d.slot, s.day, s.month, {taken}
)
INSERT INTO {family.name}_rollup (account_id, grain, slot, {columns})
SELECT $1, g.grain, CASE g.grain WHEN 0 THEN slot WHEN 1 THEN day ELSE month END AS start,
       {", ".join(family.key)}, {_sums(family)}
FROM taken CROSS JOIN (VALUES (0), (1), (2)) AS g (grain)
GROUP BY g.grain, start, {", ".join(family.key)}
ORDER BY g.grain, start
ON CONFLICT (account_id, grain, slot, {", ".join(family.key)}) DO UPDATE SET
    {", ".join(f"{name} = {family.name}_rollup.{name} + excluded.{name}" for name in family.sums)}
"""


def _derivation(family: Family) -> str:
    """Return the statement that makes days and months of quarter-hours."""
    key = ", ".join(family.key)
    return f"""
WITH s AS (SELECT * FROM {_SLOTS})
INSERT INTO {family.name}_rollup (account_id, grain, slot, {key}, {", ".join(family.sums)})
SELECT $1, g.grain, CASE g.grain WHEN 1 THEN day ELSE month END AS start, {key}, {_sums(family)}
FROM {family.name}_rollup q JOIN s USING (slot) CROSS JOIN (VALUES (1), (2)) AS g (grain)
WHERE q.account_id = $1 AND q.grain = 0
GROUP BY g.grain, start, {key}
ORDER BY g.grain, start
"""


def _sums(family: Family) -> str:
    return ", ".join(f"sum({name})" for name in family.sums)
