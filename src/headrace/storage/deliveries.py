"""Deliveries: queueing them, claiming those that are due, recording what came of them.

A claim is committed before anything is handed to a provider, and a result counts only for the claim that it belongs to
(`claimed_by`), so a delivery whose lease lapsed is never recorded twice. Source: DESIGN section 3 (sending).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.ids import BUCKETS
from headrace.storage.database import Connection, Database, Row
from headrace.storage.lanes import lanes, share

COLUMNS = """d.bucket, d.account_id, d.delivery_id, d.run_id, d.flow_id, d.action_id, d.message_id, d.variation,
    d.profile_id, d.channel, d.format, d.clock, d.queued_at, d.step, d.due_at, d.attempts"""

_INSERT = """
INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id,
                      channel, format, state, clock, queued_at, step, due_at)
SELECT *, queued_at FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[],
    $7::text[], $8::text[], $9::text[], $10::smallint[], $11::text[], $12::smallint[], $13::int[], $14::timestamptz[],
    $15::int[])
    AS made (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id, channel,
             format, state, clock, queued_at, step)
ON CONFLICT DO NOTHING
"""

_CLAIM = f"""
WITH RECURSIVE
{lanes("delivery", "SELECT $1::int AS clock, unnest($2::smallint[]) AS bucket", "state = 0")},
due AS MATERIALIZED (
    SELECT next.* FROM lane CROSS JOIN LATERAL (
        SELECT bucket, account_id, delivery_id, due_at FROM delivery
        WHERE clock = $1 AND bucket = lane.bucket AND account_id = lane.account_id AND state = 0 AND due_at <= $3
            AND (lease_until IS NULL OR lease_until <= $7)
        ORDER BY due_at LIMIT $8 FOR UPDATE SKIP LOCKED
    ) AS next
),
chosen AS MATERIALIZED (
    SELECT * FROM (
        SELECT due.*, row_number() OVER (PARTITION BY account_id ORDER BY due_at, delivery_id) AS turn FROM due
    ) AS fair
    ORDER BY turn, due_at LIMIT $4
)
UPDATE delivery d SET state = 1, claimed_by = $5, lease_until = $6, attempts = d.attempts + 1
FROM chosen WHERE d.bucket = chosen.bucket AND d.account_id = chosen.account_id
    AND d.delivery_id = chosen.delivery_id
RETURNING {COLUMNS}
"""

_RECORD = """
UPDATE delivery d SET state = r.state, reason = r.reason, due_at = r.due_at, sent_at = r.sent_at,
    provider_id = r.provider_id, segments = r.segments, claimed_by = NULL, lease_until = r.not_before
FROM unnest($2::smallint[], $3::text[], $4::uuid[], $5::smallint[], $6::text[], $7::timestamptz[], $8::timestamptz[],
            $9::text[], $10::smallint[], $11::timestamptz[])
    AS r (bucket, account_id, delivery_id, state, reason, due_at, sent_at, provider_id, segments, not_before)
WHERE d.bucket = r.bucket AND d.account_id = r.account_id AND d.delivery_id = r.delivery_id
    AND d.claimed_by = $1 AND d.state IN (1, 5)
RETURNING d.delivery_id
"""

_DETAIL = """
UPDATE delivery d SET detail = r.detail
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[]) AS r (bucket, account_id, delivery_id, detail)
WHERE d.bucket = r.bucket AND d.account_id = r.account_id AND d.delivery_id = r.delivery_id
"""

_LAST_SENDS = """
SELECT asked.profile_id, asked.channel, last.at
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[])
    AS asked (bucket, account_id, profile_id, channel, since)
CROSS JOIN LATERAL (
    SELECT max(coalesce(d.sent_at, d.due_at)) AS at FROM delivery d
    WHERE d.bucket = asked.bucket AND d.account_id = asked.account_id AND d.profile_id = asked.profile_id
        AND d.channel = asked.channel AND d.queued_at >= asked.since AND d.state = ANY ('{0,1,2,5}')
) AS last
WHERE last.at IS NOT NULL
"""

_LAPSED = """
UPDATE delivery SET
    state = CASE WHEN channel = ANY ($2::smallint[]) AND attempts < $4 THEN 0 ELSE 5 END,
    claimed_by = CASE WHEN channel = ANY ($2::smallint[]) AND attempts < $4 THEN NULL ELSE claimed_by END,
    sent_at = CASE WHEN channel = ANY ($2::smallint[]) AND attempts < $4 THEN NULL ELSE due_at END,
    lease_until = NULL
WHERE (bucket, account_id, delivery_id) IN (
    SELECT bucket, account_id, delivery_id FROM delivery
    WHERE state = 1 AND lease_until < $1 ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING bucket, account_id, delivery_id, run_id, action_id, profile_id, channel, state, clock, due_at
"""

_IN_FLIGHT = "SELECT EXISTS (SELECT 1 FROM delivery WHERE state = 1 AND clock = ANY ($1::int[]))"

_NEXT = f"""
SELECT min(first.at) FROM generate_series(0, {BUCKETS - 1}) AS b (number) CROSS JOIN LATERAL (
    SELECT due_at AS at FROM delivery
    WHERE clock = $1 AND bucket = b.number::smallint AND account_id = $2 AND state = 0 AND due_at > $3
    ORDER BY due_at LIMIT 1
) AS first
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message that passed its gates (QUEUED), or waits for a user (REVIEW). It is due when it is queued."""

    bucket: int
    account_id: str
    delivery_id: uuid.UUID
    run_id: uuid.UUID
    flow_id: str
    action_id: int
    message_id: str
    variation: str
    profile_id: str
    channel: int
    format: str
    state: int
    clock: int
    queued_at: datetime
    step: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What came of a claimed delivery.

    Where `state` is QUEUED it is tried again at `due_at` (domain time), but not before `not_before` (system time),
    which the row keeps in `lease_until`. `detail` says more than `reason` about what could not be written.
    """

    bucket: int
    account_id: str
    delivery_id: uuid.UUID
    state: int
    due_at: datetime
    reason: str | None = None
    sent_at: datetime | None = None
    provider_id: str | None = None
    segments: int = 0
    not_before: datetime | None = None
    detail: str | None = None


_RESULT = (
    "bucket",
    "account_id",
    "delivery_id",
    "state",
    "reason",
    "due_at",
    "sent_at",
    "provider_id",
    "segments",
    "not_before",
)


async def insert_deliveries(transaction: Connection, deliveries: Sequence[NewDelivery]) -> None:
    """Queue a batch of deliveries; one that exists already stays as it is."""
    if deliveries:
        columns = [[getattr(one, name) for one in deliveries] for name in NewDelivery.__slots__]
        await transaction.execute(_INSERT, *columns)


@dataclass(frozen=True, slots=True)
class Claim:
    """Under which name deliveries are claimed, when (system time), and until when they are ours."""

    name: str
    at: datetime
    until: datetime


async def claim_deliveries(
    transaction: Connection, clock: int, buckets: Sequence[int], now: datetime, limit: int, claim: Claim
) -> list[Row]:
    """Claim at most `limit` deliveries that are due by `now` (the clock's time); earliest first.

    Accounts take turns, as among runs. Of two messages of a run and a moment the one that was reached first goes first.
    """
    values = (clock, list(buckets), now, limit, claim.name, claim.until, claim.at, share(limit, len(buckets)))
    rows = await transaction.fetch(_CLAIM, *values)
    return sorted(rows, key=lambda row: (row["due_at"], row["step"]))


async def record_results(transaction: Connection, claim: str, results: Sequence[DeliveryResult]) -> set[uuid.UUID]:
    """Write down results of deliveries claimed as `claim`; return the ids of those that still were."""
    if not results:
        return set()
    columns = [[getattr(one, name) for one in results] for name in _RESULT]
    ours = {row["delivery_id"] for row in await transaction.fetch(_RECORD, claim, *columns)}
    told = [one for one in results if one.detail is not None and one.delivery_id in ours]
    if told:
        names = ("bucket", "account_id", "delivery_id", "detail")
        await transaction.execute(_DETAIL, *([getattr(one, name) for one in told] for name in names))
    return ours


async def last_sends(
    transaction: Connection, asked: Sequence[tuple[int, str, str, int, datetime]]
) -> dict[tuple[str, int], datetime]:
    """Return (profile id, channel) -> the last send, for each (bucket, account id, profile id, channel, since).

    A send counts from the moment it is queued, whatever becomes of it later, as long as it was not refused or skipped.
    `since` bounds the search by the time of queueing. Source: reference 4.1.
    """
    if not asked:
        return {}
    rows = await transaction.fetch(_LAST_SENDS, *map(list, zip(*asked, strict=True)))
    return {(row["profile_id"], row["channel"]): row["at"] for row in rows}


async def resolve_lapsed(
    transaction: Connection, system_now: datetime, retried: Sequence[int], limit: int, attempts: int
) -> list[Row]:
    """Settle deliveries whose lease lapsed and return them, with what they are now: queued again on the channels in
    `retried`, whose providers honor our delivery id, unless there were so many `attempts`, else unconfirmed.

    Our choice: an unconfirmed delivery counts as attempted when it was due (smart sending).
    """
    return await transaction.fetch(_LAPSED, system_now, list(retried), limit, attempts)


async def next_due(connection: Connection | Database, clock: int, account_id: str, after: datetime) -> datetime | None:
    """Return when the next queued delivery of an account's clock is due after a moment, None when none is.

    What was due before waits for something else, such as a provider's pause.
    """
    moment: datetime | None = await connection.fetch_value(_NEXT, clock, account_id, after)
    return moment


async def in_flight(connection: Connection | Database, clocks: Sequence[int]) -> bool:
    """Tell whether some delivery of these clocks is in a worker's hands."""
    found: bool = await connection.fetch_value(_IN_FLIGHT, list(clocks))
    return found
