"""Events: writing them once, and reading them back.

The one statement that writes events decides uniqueness first (`event_key`), then inserts the events that were new and,
where asked, their `pending` rows and what webhooks are to be told of them. Times must have a partition already
(`partitions.Partitions.ensure`).
Source: DESIGN section 8 (event uniqueness); reference 5.4 (a repeated `unique_id` is dropped, the first is kept).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from headrace.conditions.topics import of_metric
from headrace.storage.arrays import ids, lines, moment, moments, numbers, texts
from headrace.storage.database import Connection
from headrace.storage.pending import Kind
from headrace.storage.webhook_feed import TELLING


class NewEvent(NamedTuple):
    """An event on its way into the database.

    `bucket` is its profile's; `written` are its properties as JSON, where somebody has written them already.
    """

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
    written: str | None = None


_COLUMNS = f"""
    SELECT bucket, profile_id, metric_id, unique_id, number, {moment("occurred")} AS occurred_at, properties, value,
        value_currency, backfill, chain
    FROM unnest($2::text::smallint[], string_to_array($3, ','), string_to_array($4, ','), $5::text::text[],
        $6::text::bigint[], $7::text::bigint[], string_to_array($8, E'\\n')::jsonb[], $9::text::numeric[],
        $10::text::text[], $11::text::int[]::bool[], $12::text::smallint[])
        AS e (bucket, profile_id, metric_id, unique_id, number, occurred, properties, value, value_currency, backfill,
              chain)"""

_INSERT = f"""
WITH incoming AS MATERIALIZED ({_COLUMNS}),
fresh AS (
    INSERT INTO event_key (bucket, account_id, profile_id, metric_id, unique_id)
    SELECT bucket, $1, profile_id, metric_id, unique_id FROM incoming
    ORDER BY bucket, profile_id, metric_id, unique_id
    ON CONFLICT DO NOTHING
    RETURNING bucket, profile_id, metric_id, unique_id
),
chosen AS (
    SELECT incoming.* FROM incoming JOIN fresh USING (bucket, profile_id, metric_id, unique_id)
),
written AS (
    INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, value_currency,
                       properties)
    SELECT bucket, $1, profile_id, metric_id, occurred_at, number, value, value_currency, properties FROM chosen
)
"""

_INSERT_QUIETLY = (
    _INSERT
    + TELLING
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
SELECT CASE WHEN count(*) < (SELECT count(*) FROM incoming) THEN coalesce(array_agg(number), ARRAY[]::bigint[]) END
FROM chosen
"""
)

_INSERT_PENDING = (
    _INSERT
    + TELLING
    + """,
waiting AS (
    INSERT INTO pending (bucket, account_id, profile_id, metric_id, number, occurred_at, accepted_at, received_at,
                         backfill, chain)
    SELECT bucket, $1, profile_id, metric_id, number, occurred_at, $13, $14, backfill, chain
    FROM chosen ORDER BY number
)
SELECT CASE WHEN count(*) < (SELECT count(*) FROM incoming) THEN coalesce(array_agg(number), ARRAY[]::bigint[]) END
FROM chosen
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
    return await _insert(connection, _INSERT_PENDING, account_id, events, accepted_at, received_at)


async def insert_quietly(transaction: Connection, account_id: str, events: Sequence[NewEvent]) -> set[int]:
    """Write events that start nothing (Headrace's own message events); return the numbers of the new ones.

    Segments that ask about their metrics are looked at, at the time of the last event of each person.
    """
    topics = sorted({of_metric(event.metric_id) for event in events})
    return await _insert(transaction, _INSERT_QUIETLY, account_id, events, topics)


async def _insert(
    connection: Connection, statement: str, account_id: str, events: Sequence[NewEvent], *more: Any
) -> set[int]:
    """Run a statement over the events, each once, and return the numbers of the new ones.

    The statement answers nothing where all that it was given were new, which is nearly always.
    """
    if not events:
        return set()
    given = _first_of_each(events)
    new = await connection.fetch_value(statement, account_id, *_columns(given), *more)
    return {event.number for event in given} if new is None else set(new)


def _first_of_each(events: Sequence[NewEvent]) -> Sequence[NewEvent]:
    """Return the events without repetitions in the batch itself, of which the one with the least number stays."""
    _, people, metrics, keys, *_ = zip(*events, strict=True)
    if len(set(zip(people, metrics, keys, strict=True))) == len(events):
        return events
    known: dict[tuple[str, str, str], NewEvent] = {}
    for event in events:
        other = known.setdefault((event.profile_id, event.metric_id, event.unique_id), event)
        if other is not event and event.number < other.number:
            known[event.profile_id, event.metric_id, event.unique_id] = event
    return list(known.values())


def _columns(events: Sequence[NewEvent]) -> list[str]:
    """Return one text per field, in the order of `_COLUMNS`."""
    columns = zip(*events, strict=True)
    buckets, people, metrics, keys, event_numbers, times, _, values, currencies, backfills, chains, _ = columns
    return [
        numbers(buckets),
        ids(people),
        ids(metrics),
        texts(keys),
        numbers(event_numbers),
        moments(times),
        lines([event.written or _written(event.properties) for event in events]),
        texts([None if value is None else str(value) for value in values]),
        texts(currencies),
        numbers(backfills),
        numbers(chains),
    ]


def _written(properties: Mapping[str, Any]) -> str:
    return orjson.dumps(properties, option=orjson.OPT_NON_STR_KEYS).decode()
