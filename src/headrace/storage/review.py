"""The review queue: messages of manual actions, which wait until a user releases or cancels them.

What is here: finding them, taking them under the locks of their buckets, writing what became of them. What is not:
deciding (`engine.review`). Source: reference 1.1.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.storage import deliveries
from headrace.storage.database import Connection, Database, Row

REVIEW = 6
"""The state of a delivery that waits for a user."""

_CHOSEN = """
account_id = $1 AND state = 6 AND ($2::text IS NULL OR flow_id = $2) AND ($3::bigint IS NULL OR action_id = $3)
"""
_FIND = f"SELECT bucket, delivery_id FROM delivery WHERE {_CHOSEN} ORDER BY queued_at, delivery_id LIMIT $4"
_NAMED = """
SELECT bucket, delivery_id FROM delivery
WHERE bucket BETWEEN 0 AND 255 AND account_id = $1 AND delivery_id = ANY($2) AND state = 6
"""
_LIST = f"""
SELECT d.delivery_id, d.flow_id, d.action_id, d.message_id, d.variation, d.profile_id, d.channel, d.queued_at,
    m.name AS message, coalesce(p.email, p.phone_number, p.external_id) AS person
FROM (SELECT * FROM delivery WHERE {_CHOSEN} ORDER BY queued_at, delivery_id LIMIT $4) AS d
LEFT JOIN flow_message m ON m.account_id = d.account_id AND m.message_id = d.message_id
LEFT JOIN profile p ON p.bucket = d.bucket AND p.account_id = d.account_id AND p.profile_id = d.profile_id
ORDER BY d.queued_at, d.delivery_id
"""
_COUNT = f"SELECT flow_id, action_id, count(*) AS messages FROM delivery WHERE {_CHOSEN} GROUP BY 1, 2 ORDER BY 1, 2"

_TAKE = f"""
SELECT {deliveries.COLUMNS}
FROM unnest($2::smallint[], $3::uuid[]) AS k (bucket, delivery_id)
JOIN delivery d ON d.bucket = k.bucket AND d.account_id = $1 AND d.delivery_id = k.delivery_id
WHERE d.state = 6
ORDER BY d.bucket, d.delivery_id
FOR NO KEY UPDATE OF d
"""

_RUNS = """
SELECT r.* FROM unnest($2::smallint[], $3::uuid[]) AS k (bucket, run_id)
JOIN run r ON r.bucket = k.bucket AND r.account_id = $1 AND r.run_id = k.run_id
"""

_SETTLE = """
UPDATE delivery d SET state = s.state, reason = s.reason, due_at = s.due_at, queued_at = $2, clock = $3
FROM unnest($4::smallint[], $5::uuid[], $6::smallint[], $7::text[], $8::timestamptz[])
    AS s (bucket, delivery_id, state, reason, due_at)
WHERE d.bucket = s.bucket AND d.account_id = $1 AND d.delivery_id = s.delivery_id AND d.state = 6
"""

_STEPS = """
UPDATE run r SET steps = s.steps FROM unnest($2::smallint[], $3::uuid[], $4::int[]) AS s (bucket, run_id, steps)
WHERE r.bucket = s.bucket AND r.account_id = $1 AND r.run_id = s.run_id
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages under review are meant: those named, else all, of a flow or an action where one is given."""

    delivery_ids: frozenset[uuid.UUID] | None = None
    flow_id: str | None = None
    action_id: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a message: QUEUED for `due_at`, SKIPPED or CANCELED for `reason`."""

    bucket: int
    delivery_id: uuid.UUID
    state: int
    due_at: datetime
    reason: str | None = None


async def find_review(
    connection: Connection | Database, account_id: str, chosen: Chosen, limit: int
) -> list[tuple[int, uuid.UUID]]:
    """Return (bucket, delivery id) of at most `limit` messages under review, the oldest first unless they are named."""
    if chosen.delivery_ids is None:
        rows = await connection.fetch(_FIND, account_id, chosen.flow_id, chosen.action_id, limit)
    else:
        rows = await connection.fetch(_NAMED, account_id, sorted(chosen.delivery_ids)[:limit])
    return [(row["bucket"], row["delivery_id"]) for row in rows]


async def list_review(connection: Connection | Database, account_id: str, chosen: Chosen, limit: int) -> list[Row]:
    """Return at most `limit` messages under review, the oldest first, with its name and the person's address."""
    return await connection.fetch(_LIST, account_id, chosen.flow_id, chosen.action_id, limit)


async def count_review(connection: Connection | Database, account_id: str, chosen: Chosen) -> list[Row]:
    """Return flow_id, action_id and the number of `messages` of each action that has some under review."""
    return await connection.fetch(_COUNT, account_id, chosen.flow_id, chosen.action_id)


async def take_review(
    transaction: Connection, account_id: str, keys: Sequence[tuple[int, uuid.UUID]]
) -> tuple[list[Row], list[Row]]:
    """Return those deliveries among (bucket, delivery id) that are still under review, locked, and their runs."""
    rows = await transaction.fetch(_TAKE, account_id, [key[0] for key in keys], [key[1] for key in keys])
    runs = list({(row["bucket"], row["run_id"]) for row in rows})
    found = await transaction.fetch(_RUNS, account_id, [key[0] for key in runs], [key[1] for key in runs])
    return rows, found


async def settle_review(
    transaction: Connection, account_id: str, settled: Sequence[Settled], now: datetime, clock: int
) -> None:
    """Write what became of messages under review; they count as queued at `now`, on the account's clock."""
    if settled:
        columns = [[getattr(one, name) for one in settled] for name in ("bucket", "delivery_id", "state", "reason")]
        await transaction.execute(_SETTLE, account_id, now, clock, *columns, [one.due_at for one in settled])


async def set_steps(transaction: Connection, account_id: str, steps: Sequence[tuple[int, uuid.UUID, int]]) -> None:
    """Write how many journal rows runs have, for each (bucket, run id, steps); the caller holds their buckets."""
    if steps:
        await transaction.execute(_STEPS, account_id, *map(list, zip(*steps, strict=True)))
