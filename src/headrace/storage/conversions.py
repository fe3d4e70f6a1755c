"""Attribution: which message led to an event.

What is here: one statement that finds each event's last qualifying interaction and writes its conversion and the
deltas of the report. What is not: how long a window lasts (`headrace.reports.attribution`). Follows reference 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from headrace.model import Channel
from headrace.storage.database import Connection
from headrace.storage.message_events import Kind
from headrace.storage.metrics import OWN

MILLIONTHS = Decimal(1_000_000)
LARGEST_VALUE = Decimal(10) ** 10
"""The largest amount (either sign) that a conversion counts, in units of its currency; larger ones are cut to it.

Our choice: the sums of a report are 64-bit millionths, and one absurd event must not break an account's reports.
"""


@dataclass(frozen=True, slots=True)
class Window:
    """For how long after an interaction of one kind on one channel an event is attributed to it, the end included."""

    channel: Channel
    kind: Kind
    span: timedelta


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that may be a conversion; `bucket` is its profile's."""

    bucket: int
    profile_id: str
    metric_id: str
    number: int
    occurred_at: datetime
    value: Decimal | None = None


_ATTRIBUTE = """
WITH candidate AS MATERIALIZED (
    SELECT c.* FROM unnest($2::smallint[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::bigint[])
        AS c (bucket, profile_id, metric_id, number, occurred_at, value_millionths)
    WHERE NOT EXISTS (SELECT FROM metric m WHERE m.metric_id = c.metric_id AND m.integration_name = $12)
),
attributed AS (
    SELECT c.*, i.number AS interaction_number, i.delivery_id, i.flow_id, i.message_id, i.variation, i.channel,
           i.format, i.sent_at
    FROM candidate c CROSS JOIN LATERAL (
        SELECT i.* FROM interaction i
        JOIN unnest($8::smallint[], $9::smallint[], $10::interval[]) AS w (channel, kind, span)
            ON w.channel = i.channel AND w.kind = i.kind AND i.at + w.span >= c.occurred_at
        WHERE i.bucket = c.bucket AND i.account_id = $1 AND i.profile_id = c.profile_id
            AND i.at <= c.occurred_at AND i.at >= c.occurred_at - $11::interval
        ORDER BY i.at DESC, i.number DESC LIMIT 1
    ) i
    WHERE NOT EXISTS (
        SELECT FROM conversion v WHERE v.bucket = c.bucket AND v.account_id = $1 AND v.number = c.number
    )
),
ranked AS (
    SELECT a.*, NOT EXISTS (
            SELECT FROM conversion v
            WHERE v.bucket = a.bucket AND v.account_id = $1 AND v.delivery_id = a.delivery_id
                AND v.metric_id = a.metric_id
        ) AND row_number() OVER (PARTITION BY delivery_id, metric_id ORDER BY occurred_at, number) = 1 AS is_first
    FROM attributed a
),
written AS (
    INSERT INTO conversion (bucket, account_id, number, profile_id, metric_id, converted_at, interaction_number,
        delivery_id, flow_id, message_id, variation, channel, format, sent_at, value_millionths, is_first)
    SELECT bucket, $1, number, profile_id, metric_id, occurred_at, interaction_number, delivery_id, flow_id,
           message_id, variation, channel, format, sent_at, value_millionths, is_first
    FROM ranked
    ON CONFLICT DO NOTHING
    RETURNING *
),
counted AS (
    INSERT INTO conversion_delta (account_id, slot, flow_id, message_id, variation, format, channel, metric_id,
                                  conversions, conversion_uniques, value_millionths)
    SELECT $1, date_bin('15 minutes', sent_at, '2000-01-01+00'), flow_id, message_id, variation, format, channel,
           metric_id, count(*), count(*) FILTER (WHERE is_first), sum(value_millionths)
    FROM written GROUP BY 2, 3, 4, 5, 6, 7, 8
)
SELECT number FROM written
"""


async def attribute_conversions(
    transaction: Connection, account_id: str, events: Sequence[Candidate], windows: Sequence[Window]
) -> set[int]:
    """Attribute events to messages and return the numbers of those that found one.

    Each event goes to its profile's most recent interaction, of any message and kind, whose window it falls into; it
    is judged by its own time, so late and backfilled events are attributed like others. An event is attributed once;
    message metrics never are. The caller holds the locks of the buckets, so that a delivery's first conversion of a
    metric is marked once.

    Source: reference 5.1 (last touch), 6.2 (the report's date is that of the send).
    """
    if not events or not windows:
        return set()
    rows = await transaction.fetch(
        _ATTRIBUTE,
        account_id,
        [event.bucket for event in events],
        [event.profile_id for event in events],
        [event.metric_id for event in events],
        [event.number for event in events],
        [event.occurred_at for event in events],
        [in_millionths(event.value) for event in events],
        [window.channel for window in windows],
        [window.kind for window in windows],
        [window.span for window in windows],
        max(window.span for window in windows),
        OWN,
    )
    return {row["number"] for row in rows}


def in_millionths(value: Decimal | None) -> int:
    """Return an amount as whole millionths of its currency's unit, 0 when there is none (or it is not a number)."""
    if value is None or value.is_nan():
        return 0
    return int((min(max(value, -LARGEST_VALUE), LARGEST_VALUE) * MILLIONTHS).to_integral_value())
