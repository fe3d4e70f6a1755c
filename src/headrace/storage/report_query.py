"""Reading the sums of a report: from roll-ups and the deltas not folded yet, or from raw rows.

What is here: the base counts of a span by report key, in one bucket or in several. What is not: statistics, timeframes,
groupings (`headrace.reports`), names (`report_names`). Follows DESIGN section 5; see docs/decisions/0006-reports.md.

Both ways give exactly the same sums; a property test says so. One snapshot serves a whole report, because a folder
moves numbers from deltas to roll-ups at any moment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from headrace.model import Channel
from headrace.storage.database import Connection, Database, Row
from headrace.storage.message_events import Kind
from headrace.storage.rollups import CONVERSIONS, MESSAGES, Family
from headrace.storage.slots import Grain, Plan, Span, plan


class Key(NamedTuple):
    """What the roll-ups are keyed by beside time, and conversions by `metric_id` too."""

    flow_id: str
    message_id: str
    variation: str
    format: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Sums:
    """Base counts: of messages by key, of conversions by key and metric id. The names are those of the columns."""

    messages: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    conversions: dict[tuple[Key, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@dataclass(frozen=True, slots=True)
class Edges:
    """The ascending moments that part the buckets of a report: bucket `n` lies between `edges[n]` and `edges[n + 1]`.

    `coarsest` is the longest grain whose spans never cross an edge between two buckets. Days and months do not where
    the edges are those of days and months of the account's zone, quarter-hours never.
    """

    edges: Sequence[datetime]
    coarsest: Grain = Grain.MONTH

    @property
    def span(self) -> Span:
        """All buckets together."""
        return Span(self.edges[0], self.edges[-1])

    @property
    def starts(self) -> list[datetime]:
        """The moments at which the buckets begin."""
        return list(self.edges[:-1])

    def nothing(self) -> list[Sums]:
        """Return empty sums for every bucket."""
        return [Sums() for _ in self.starts]


@asynccontextmanager
async def snapshot(database: Database, *, small: bool = True) -> AsyncIterator[Connection]:
    """Lend a connection whose queries all see the same moment of the database.

    `small` says that they read a few thousand rows at most: starting parallel workers would take longer than that.
    """
    settings = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off" if small else ""
    async with database.transaction() as transaction:
        await transaction.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {settings}")
        yield transaction


async def read_sums(
    connection: Connection, account_id: str, asked: Edges, zone: str, metric_ids: Sequence[str]
) -> list[Sums]:
    """Return the sums of the messages sent between edges: months, days, quarter-hours, their deltas, and raw edges.

    `connection` comes from `snapshot`; `zone` is the account's. While the roll-ups hold the days of another zone, only
    quarter-hours are read. Keys with a row but without counts may occur. The number of statements does not grow with
    that of the buckets.
    """
    known = await connection.fetch_value("SELECT timezone FROM rollup_zone WHERE account_id = $1", account_id)
    parts = plan(asked.span, ZoneInfo(zone) if known == zone else None, asked.coarsest)
    sums = asked.nothing()
    _add(sums, await _rolled(connection, account_id, parts, asked, MESSAGES), MESSAGES)
    if metric_ids:
        _add(sums, await _rolled(connection, account_id, parts, asked, CONVERSIONS, metric_ids), CONVERSIONS)
    for cut in parts.raw:
        await _add_raw(connection, sums, account_id, cut, asked, metric_ids)
    return sums


async def recount_sums(connection: Connection, account_id: str, asked: Edges, metric_ids: Sequence[str]) -> list[Sums]:
    """Return the same sums from deliveries, interactions and conversions alone, however long that takes."""
    sums = asked.nothing()
    await _add_raw(connection, sums, account_id, asked.span, asked, metric_ids)
    return sums


async def _rolled(
    connection: Connection, account_id: str, parts: Plan, asked: Edges, family: Family, metric_ids: Sequence[str] = ()
) -> list[Row]:
    bounds: list[Any] = [part for grain, span in parts.rows for part in (grain, span.start, span.end)]
    metrics = [list(metric_ids)] if metric_ids else []
    args = [account_id, parts.inner.start, parts.inner.end, asked.starts, *metrics, *bounds]
    return await connection.fetch(_rolled_sql(family, len(parts.rows)), *args)


def _rolled_sql(family: Family, parts: int) -> str:
    """Return the statement that sums a number of parts of the roll-ups and the deltas, by bucket.

    Each part is a branch with bounds of its own: joined to a list of parts instead, the planner reads all rows.
    """
    columns = ", ".join(("slot", *family.key, *family.sums))
    of_metric = " AND metric_id = ANY($5)" if "metric_id" in family.key else ""
    first = 6 if of_metric else 5
    branches = [
        f"SELECT {columns} FROM {family.name}_delta WHERE account_id = $1 AND slot >= $2 AND slot < $3{of_metric}"
    ]
    for at in range(first, first + 3 * parts, 3):
        branches.append(
            f"SELECT {columns} FROM {family.name}_rollup"
            f" WHERE account_id = $1 AND grain = ${at} AND slot >= ${at + 1} AND slot < ${at + 2}{of_metric}"
        )
    key = ", ".join(family.key)
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in family.sums)
    place = f"width_bucket(slot, {_STARTS}) AS place"
    return f"SELECT {place}, {key}, {sums} FROM ({' UNION ALL '.join(branches)}) AS parts GROUP BY place, {key}"


async def _add_raw(
    connection: Connection, sums: Sequence[Sums], account_id: str, span: Span, asked: Edges, metric_ids: Sequence[str]
) -> None:
    args = (account_id, span.start, span.end, asked.starts)
    _add(sums, await connection.fetch(_RAW_MESSAGES, *args), MESSAGES)
    if metric_ids:
        _add(sums, await connection.fetch(_RAW_CONVERSIONS, *args, list(metric_ids)), CONVERSIONS)


def _add(sums: Sequence[Sums], rows: Sequence[Row], family: Family) -> None:
    for row in rows:
        key = Key(row["flow_id"], row["message_id"], row["variation"], row["format"], Channel(row["channel"]))
        found = sums[row["place"] - 1]
        counter = found.messages[key] if family is MESSAGES else found.conversions[key, row["metric_id"]]
        for name, value in row.items():
            if name in family.sums:
                counter[name] += value


_STARTS = "$4::timestamptz[]"
"""Where the buckets begin; PostgreSQL finds the last that is not later than a moment and counts from 1."""

_RAW_MESSAGES = f"""
SELECT width_bucket(d.sent_at, {_STARTS}) AS place, d.flow_id, d.message_id, d.variation, d.format, d.channel,
       count(*) FILTER (WHERE i.arrived) AS delivered,
       count(*) FILTER (WHERE i.bounced) AS bounced,
       count(*) FILTER (WHERE i.failed AND d.channel <> {Channel.EMAIL}) AS failed,
       sum(i.opens)::bigint AS opens, count(*) FILTER (WHERE i.opens > 0) AS opens_unique,
       sum(i.clicks)::bigint AS clicks, count(*) FILTER (WHERE i.clicks > 0) AS clicks_unique,
       sum(i.unsubscribes)::bigint AS unsubscribes, count(*) FILTER (WHERE i.unsubscribes > 0) AS unsubscribe_uniques,
       sum(i.complaints)::bigint AS spam_complaints,
       coalesce(sum(d.segments) FILTER (WHERE i.arrived), 0)::bigint AS segments
FROM delivery d CROSS JOIN LATERAL (
    SELECT bool_or(kind = {Kind.DELIVERED}) AND NOT bool_or(kind IN ({Kind.BOUNCED}, {Kind.FAILED})) AS arrived,
           bool_or(kind = {Kind.BOUNCED}) AS bounced, bool_or(kind = {Kind.FAILED}) AS failed,
           count(*) FILTER (WHERE kind = {Kind.OPENED}) AS opens,
           count(*) FILTER (WHERE kind = {Kind.CLICKED}) AS clicks,
           count(*) FILTER (WHERE kind = {Kind.UNSUBSCRIBED}) AS unsubscribes,
           count(*) FILTER (WHERE kind = {Kind.SPAM}) AS complaints
    FROM interaction n
    WHERE n.bucket = d.bucket AND n.account_id = d.account_id AND n.profile_id = d.profile_id
        AND n.delivery_id = d.delivery_id
) AS i
WHERE d.account_id = $1 AND d.sent_at >= $2 AND d.sent_at < $3
GROUP BY place, d.flow_id, d.message_id, d.variation, d.format, d.channel
"""

_RAW_CONVERSIONS = f"""
SELECT width_bucket(sent_at, {_STARTS}) AS place, flow_id, message_id, variation, format, channel, metric_id,
       count(*) AS conversions, count(DISTINCT delivery_id) AS conversion_uniques,
       sum(value_millionths)::bigint AS value_millionths
FROM conversion
WHERE account_id = $1 AND sent_at >= $2 AND sent_at < $3 AND metric_id = ANY($5)
GROUP BY place, flow_id, message_id, variation, format, channel, metric_id
"""
