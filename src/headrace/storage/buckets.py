"""Buckets as the unit of work: which of them have something due, and the locks that keep workers apart.

Whoever enters or advances runs holds the lock of each bucket it touches until its transaction ends, so nothing ever
works on one person twice at a time. Locks are only ever tried, in ascending order: a bucket that somebody else holds is
left to them. Source: DESIGN section 3 (the bucket is the unit of work).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headrace.ids import BUCKETS
from headrace.storage.database import Connection, Database, Row

BUCKET_LOCK = 0x4275_6B74
"""The class of the advisory locks of buckets."""

_LOCK = "SELECT b FROM unnest($2::int[]) AS b WHERE pg_try_advisory_xact_lock($1, b)"


def _due(table: str, moment: str, free: str) -> str:
    return f"""
    SELECT c.clock, b.bucket
    FROM unnest($1::int[], $2::timestamptz[]) AS c (clock, now)
    CROSS JOIN generate_series(0, {BUCKETS - 1}) AS b (bucket)
    WHERE EXISTS (
        SELECT 1 FROM {table} t
        WHERE t.clock = c.clock AND t.bucket = b.bucket::smallint AND t.state = 0 AND t.{moment} <= c.now
            AND {free}
    )
    """


_RUNS = _due("run", "resume_at", "true")
_DELIVERIES = _due("delivery", "due_at", "(t.lease_until IS NULL OR t.lease_until <= $3)")

_PENDING = f"""
SELECT b.bucket FROM generate_series(0, {BUCKETS - 1}) AS b (bucket)
WHERE EXISTS (SELECT 1 FROM pending p WHERE p.bucket = b.bucket::smallint)
"""


async def lock_buckets(transaction: Connection, buckets: Sequence[int]) -> list[int]:
    """Try to lock buckets until the transaction ends; return those that were free, ascending."""
    rows = await transaction.fetch(_LOCK, BUCKET_LOCK, sorted(buckets))
    return [row["b"] for row in rows]


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


async def pending_buckets(database: Database | Connection) -> list[int]:
    """Return the buckets in which accepted events wait for their consequences."""
    return [row["bucket"] for row in await database.fetch(_PENDING)]


def _columns(clocks: Sequence[tuple[int, datetime]]) -> tuple[list[int], list[datetime]]:
    return [clock for clock, _ in clocks], [now for _, now in clocks]


def _by_clock(rows: Sequence[Row]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["clock"], []).append(row["bucket"])
    return found
