"""Reading the sums of a report: from roll-ups and the deltas not folded yet, or from raw rows.

What is here: the base counts of a span by report key, and the names that groupings show. What is not: statistics,
timeframes, groupings (`headrace.reports`). Follows DESIGN section 5; see docs/decisions/0006-reports.md.

Both ways give exactly the same sums; a property test says so. One snapshot serves a whole report, because a folder
moves numbers from deltas to roll-ups at any moment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from headrace.model import Channel
from headrace.storage.database import Connection, Database, Row
from headrace.storage.message_events import Kind
from headrace.storage.rollups import CONVERSIONS, MESSAGES, Family
from headrace.storage.slots import Plan, Span, plan


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


@asynccontextmanager
async def snapshot(database: Database, *, small: bool = True) -> AsyncIterator[Connection]:
    """Lend a connection whose queries all see the same moment of the database.

    `small` says that they read a few thousand rows at most: starting parallel workers would take longer than that.
    """
    settings = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off" if small else ""
    async with database.transaction() as transaction:
        await transaction.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {settings}")
        yield transaction


async def read_sums(connection: Connection, account_id: str, span: Span, zone: str, metric_ids: Sequence[str]) -> Sums:
    """Return the sums of the messages sent in a span: months, days, quarter-hours, their deltas, and raw edges.

    `connection` comes from `snapshot`; `zone` is the account's. While the roll-ups hold the days of another zone, only
    quarter-hours are read. Keys with a row but without counts may occur.
    """
    known = await connection.fetch_value("SELECT timezone FROM rollup_zone WHERE account_id = $1", account_id)
    parts = plan(span, ZoneInfo(zone) if known == zone else None)
    sums = Sums()
    _add(sums, await _rolled(connection, account_id, parts, MESSAGES), MESSAGES)
    if metric_ids:
        _add(sums, await _rolled(connection, account_id, parts, CONVERSIONS, metric_ids), CONVERSIONS)
    for cut in parts.raw:
        await _add_raw(connection, sums, account_id, cut, metric_ids)
    return sums


async def recount_sums(connection: Connection, account_id: str, span: Span, metric_ids: Sequence[str]) -> Sums:
    """Return the same sums from deliveries, interactions and conversions alone, however long that takes."""
    sums = Sums()
    await _add_raw(connection, sums, account_id, span, metric_ids)
    return sums


async def _rolled(
    connection: Connection, account_id: str, parts: Plan, family: Family, metric_ids: Sequence[str] = ()
) -> list[Row]:
    bounds: list[Any] = [part for grain, span in parts.rows for part in (grain, span.start, span.end)]
    args = [account_id, parts.inner.start, parts.inner.end, *([list(metric_ids)] if metric_ids else []), *bounds]
    return await connection.fetch(_rolled_sql(family, len(parts.rows)), *args)


def _rolled_sql(family: Family, parts: int) -> str:
    """Return the statement that sums a number of parts of the roll-ups and the deltas.

    Each part is a branch with bounds of its own: joined to a list of parts instead, the planner reads all rows.
    """
    columns = ", ".join((*family.key, *family.sums))
    of_metric = " AND metric_id = ANY($4)" if "metric_id" in family.key else ""
    first = 5 if of_metric else 4
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
    return f"SELECT {key}, {sums} FROM ({' UNION ALL '.join(branches)}) AS parts GROUP BY {key}"


async def _add_raw(connection: Connection, sums: Sums, account_id: str, span: Span, metric_ids: Sequence[str]) -> None:
    _add(sums, await connection.fetch(_RAW_MESSAGES, account_id, span.start, span.end), MESSAGES)
    if metric_ids:
        rows = await connection.fetch(_RAW_CONVERSIONS, account_id, span.start, span.end, list(metric_ids))
        _add(sums, rows, CONVERSIONS)


def _add(sums: Sums, rows: Sequence[Row], family: Family) -> None:
    for row in rows:
        key = Key(row["flow_id"], row["message_id"], row["variation"], row["format"], Channel(row["channel"]))
        counter = sums.messages[key] if family is MESSAGES else sums.conversions[key, row["metric_id"]]
        for name, value in row.items():
            if name in family.sums:
                counter[name] += value


_RAW_MESSAGES = f"""
SELECT d.flow_id, d.message_id, d.variation, d.format, d.channel,
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
GROUP BY d.flow_id, d.message_id, d.variation, d.format, d.channel
"""

_RAW_CONVERSIONS = """
SELECT flow_id, message_id, variation, format, channel, metric_id, count(*) AS conversions,
       count(DISTINCT delivery_id) AS conversion_uniques, sum(value_millionths)::bigint AS value_millionths
FROM conversion
WHERE account_id = $1 AND sent_at >= $2 AND sent_at < $3 AND metric_id = ANY($4)
GROUP BY flow_id, message_id, variation, format, channel, metric_id
"""
