"""The flow series report: the figures of every message of a flow by hours, days, weeks or months of the send.

What is here: from a request to rows. What is not: reading the request (`request`), the intervals (`intervals`),
counting (`flow_figures`), pages and documents. Follows reference 6.5; see docs/decisions/0006-reports.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headrace.model import Account
from headrace.reports.flow_figures import Found, flow_figures
from headrace.reports.grouping import Groupings
from headrace.reports.intervals import HOURLY, buckets_of
from headrace.reports.request import FlowSeriesRequest
from headrace.reports.statistics import Totals, compute
from headrace.reports.timeframes import span_of
from headrace.storage.database import Database
from headrace.storage.report_query import Edges
from headrace.storage.slots import Grain

COARSEST: Mapping[str, Grain] = {
    "daily": Grain.DAY,
    HOURLY: Grain.QUARTER,
    "monthly": Grain.MONTH,
    "weekly": Grain.DAY,
}
"""Interval -> the longest rows of the roll-ups that lie within one of its buckets."""
NOTHING = Totals()


@dataclass(frozen=True, slots=True)
class Series:
    """A report: when its buckets begin, in the account's zone, and the groups that something was counted for."""

    request: FlowSeriesRequest
    date_times: Sequence[datetime]
    groups: Sequence[Found]

    def statistics(self, group: Found) -> dict[str, list[int | float]]:
        """Return the statistics of a group in the order of the request, each with a figure per bucket, 0 in empty ones.

        Rates are those of a bucket's own counts. Source: reference 6.5.
        """
        names = self.request.values.statistics
        figures = [compute(names, group.totals.get(place, NOTHING)) for place in range(len(self.date_times))]
        return {name: [one[name] for one in figures] for name in names}

    def rows(self) -> list[tuple[Groupings, dict[str, list[int | float]]]]:
        """Return what every group is grouped by, with its statistics."""
        return [(group.groupings, self.statistics(group)) for group in self.groups]


async def flow_series(database: Database, account: Account, request: FlowSeriesRequest, now: datetime) -> Series:
    """Return the report, exact at this moment; `now` is the account's present, in UTC.

    It has the rows of the values of the same timeframe, whose counts are the sums of these. Raises `Invalid` for a
    conversion metric that the account does not have.
    """
    return await _report(database, account, request, now, recounted=False)


async def recount(database: Database, account: Account, request: FlowSeriesRequest, now: datetime) -> Series:
    """Return the same report as `flow_series`, counted anew from deliveries, interactions and conversions."""
    return await _report(database, account, request, now, recounted=True)


async def _report(
    database: Database, account: Account, request: FlowSeriesRequest, now: datetime, *, recounted: bool
) -> Series:
    zone = ZoneInfo(account.timezone)
    buckets = buckets_of(span_of(request.values.timeframe, zone, now), request.interval, zone)
    asked = Edges(buckets.edges, COARSEST[request.interval])
    found = await flow_figures(database, account, request.values, asked, recounted=recounted)
    return Series(request, buckets.date_times, found)
