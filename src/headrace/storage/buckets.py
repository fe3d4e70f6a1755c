"""Buckets as the unit of work: which of them have something due, and the locks that keep workers apart.

Whoever enters or advances runs holds the lock of each bucket it touches until its transaction ends, so nothing ever
works on one person twice at a time. Locks are only ever tried, in ascending order: a bucket that somebody else holds is
left to them. Source: DESIGN section 3 (the bucket is the unit of work).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from headrace.ids import BUCKETS
from headrace.storage.database import Connection, Database, Row
from headrace.storage.lanes import lanes

BUCKET_LOCK = 0x4275_6B74
"""The class of the advisory locks of buckets."""

_WAIT = "SELECT pg_advisory_xact_lock($1, b) FROM unnest($2::int[]) AS b"
_LOCK = "SELECT b FROM unnest($2::int[]) AS b WHERE pg_try_advisory_xact_lock($1, b)"


def due_buckets(table: str, moment: str, condition: str, free: str = "true") -> str:
    """Return a query for the (clock, bucket) pairs in which a table with a due index has rows due.

    `$1` and `$2` are the clocks and their present moments; `free` may use `t` and `$3`. Limits keep PostgreSQL from
    making joins of it, which would read all that waits, and orders keep it to the index.
    """
    numbers = f"generate_series(0, {BUCKETS - 1}) AS b (number)"
    used = f"LATERAL (SELECT FROM {table} WHERE clock = c.clock AND {condition} ORDER BY bucket LIMIT 1) AS used"
    wanted = f"""
        SELECT c.clock, b.number::smallint AS bucket FROM unnest($1::int[]) AS c (clock) CROSS JOIN {used}
        CROSS JOIN {numbers}"""
    return f"""
    WITH RECURSIVE {lanes(table, wanted, condition)}
    SELECT DISTINCT l.clock, l.bucket FROM lane l
    JOIN unnest($1::int[], $2::timestamptz[]) AS c (clock, now) USING (clock)
    CROSS JOIN LATERAL (
        SELECT FROM {table} t
        WHERE t.clock = l.clock AND t.bucket = l.bucket AND t.account_id = l.account_id AND t.{condition}
            AND t.{moment} <= c.now AND {free}
        ORDER BY t.{moment} LIMIT 1
    ) AS due
    ORDER BY l.clock, l.bucket
    """


_RUNS = due_buckets("run", "resume_at", "state = 0")
_DELIVERIES = due_buckets("delivery", "due_at", "state = 0", "(t.lease_until IS NULL OR t.lease_until <= $3)")

_PENDING = f"""
SELECT b.bucket FROM generate_series(0, {BUCKETS - 1}) AS b (bucket)
WHERE EXISTS (SELECT 1 FROM pending p WHERE p.bucket = b.bucket::smallint)
"""
_PENDING_OF = f"""
SELECT b.bucket FROM generate_series(0, {BUCKETS - 1}) AS b (bucket)
WHERE EXISTS (SELECT 1 FROM pending p WHERE p.bucket = b.bucket::smallint AND p.account_id = $1)
"""


async def lock_buckets(transaction: Connection, buckets: Sequence[int]) -> list[int]:
    """Try to lock buckets until the transaction ends; return those that were free, ascending."""
    rows = await transaction.fetch(_LOCK, BUCKET_LOCK, sorted(buckets))
    return [row["b"] for row in rows]


async def wait_for_buckets(transaction: Connection, buckets: Collection[int]) -> None:
    """Wait for these buckets, ascending, and hold them until the transaction ends.

    Nobody who holds a bucket waits for another one, but for those who wait in this order, too: there is no deadlock.
    """
    await transaction.execute(_WAIT, BUCKET_LOCK, sorted(set(buckets)))


async def lock_every_bucket(transaction: Connection) -> None:
    """Wait for all buckets and hold them until the transaction ends: the world stands still meanwhile."""
    await transaction.execute(
        f"SELECT pg_advisory_xact_lock($1, b) FROM generate_series(0, {BUCKETS - 1}) b", BUCKET_LOCK
    )


async def buckets_with_runs(
    database: Database | Connection, clocks: Sequence[tuple[int, datetime]]
) -> dict[int, list[int]]:
    """Return clock -> the buckets with runs that are due by its present moment; clocks without any are left out."""
    return _by_clock(await database.fetch(_RUNS, *_columns(clocks)))


async def buckets_with_deliveries(
    database: Database | Connection, clocks: Sequence[tuple[int, datetime]], system_now: datetime
) -> dict[int, list[int]]:
    """Return the same for queued deliveries, without those that a provider asked to try again later."""
    return _by_clock(await database.fetch(_DELIVERIES, *_columns(clocks), system_now))


async def pending_buckets(database: Database | Connection, account_id: str | None = None) -> list[int]:
    """Return the buckets in which something waits for its consequences, of one account where one is given."""
    rows = await (database.fetch(_PENDING_OF, account_id) if account_id else database.fetch(_PENDING))
    return [row["bucket"] for row in rows]


def _columns(clocks: Sequence[tuple[int, datetime]]) -> tuple[list[int], list[datetime]]:
    return [clock for clock, _ in clocks], [now for _, now in clocks]


def _by_clock(rows: Sequence[Row]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["clock"], []).append(row["bucket"])
    return found
