"""Counting requests in fixed windows, over all processes. Times here are system time.

What is here: how much of a window is still free, taken in one statement for many keys. What is not: the limits, which
stand in the rows of the API. Source: reference 7.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.storage.database import Connection, Database, Row

MINUTE, DAY = 60, 86_400

_COUNT = """
WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::int[], $7::int[], $8::int[])
        AS asked (account_id, operation, seconds, number, latest, most, wanted, windows)
), held AS (
    SELECT asked.account_id, asked.operation, asked.seconds, asked.most, asked.wanted, asked.windows,
           CASE WHEN rate_window.number BETWEEN asked.number AND asked.latest
                THEN rate_window.number ELSE asked.number END AS number,
           CASE WHEN rate_window.number BETWEEN asked.number AND asked.latest THEN rate_window.used ELSE 0 END AS used
    FROM asked JOIN rate_window USING (account_id, operation, seconds)
    ORDER BY account_id, operation, seconds
    FOR UPDATE OF rate_window
), room AS (
    SELECT account_id, operation, greatest(0, min(least(wanted, most - used))) AS granted
    FROM held GROUP BY account_id, operation HAVING count(*) = max(windows)
), counted AS (
    UPDATE rate_window SET number = held.number, used = held.used + room.granted
    FROM held JOIN room USING (account_id, operation)
    WHERE room.granted > 0 AND rate_window.account_id = held.account_id
      AND rate_window.operation = held.operation AND rate_window.seconds = held.seconds
)
SELECT account_id, operation, seconds, number, used, granted FROM held JOIN room USING (account_id, operation)
"""
"""Locks what is asked for in one order, so that processes wait for one another and never in a circle. Whoever waited
sees what the other one counted. Of a refused request nothing is written."""

_ROOM = """
INSERT INTO rate_window (account_id, operation, seconds, number, used)
SELECT account_id, operation, seconds, 0, 0
FROM unnest($1::text[], $2::text[], $3::int[]) AS asked (account_id, operation, seconds)
ORDER BY account_id, operation, seconds
ON CONFLICT DO NOTHING
"""

_CLEAN = """
DELETE FROM rate_window WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM rate_window WHERE (number + 1) * seconds < $1 FOR UPDATE SKIP LOCKED
))
"""
"""Waits for nobody: it locks in no order, and somebody who counts would wait for it in a circle."""

Key = tuple[str, str]
"""The account, and what is counted apart within it: an operation, or a costly kind of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many requests of one key want to be let in; `limits` are by the length of the window in seconds."""

    requests: int
    limits: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Granted:
    """How many of them are let in, and how windows stood before: (number of the window, requests in it) by length."""

    requests: int
    before: Mapping[int, tuple[int, int]]


async def take(database: Database, wanted: Mapping[Key, Wanted], now: datetime) -> dict[Key, Granted]:
    """Count as many requests of each key as all its windows have room for, and return how many that were.

    Exact over any number of processes: windows are never filled beyond their limits, and are filled up to them. Our
    choice: a window that a process whose clock is ahead has begun, by a minute at most, is used by the others, too.
    """
    found: dict[Key, Granted] = {}
    while left := {key: one for key, one in wanted.items() if key not in found}:
        async with database.statements() as connection:
            found |= await _count(connection, left, now.timestamp())
            if left.keys() - found.keys():
                await _make_room(connection, [key for key in left if key not in found], wanted)
    return found


async def clean(connection: Connection, now: datetime) -> None:
    """Remove windows that have been over for a day and whose key may never be seen again."""
    await connection.execute(_CLEAN, int(now.timestamp()) - DAY)


async def _count(connection: Connection, wanted: Mapping[Key, Wanted], at: float) -> dict[Key, Granted]:
    asked = [
        (*key, seconds, int(at // seconds), _latest(at, seconds), most, one.requests, len(one.limits))
        for key, one in wanted.items()
        for seconds, most in one.limits.items()
    ]
    rows: dict[Key, list[Row]] = {}
    for row in await connection.fetch(_COUNT, *(list(column) for column in zip(*asked, strict=True))):
        rows.setdefault((row["account_id"], row["operation"]), []).append(row)
    return {
        key: Granted(windows[0]["granted"], {row["seconds"]: (row["number"], row["used"]) for row in windows})
        for key, windows in rows.items()
    }


def _latest(at: float, seconds: int) -> int:
    """Return the latest window that another machine may have begun already."""
    return int((at + MINUTE) // seconds)


async def _make_room(connection: Connection, keys: Sequence[Key], wanted: Mapping[Key, Wanted]) -> None:
    rows = [(*key, seconds) for key in keys for seconds in wanted[key].limits]
    await connection.execute(_ROOM, *(list(column) for column in zip(*rows, strict=True)))
