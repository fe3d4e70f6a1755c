"""Events: writing them once, and reading them back.

The one statement that writes events decides uniqueness first (`event_key`), then inserts the events that were new and,
where asked, their `pending` rows. Times must have a partition already (`partitions.Partitions.ensure`).
Source: DESIGN section 8 (event uniqueness); reference 5.4 (a repeated `unique_id` is dropped, the first is kept).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from headrace.conditions.topics import of_metric
from headrace.storage.database import Connection
from headrace.storage.pending import Kind


class NewEvent(NamedTuple):
    """An event on its way into the database; `bucket` is its profile's."""

    bucket: int
    profile_id: str
    metric_id: str
    unique_id: str
    number: int
    occurred_at: datetime
    properties: Mapping[str, Any]
    value: Decimal | None = None
    value_currency: str | None = None
    backfill: bool = False
    chain: int = 0


_COLUMNS = """unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::jsonb[],
    $9::numeric[], $10::text[], $11::bool[], $12::smallint[])
    AS e (bucket, profile_id, metric_id, unique_id, number, occurred_at, properties, value, value_currency, backfill,
          chain)"""

_INSERT = f"""
WITH incoming AS MATERIALIZED (SELECT * FROM {_COLUMNS}),
fresh AS (
    INSERT INTO event_key (bucket, account_id, profile_id, metric_id, unique_id)
    SELECT bucket, $1, profile_id, metric_id, unique_id FROM incoming
    ORDER BY bucket, profile_id, metric_id, unique_id
    ON CONFLICT DO NOTHING
    RETURNING bucket, profile_id, metric_id, unique_id
),
chosen AS (
    SELECT DISTINCT ON (bucket, profile_id, metric_id, unique_id) incoming.*
    FROM incoming JOIN fresh USING (bucket, profile_id, metric_id, unique_id)
    ORDER BY bucket, profile_id, metric_id, unique_id, number
),
written AS (
    INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, value_currency,
                       properties)
    SELECT bucket, $1, profile_id, metric_id, occurred_at, number, value, value_currency, properties FROM chosen
)
"""

_INSERT_QUIETLY = (
    _INSERT
    + f""",
asking AS MATERIALIZED (
    SELECT DISTINCT topic FROM profile_group, unnest(topics) AS topic
    WHERE account_id = $1 AND kind = 'segment' AND is_active AND topics && $13::text[]
),
noted AS (
    INSERT INTO pending (bucket, account_id, profile_id, metric_id, number, occurred_at, accepted_at, received_at,
                         backfill, chain, kind, topics)
    SELECT bucket, $1, profile_id, '', 0, max(occurred_at), max(occurred_at), clock_timestamp(), bool_and(backfill),
        max(chain), {int(Kind.CHANGED)}, array_agg(DISTINCT topic)
    FROM (SELECT *, '{of_metric("")}' || metric_id AS topic FROM chosen) AS told JOIN asking USING (topic)
    GROUP BY bucket, profile_id ORDER BY bucket, profile_id
)
SELECT number FROM chosen
"""
)

_INSERT_PENDING = (
    _INSERT
    + """,
waiting AS (
    INSERT INTO pending (bucket, account_id, profile_id, metric_id, number, occurred_at, accepted_at, received_at,
                         backfill, chain)
    SELECT bucket, $1, profile_id, metric_id, number, occurred_at, $13, $14, backfill, chain
    FROM chosen ORDER BY number
)
SELECT number FROM chosen
"""
)


async def insert_pending(
    connection: Connection,
    account_id: str,
    events: Sequence[NewEvent],
    accepted_at: datetime,
    received_at: datetime,
) -> set[int]:
    """Write events and their `pending` rows; return the numbers of those that were new.

    `accepted_at` is the account's time, `received_at` system time.
    """
    rows = await connection.fetch(_INSERT_PENDING, account_id, *_columns(events), accepted_at, received_at)
    return {row["number"] for row in rows}


async def insert_quietly(transaction: Connection, account_id: str, events: Sequence[NewEvent]) -> set[int]:
    """Write events that start nothing (Headrace's own message events); return the numbers of the new ones.

    Segments that ask about their metrics are looked at, at the time of the last event of each person.
    """
    topics = sorted({of_metric(event.metric_id) for event in events})
    rows = await transaction.fetch(_INSERT_QUIETLY, account_id, *_columns(events), topics)
    return {row["number"] for row in rows}


def _columns(events: Sequence[NewEvent]) -> list[list[Any]]:
    """Return one array per field, in the order of the fields, which is that of `_COLUMNS`."""
    return [list(column) for column in zip(*events, strict=True)] or [[] for _ in NewEvent._fields]
