"""What webhooks are still to be told: who has something waiting, claiming a webhook, and what came of a call.

What is here: statements. What is not: filling the queue (`webhook_feed`) and calling (`engine.webhooks`). All times are
system time. A webhook is claimed as a whole, so that it is told everything in one order and by one process at a time; a
claim that its process did not live to end lapses.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.ids import BUCKETS
from headrace.storage.database import Connection, Database, Row

_BUCKETS = f"generate_series(0, {BUCKETS - 1}) AS b (number)"

_WAITING = f"""
WITH RECURSIVE waiting (bucket, account_id, webhook_id) AS (
    SELECT b.number, first.account_id, first.webhook_id FROM {_BUCKETS} CROSS JOIN LATERAL (
        SELECT account_id, webhook_id FROM webhook_event WHERE bucket = b.number
        ORDER BY account_id, webhook_id LIMIT 1
    ) AS first
    UNION ALL
    SELECT w.bucket, other.account_id, other.webhook_id FROM waiting w CROSS JOIN LATERAL (
        SELECT account_id, webhook_id FROM webhook_event
        WHERE bucket = w.bucket AND (account_id, webhook_id) > (w.account_id, w.webhook_id)
        ORDER BY account_id, webhook_id LIMIT 1
    ) AS other
)
SELECT DISTINCT waiting.account_id, waiting.webhook_id, coalesce(webhook.enabled, false) AS enabled
FROM waiting LEFT JOIN webhook USING (account_id, webhook_id)
WHERE (lease_until IS NULL OR lease_until <= $1) AND (not_before IS NULL OR not_before <= $1)
ORDER BY 1, 2
"""
_CLAIM = """
UPDATE webhook SET claimed_by = $2, lease_until = $3
WHERE webhook_id = $1 AND enabled AND (lease_until IS NULL OR lease_until <= $4)
    AND (not_before IS NULL OR not_before <= $4)
RETURNING *
"""
_A_BUCKET = 64
"""Rows of a bucket that one look reads, so that a long queue is not read from its beginning to its end each time."""
_QUEUED = f"""
WITH heads AS MATERIALIZED (
    SELECT e.* FROM {_BUCKETS} CROSS JOIN LATERAL (
        SELECT * FROM webhook_event WHERE bucket = b.number AND account_id = $1 AND webhook_id = $2
        ORDER BY number LIMIT {_A_BUCKET}
    ) AS e
),
seen AS (
    SELECT min(last) AS last FROM (
        SELECT max(number) AS last FROM heads GROUP BY bucket HAVING count(*) = {_A_BUCKET}
    ) AS cut
)
SELECT sized.* FROM (
    SELECT heads.*, sum(pg_column_size(properties)) OVER (ORDER BY number) - pg_column_size(properties) AS before
    FROM heads CROSS JOIN seen WHERE seen.last IS NULL OR number <= seen.last
) AS sized
WHERE before < $4 ORDER BY number LIMIT $3
"""
"""The size of properties is the one on disk, which is known without reading them."""
_NAMES = "SELECT metric_id, name FROM metric WHERE account_id = $1 AND metric_id = ANY($2)"
_COUNTED = f"""
SELECT count(*) FROM {_BUCKETS} CROSS JOIN LATERAL (
    SELECT FROM webhook_event WHERE bucket = b.number AND account_id = $1 AND webhook_id = $2
) AS e
"""
_TOLD = """
DELETE FROM webhook_event e USING unnest($2::smallint[], $3::bigint[]) AS told (bucket, number)
WHERE e.bucket = told.bucket AND e.account_id = $1 AND e.number = told.number
"""
_WELL = """
UPDATE webhook SET attempts = 0, failing_since = NULL, not_before = NULL, error = NULL, lease_until = NULL
WHERE webhook_id = $1 AND claimed_by = $2
"""
_FAILED = """
UPDATE webhook SET attempts = least(attempts + 1, 1000), failing_since = coalesce(failing_since, $3), not_before = $4,
    error = $5, enabled = enabled AND NOT $6, lease_until = NULL
WHERE webhook_id = $1 AND claimed_by = $2
"""
_RELEASE = "UPDATE webhook SET lease_until = NULL, not_before = $3 WHERE webhook_id = $1 AND claimed_by = $2"
_FORGET = f"""
DELETE FROM webhook_event e USING {_BUCKETS}
WHERE e.bucket = b.number AND e.account_id = $1 AND e.webhook_id = $2
"""
_FORGET_UNHEARD = f"{_FORGET} AND NOT EXISTS (SELECT FROM webhook WHERE webhook_id = $2 AND enabled)"
"""One statement, so that what it finds queued is no newer than the webhook's state that it finds."""
_TRIM = f"""
DELETE FROM webhook_event USING {_BUCKETS}
WHERE bucket = b.number AND account_id = $1 AND webhook_id = $2 AND webhook_event.number < (
    SELECT min(number) FROM (
        SELECT e.number FROM {_BUCKETS} CROSS JOIN LATERAL (
            SELECT number FROM webhook_event WHERE bucket = b.number AND account_id = $1 AND webhook_id = $2
            ORDER BY number DESC LIMIT $3
        ) AS e ORDER BY e.number DESC LIMIT $3
    ) AS kept
)
"""


@dataclass(frozen=True, slots=True)
class WebhookClaim:
    """Who calls a webhook, and until when nobody else does."""

    name: str
    at: datetime
    until: datetime


async def waiting_webhooks(database: Database, now: datetime) -> list[Row]:
    """Return account_id, webhook_id and enabled of those that may be told something now.

    A webhook that was deleted counts as not enabled. The cost grows with the pairs of buckets and webhooks that have
    something waiting, not with how much that is.
    """
    return await database.fetch(_WAITING, now)


async def claim_webhook(transaction: Connection, webhook_id: str, claim: WebhookClaim) -> Row | None:
    """Claim a webhook and return all its columns, None where somebody else has it or it must wait."""
    return await transaction.fetch_row(_CLAIM, webhook_id, claim.name, claim.until, claim.at)


async def queued(
    database: Database | Connection, account_id: str, webhook_id: str, limit: int, size: int = 1 << 62
) -> list[Row]:
    """Return at most so many of the events that a webhook is to be told, in the order of their writing.

    There may be more than are returned, even if these are fewer than asked for, but none before the last of them. No
    more follow once their properties take up `size` bytes on disk: events may be large, and memory is not.
    """
    return await database.fetch(_QUEUED, account_id, webhook_id, limit, size)


async def metric_names(database: Database, account_id: str, metric_ids: Collection[str]) -> dict[str, str]:
    """Return metric id -> name for those of some metrics that an account has."""
    rows = await database.fetch(_NAMES, account_id, sorted(metric_ids))
    return {row["metric_id"]: row["name"] for row in rows}


async def count_queued(database: Database, account_id: str, webhook_id: str) -> int:
    """Return how many events a webhook is still to be told."""
    counted: int = await database.fetch_value(_COUNTED, account_id, webhook_id)
    return counted


async def record_told(transaction: Connection, webhook: Row, claim: WebhookClaim, told: Sequence[Row]) -> None:
    """Remove events that were told, and end the claim."""
    buckets, numbers = [row["bucket"] for row in told], [row["number"] for row in told]
    await transaction.execute(_TOLD, webhook["account_id"], buckets, numbers)
    await transaction.execute(_WELL, webhook["webhook_id"], claim.name)


async def record_failed(
    transaction: Connection,
    webhook: Row,
    claim: WebhookClaim,
    now: datetime,
    not_before: datetime,
    error: str,
    *,
    gives_up: bool,
) -> None:
    """Note a failure and end the claim; giving up switches the webhook off and forgets what it was to be told."""
    place = (webhook["webhook_id"], claim.name)
    tag = await transaction.execute(_FAILED, *place, now, not_before, error, gives_up)
    if gives_up and tag.endswith(" 1"):
        await forget_queued(transaction, webhook["account_id"], webhook["webhook_id"])


async def release(
    transaction: Connection, webhook: Row, claim: WebhookClaim, not_before: datetime | None = None
) -> None:
    """End a claim; nothing is told before `not_before`, if given."""
    await transaction.execute(_RELEASE, webhook["webhook_id"], claim.name, not_before)


async def forget_queued(transaction: Connection, account_id: str, webhook_id: str) -> None:
    """Forget what a webhook was still to be told."""
    await transaction.execute(_FORGET, account_id, webhook_id)


async def forget_unheard(transaction: Connection, account_id: str, webhook_id: str) -> None:
    """Forget what was queued for a webhook that was deleted or switched off, unless it was switched on meanwhile."""
    await transaction.execute(_FORGET_UNHEARD, account_id, webhook_id)


async def trim_queue(transaction: Connection, account_id: str, webhook_id: str, keep: int) -> None:
    """Forget all but the last so many events of a webhook."""
    await transaction.execute(_TRIM, account_id, webhook_id, keep)
