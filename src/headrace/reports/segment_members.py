"""The segment reports: how many joined and left each segment, and how many were in it.

What is here: from a request to rows, for values and series. What is not: reading the request (`segment_request`) and
documents. `total_members` is how many are in a segment at the end of the timeframe, or of a bucket: those who are in it
now, without what changed later. Follows reference 6.5 and 6.6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headrace.model import Account
from headrace.reports.intervals import Buckets, buckets_of
from headrace.reports.segment_request import SegmentRequest
from headrace.storage.database import Database
from headrace.storage.report_query import snapshot
from headrace.storage.segment_counts import Changes, count_changes, count_members, existing_segments

TOTAL = "total_members"


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """The statistics of one segment in the order of the request, each with a figure per bucket."""

    segment_id: str
    statistics: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """The rows of a report, and when its buckets begin in the account's zone: values are a series of one bucket."""

    date_times: Sequence[datetime]
    rows: Sequence[SegmentRow]


async def segment_report(database: Database, account: Account, request: SegmentRequest) -> SegmentReport:
    """Return the report, exact at this moment: one row per segment that exists and is asked for, ordered by id.

    Two statements count, however many segments and buckets there are. Our choice: a segment in which nobody ever was
    has a row too.
    """
    buckets = _buckets(request, ZoneInfo(account.timezone))
    with_total = TOTAL in request.statistics
    async with snapshot(database, small=False) as connection:
        ids = await existing_segments(connection, account.account_id, request.segment_ids)
        changes = await count_changes(connection, account.account_id, ids, buckets.edges, later=with_total)
        members = await count_members(connection, account.account_id, ids) if with_total else {}
    rows = _rows(request, ids, changes, members, len(buckets.date_times))
    return SegmentReport(buckets.date_times, rows)


def _buckets(request: SegmentRequest, zone: ZoneInfo) -> Buckets:
    span = request.span
    if request.interval is not None:
        return buckets_of(span, request.interval, zone)
    return Buckets((span.start.astimezone(zone),), (span.start, max(span.start, span.end)))


def _rows(
    request: SegmentRequest, ids: Sequence[str], changes: Iterable[Changes], members: Mapping[str, int], buckets: int
) -> list[SegmentRow]:
    by_segment: defaultdict[str, dict[int, Changes]] = defaultdict(dict)
    for one in changes:
        by_segment[one.segment_id][one.place] = one
    rows = []
    for segment_id in ids:
        figures = _figures(by_segment[segment_id], members.get(segment_id, 0), buckets)
        rows.append(SegmentRow(segment_id, {name: figures[name] for name in request.statistics}))
    return rows


def _figures(changes: Mapping[int, Changes], members: int, buckets: int) -> dict[str, list[int]]:
    """Return every statistic by bucket; `changes` are by bucket too, the one behind the last holds what came later."""
    nothing = Changes("", 0, 0, 0)
    found = [changes.get(place, nothing) for place in range(buckets + 1)]
    net = [one.added - one.removed for one in found]
    return {
        "members_added": [one.added for one in found[:buckets]],
        "members_removed": [one.removed for one in found[:buckets]],
        "net_members_changed": net[:buckets],
        TOTAL: [members - sum(net[place + 1 :]) for place in range(buckets)],
    }
