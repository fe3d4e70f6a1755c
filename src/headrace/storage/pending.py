"""Pending rows: accepted events whose consequences are still to come.

They are read under the bucket locks and deleted in the transaction that works out the consequences.
Source: DESIGN section 3 (ingest).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database, Row


class Kind(IntEnum):
    """What happened; the numbers are stored."""

    EVENT = 0
    """An event was accepted."""
    JOINED = 1
    """The person became a member of `group_id`."""
    CHANGED = 2
    """Something about the person changed: the row's `topics`, as `conditions.topics` spells them."""
    LEFT = 3
    """The person is no longer a member of `group_id`."""


_CLAIM = """
WITH RECURSIVE waiting (bucket, account_id) AS (
    SELECT b.number, first.account_id FROM unnest($1::smallint[]) AS b (number) CROSS JOIN LATERAL (
        SELECT account_id FROM pending WHERE bucket = b.number AND ($3::text IS NULL OR account_id = $3)
        ORDER BY account_id LIMIT 1
    ) AS first
    UNION ALL
    SELECT w.bucket, other.account_id FROM waiting w CROSS JOIN LATERAL (
        SELECT account_id FROM pending WHERE $3::text IS NULL AND bucket = w.bucket AND account_id > w.account_id
        ORDER BY account_id LIMIT 1
    ) AS other
)
SELECT p.* FROM (
    SELECT row.*, row_number() OVER (PARTITION BY row.account_id ORDER BY row.seq) AS turn
    FROM waiting CROSS JOIN LATERAL (
        SELECT bucket, account_id, seq, profile_id, metric_id, number, occurred_at, accepted_at, backfill, chain,
            kind, group_id, topics
        FROM pending WHERE bucket = waiting.bucket AND account_id = waiting.account_id ORDER BY seq LIMIT $2
    ) AS row
) AS p
ORDER BY turn, seq LIMIT $2
"""

_DELETE = """
DELETE FROM pending p USING unnest($1::smallint[], $2::text[], $3::bigint[]) AS done (bucket, account_id, seq)
WHERE p.bucket = done.bucket AND p.account_id = done.account_id AND p.seq = done.seq
"""

_IS_THERE = "SELECT EXISTS (SELECT FROM pending WHERE bucket = $1 AND account_id = $2 AND seq = $3)"

_POSTPONE = "UPDATE pending SET seq = DEFAULT WHERE bucket = $1 AND account_id = $2 AND seq = $3"

_OLDEST = "SELECT min(received_at) FROM pending"


_NOTE = """
INSERT INTO pending (bucket, account_id, profile_id, metric_id, number, occurred_at, accepted_at, received_at, backfill,
                     chain, kind, group_id)
SELECT bucket, $1, profile_id, '', 0, $2, $2, $3, backfill, chain, kind, group_id
FROM unnest($4::smallint[], $5::text[], $6::boolean[], $7::smallint[], $8::smallint[], $9::text[])
    AS happened (bucket, profile_id, backfill, chain, kind, group_id)
ORDER BY bucket, profile_id
"""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something other than an event that happened to a person. With `starts_nothing` it begins no run."""

    profile_id: str
    kind: Kind
    group_id: str | None = None
    chain: int = 0
    starts_nothing: bool = False


async def note_happenings(
    transaction: Connection, account_id: str, happenings: Sequence[Happening], at: datetime, received_at: datetime
) -> None:
    """Let the engine work out what follows; `at` is the account's time, `received_at` system time."""
    if happenings:
        await transaction.execute(
            _NOTE,
            account_id,
            at,
            received_at,
            [bucket_of(one.profile_id) for one in happenings],
            [one.profile_id for one in happenings],
            [one.starts_nothing for one in happenings],
            [one.chain for one in happenings],
            [int(one.kind) for one in happenings],
            [one.group_id for one in happenings],
        )


async def claim_pending(
    transaction: Connection, buckets: Sequence[int], limit: int, account_id: str | None = None
) -> list[Row]:
    """Return at most `limit` pending rows of locked buckets, in the order of arrival within each account.

    Accounts take turns, so that none fills a batch while another waits; with an `account_id` only its rows are taken.
    """
    return await transaction.fetch(_CLAIM, list(buckets), limit, account_id)


async def delete_pending(transaction: Connection, rows: Sequence[Row]) -> None:
    """Delete rows whose consequences have been worked out."""
    if rows:
        columns = ([row[name] for row in rows] for name in ("bucket", "account_id", "seq"))
        await transaction.execute(_DELETE, *columns)


async def is_pending(transaction: Connection, row: Row) -> bool:
    """Tell whether a row that was read in another transaction still waits."""
    found: bool = await transaction.fetch_value(_IS_THERE, row["bucket"], row["account_id"], row["seq"])
    return found


async def postpone_pending(transaction: Connection, row: Row) -> None:
    """Put a row behind all that arrived so far, so that what cannot be worked out holds up nobody else."""
    await transaction.execute(_POSTPONE, row["bucket"], row["account_id"], row["seq"])


async def oldest_pending(database: Database) -> datetime | None:
    """Return when the oldest event whose consequences are still to come was received (system time)."""
    moment: datetime | None = await database.fetch_value(_OLDEST)
    return moment
