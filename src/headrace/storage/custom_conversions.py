"""What messages led to, counted by a custom metric, for the reports.

What is here: adding it to the sums of a report. What is not: sums by metric (`report_query`) and what a custom metric
means (`conditions.custom_metric`). Follows reference 6.2: everything counts on the date of the send.

Where no event is looked into, the database counts; else the events of all conversions are read and measured here, so
that a filter means the same everywhere. Our choice: then the conversions of people who were deleted since are left out,
for their events are gone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID

from headrace.conditions.custom_metric import VALUE, CustomMetric
from headrace.model import Channel
from headrace.storage.conversions import in_millionths
from headrace.storage.database import Connection, Row
from headrace.storage.report_query import Edges, Key, Sums

AT_ONCE = 2_000
"""Conversions that are read in one go."""

_KEY = "c.flow_id, c.message_id, c.variation, c.format, c.channel"
_PLACE = "width_bucket(c.sent_at, $4::timestamptz[])"
_SPAN = "c.account_id = $1 AND c.sent_at >= $2 AND c.sent_at < $3"

_COUNTED = f"""
SELECT {_PLACE} AS place, {_KEY}, sum(m.times)::bigint AS conversions,
    count(DISTINCT c.delivery_id) AS conversion_uniques, sum(m.times * c.value_millionths)::bigint AS value_millionths
FROM conversion c JOIN unnest($5::text[], $6::int[]) AS m (metric_id, times) USING (metric_id)
WHERE {_SPAN} GROUP BY place, {_KEY}
"""

_EVENTS = f"""
SELECT {_PLACE} AS place, {_KEY}, c.delivery_id, c.metric_id, c.converted_at, e.properties, e.value
FROM conversion c JOIN event e ON e.bucket = c.bucket AND e.account_id = c.account_id AND e.profile_id = c.profile_id
    AND e.metric_id = c.metric_id AND e.occurred_at = c.converted_at AND e.number = c.number
WHERE {_SPAN} AND c.metric_id = ANY($5)
"""


async def add_custom_conversions(
    snapshot: Connection,
    sums: Sequence[Sums],
    account_id: str,
    asked: Edges,
    custom_metric_id: str,
    custom: CustomMetric,
) -> None:
    """Add a custom metric's conversions to the sums of each bucket, under its id in the place of a metric's.

    `snapshot` is a transaction. A message counts once among the uniques, whichever of the metrics it led to.
    """
    place = (account_id, asked.span.start, asked.span.end, asked.starts)
    if _looks_into_events(custom):
        await _measure(snapshot, sums, place, custom_metric_id, custom)
        return
    times = Counter(one.metric_id for one in custom.groups)
    for row in await snapshot.fetch(_COUNTED, *place, list(times), list(times.values())):
        counter = sums[row["place"] - 1].conversions[_key(row), custom_metric_id]
        counter["conversions"] += row["conversions"]
        counter["conversion_uniques"] += row["conversion_uniques"]
        counter["value_millionths"] += row["value_millionths"] if custom.sums else 0


def _looks_into_events(custom: CustomMetric) -> bool:
    return any(one.filters or (custom.sums and one.value_property != VALUE) for one in custom.groups)


async def _measure(
    snapshot: Connection,
    sums: Sequence[Sums],
    place: tuple[object, ...],
    custom_metric_id: str,
    custom: CustomMetric,
) -> None:
    seen: defaultdict[Key, set[UUID]] = defaultdict(set)
    async for row in snapshot.raw.cursor(_EVENTS, *place, list(custom.metric_ids), prefetch=AT_ONCE):
        measured = custom.measure(row["metric_id"], row["properties"], row["value"], row["converted_at"])
        if not measured.times:
            continue
        key = _key(row)
        counter = sums[row["place"] - 1].conversions[key, custom_metric_id]
        counter["conversions"] += measured.times
        counter["conversion_uniques"] += row["delivery_id"] not in seen[key]
        counter["value_millionths"] += in_millionths(measured.value)
        seen[key].add(row["delivery_id"])


def _key(row: Row) -> Key:
    return Key(row["flow_id"], row["message_id"], row["variation"], row["format"], Channel(row["channel"]))
