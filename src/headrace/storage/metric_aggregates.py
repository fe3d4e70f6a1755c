"""Counting the events of a metric by dimensions and buckets of time.

What is here: the one statement that counts, sorts and pages. What is not: what a dimension is of an event
(`event_dimensions`), reading a request and the calendar (`headrace.reports`). Follows reference 6.6.

Events count at their own time. A dimension that an event does not have is the empty text. Only the partitions of the
span are read; a narrow span is found by the events' numbers, which sort by time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from headrace.errors import Invalid
from headrace.ids import event_number
from headrace.storage.database import Connection, Row
from headrace.storage.event_dimensions import joins, text_of

_VALUE = "sum(e.value) FILTER (WHERE e.value <> 'NaN')"
"""The sum of the values of events. A value is finite but for one that was stored as no number."""

MOST_SECONDS = 60
"""Our choice: one request keeps the database no longer than that, whoever asks for a year of all that happened."""
MEASUREMENTS = ("count", "sum_value", "unique")
LAST_NUMBER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class DimensionTest:
    """What a dimension must be, or with `negated` must not be; the empty text stands for an event without it."""

    dimension: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are sorted by: the total of a measurement, or a dimension that they are grouped by."""

    key: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """The group that a page ends with: its dimensions, or their digest, and its total where rows are sorted by one."""

    total: Decimal | None
    dimensions: tuple[str, ...] | None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """What is to be counted. Bucket `n` lies between `edges[n]` and `edges[n + 1]`."""

    account_id: str
    metric_id: str
    edges: Sequence[datetime]
    by: tuple[str, ...] = ()
    tests: tuple[DimensionTest, ...] = ()
    unique: bool = False
    order: Order | None = None
    limit: int = 500
    after: Mark | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its dimensions, its mark, and its figures per bucket that has events (counted from 0)."""

    dimensions: tuple[str, ...]
    mark: Mark
    places: Sequence[int]
    figures: Mapping[str, Sequence[int | Decimal]]


async def count_events(connection: Connection, asked: Count) -> list[Group]:
    """Return at most `limit` groups in their order, by dimensions where they are equal or nothing else was asked for.

    One statement, however many groups and buckets there are; `connection` is in a transaction. `unique` is 0 unless it
    was asked for. Raises `Invalid` for a count that takes longer than `MOST_SECONDS`.
    """
    # With a partition a month, compiling the statement takes longer than running it.
    await connection.execute(f"SET LOCAL jit = off; SET LOCAL statement_timeout = '{MOST_SECONDS}s'")
    try:
        rows = await connection.fetch(_sql(asked), *_arguments(asked))
    except asyncpg.QueryCanceledError:
        raise Invalid(
            f"To count these events takes longer than {MOST_SECONDS} seconds, the most allowed; "
            "ask for a shorter span, or group by less.",
            pointer="/data/attributes",
        ) from None
    return [_group(row) for row in rows]


def _group(row: Row) -> Group:
    dimensions, figures = tuple(row["dimensions"]), {name: row[name] for name in MEASUREMENTS}
    mark = Mark(row["total"], dimensions, row["digest"])
    return Group(dimensions, mark, [place - 1 for place in row["places"]], figures)


def _arguments(asked: Count) -> list[Any]:
    start, end = asked.edges[0], asked.edges[-1]
    numbers = [event_number(start, 0), event_number(end + timedelta(seconds=1), 0)]
    return [
        asked.account_id,
        asked.metric_id,
        start,
        end,
        *(min(max(number, 0), LAST_NUMBER) for number in numbers),
        list(asked.edges[:-1]),
        asked.limit,
        *(list(test.values) for test in asked.tests),
        *_mark_arguments(asked),
    ]


def _mark_arguments(asked: Count) -> list[Any]:
    if asked.after is None:
        return []
    group = asked.after.digest if asked.after.dimensions is None else list(asked.after.dimensions)
    return [group, asked.after.total] if _by_total(asked) else [group]


def _by_total(asked: Count) -> bool:
    return asked.order is not None and asked.order.key in MEASUREMENTS


def _sql(asked: Count) -> str:
    order = [*_sort(asked), "dimensions"]
    total = f'sum("{asked.order.key}")::numeric' if asked.order and _by_total(asked) else "NULL::numeric"
    return f"""
WITH counted AS ({_counted(asked)}),
{_mark(asked)}
page AS (
    SELECT dimensions, {total} AS total FROM counted GROUP BY dimensions {_behind(asked, total)}
    ORDER BY {", ".join(order)} LIMIT $8
)
SELECT dimensions, total, md5(dimensions::text) AS digest, array_agg(place) AS places, array_agg(count) AS count,
       array_agg("unique") AS "unique", array_agg(sum_value) AS sum_value
FROM page JOIN counted USING (dimensions)
GROUP BY dimensions, total ORDER BY {", ".join(order)}
"""


def _counted(asked: Count) -> str:
    """Return the query of what each group comes to in each bucket; telling people apart costs as much as the rest."""
    people = "count(DISTINCT e.profile_id)" if asked.unique else "0::bigint"
    return f"""
SELECT {_dimensions(asked)} AS dimensions, width_bucket(e.occurred_at, $7::timestamptz[]) AS place,
       count(*) AS count, {people} AS "unique", coalesce({_VALUE}, 0) AS sum_value
FROM event e {joins({*asked.by, *(test.dimension for test in asked.tests)})}
WHERE e.account_id = $1 AND e.metric_id = $2 AND e.occurred_at >= $3 AND e.occurred_at < $4
    AND e.number >= $5 AND e.number < $6 {_tests(asked)}
GROUP BY 1, 2
"""


def _dimensions(asked: Count) -> str:
    return f"ARRAY[{', '.join(text_of(name) for name in asked.by)}]::text[]"


def _tests(asked: Count) -> str:
    written = []
    for at, test in enumerate(asked.tests, start=9):
        operator = "<> ALL" if test.negated else "= ANY"
        written.append(f"AND {text_of(test.dimension)} {operator} (${at}::text[])")
    return " ".join(written)


def _sort(asked: Count) -> list[str]:
    """Return what groups are sorted by before their dimensions."""
    if asked.order is None:
        return []
    key = "total" if _by_total(asked) else _place(asked, asked.order)
    return [f"{key} DESC" if asked.order.descending else key]


def _place(asked: Count, order: Order) -> str:
    return f"dimensions[{asked.by.index(order.key) + 1}]"


def _mark(asked: Count) -> str:
    """Return the group that the page before ended with, which is looked up where it is too long to be handed on."""
    if asked.after is None:
        return ""
    first = 9 + len(asked.tests)
    if asked.after.dimensions is None:
        return f"mark AS (SELECT dimensions FROM counted WHERE md5(dimensions::text) = ${first} LIMIT 1),"
    return f"mark AS (SELECT ${first}::text[] AS dimensions),"


def _behind(asked: Count, total: str) -> str:
    """Return the condition that a group lies behind the mark."""
    if asked.after is None:
        return ""
    group = "dimensions > (SELECT dimensions FROM mark)"
    if asked.order is None:
        return f"HAVING {group}"
    if _by_total(asked):
        key, mark = total, f"${10 + len(asked.tests)}::numeric"
    else:
        key = _place(asked, asked.order)
        mark = f"(SELECT {key} FROM mark)"
    further = "<" if asked.order.descending else ">"
    return f"HAVING ({key} {further} {mark} OR ({key} = {mark} AND {group}))"
