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
from headrace.storage.arrays import ids, lines, microseconds, moment, numbers, texts
from headrace.storage.database import Connection
from headrace.storage.pending import Kind
from headrace.storage.webhook_feed import TELLING


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
tally AS MATERIALIZED (
    SELECT (SELECT count(*) FROM fresh) = (SELECT count(*) FROM incoming) AS all_fresh
),
chosen AS (
    SELECT incoming.* FROM incoming WHERE (SELECT all_fresh FROM tally)
    UNION ALL
    SELECT incoming.* FROM incoming JOIN fresh USING (bucket, profile_id, metric_id, unique_id)
    WHERE NOT (SELECT all_fresh FROM tally)
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
SELECT CASE WHEN NOT all_fresh THEN (SELECT coalesce(array_agg(number), ARRAY[]::bigint[]) FROM chosen) END FROM tally
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
SELECT CASE WHEN NOT all_fresh THEN (SELECT coalesce(array_agg(number), ARRAY[]::bigint[]) FROM chosen) END FROM tally
"""
)


class EventColumns(NamedTuple):
    """Events on their way into the database, a column each; times are microseconds since 1970, properties JSON."""

    buckets: Sequence[int]
    profile_ids: Sequence[str]
    metric_ids: Sequence[str]
    unique_ids: Sequence[str]
    numbers: Sequence[int]
    times: Sequence[int]
    written: Sequence[str]
    values: Sequence[str | None]
    currencies: Sequence[str | None]
    backfills: Sequence[bool]
    chains: Sequence[int]

    def as_text(self) -> tuple[str, ...]:
        """Return one text per column, in the order of `_COLUMNS`."""
        return (
            numbers(self.buckets),
            ids(self.profile_ids),
            ids(self.metric_ids),
            texts(self.unique_ids),
            numbers(self.numbers),
            numbers(self.times),
            lines(self.written),
            texts(self.values),
            texts(self.currencies),
            numbers(self.backfills),
            numbers(self.chains),
        )

    def first_of_each(self) -> EventColumns:
        """Return the columns without repetitions in the batch itself, of which the one with the least number stays."""
        keys = list(zip(self.profile_ids, self.metric_ids, self.unique_ids, strict=True))
        if len(set(keys)) == len(keys):
            return self
        first: dict[tuple[str, str, str], int] = {}
        for place in sorted(range(len(keys)), key=self.numbers.__getitem__):
            first.setdefault(keys[place], place)
        return EventColumns._make([column[place] for place in sorted(first.values())] for column in self)


def written_properties(properties: Mapping[str, Any]) -> str:
    """Return properties as JSON."""
    return orjson.dumps(properties, option=orjson.OPT_NON_STR_KEYS).decode()


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
    if not events:
        return set()
    return await insert_pending_columns(connection, account_id, _columns(events), accepted_at, received_at)


async def insert_pending_columns(
    connection: Connection, account_id: str, events: EventColumns, accepted_at: datetime, received_at: datetime
) -> set[int]:
    """Do what `insert_pending` does with at least one event, given as columns."""
    return await _insert(connection, _INSERT_PENDING, account_id, events, accepted_at, received_at)


async def insert_quietly(transaction: Connection, account_id: str, events: Sequence[NewEvent]) -> set[int]:
    """Write events that start nothing (Headrace's own message events); return the numbers of the new ones.

    Segments that ask about their metrics are looked at, at the time of the last event of each person.
    """
    if not events:
        return set()
    topics = sorted({of_metric(event.metric_id) for event in events})
    return await _insert(transaction, _INSERT_QUIETLY, account_id, _columns(events), topics)


async def _insert(
    connection: Connection, statement: str, account_id: str, events: EventColumns, *more: Any
) -> set[int]:
    """Run a statement over the events, each once, and return the numbers of the new ones.

    The statement answers nothing where all that it was given were new, which is nearly always.
    """
    given = events.first_of_each()
    new = await connection.fetch_value(statement, account_id, *given.as_text(), *more)
    return set(given.numbers if new is None else new)


def _columns(events: Sequence[NewEvent]) -> EventColumns:
    buckets, people, metrics, keys, event_numbers, times, properties, values, currencies, backfills, chains = zip(
        *events, strict=True
    )
    return EventColumns(
        buckets,
        people,
        metrics,
        keys,
        event_numbers,
        [microseconds(one) for one in times],
        [written_properties(one) for one in properties],
        [None if one is None else str(one) for one in values],
        currencies,
        backfills,
        chains,
    )
