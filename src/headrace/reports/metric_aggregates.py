"""The aggregates of a metric: its events counted by dimensions and by hours, days, weeks or months.

What is here: from a request to a page of rows. What is not: reading the request (`aggregate_request`), the statement
(`headrace.storage.metric_aggregates`) and documents. Follows reference 6.6: events count at their own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headrace.errors import Invalid
from headrace.model import Account
from headrace.reports.aggregate_request import INTERVALS, AggregateRequest
from headrace.reports.intervals import Buckets, buckets_of
from headrace.reports.reading import ATTRIBUTES
from headrace.storage.database import Database
from headrace.storage.metric_aggregates import Count, Group, Mark, count_events
from headrace.storage.report_names import metric_exists
from headrace.storage.report_query import snapshot

PAGE_FIGURES = 2_000_000
"""Figures of one page: one of many buckets has fewer rows than were asked for. Our choice: some 10 MB of text."""
NOBODY = Group((), Mark(None, ()), (), {})


@dataclass(frozen=True, slots=True)
class AggregateRow:
    """One row: the values it is grouped by in the order of the request, and its figures per measurement and bucket."""

    dimensions: Sequence[str]
    measurements: Mapping[str, Sequence[int | float]]


@dataclass(frozen=True, slots=True)
class Aggregates:
    """A page: when the buckets begin, in UTC, its rows, and where the next one begins, if there is any."""

    dates: Sequence[datetime]
    rows: Sequence[AggregateRow]
    following: Mark | None


async def metric_aggregates(
    database: Database, account: Account, request: AggregateRequest, after: Mark | None = None
) -> Aggregates:
    """Return the page behind a mark, or the first one; raises `Invalid` for a metric that the account does not have.

    One statement counts. Without `by` there is one row, also when there were no events. Our choice: rows are ordered
    by their dimensions unless something else is asked for, and the first and the last bucket count only what lies
    inside the span.
    """
    buckets = buckets_of(request.span, INTERVALS[request.interval], request.zone)
    asked = _count(account, request, buckets, after)
    async with snapshot(database, small=False) as connection:
        if not await metric_exists(connection, account.account_id, request.metric_id):
            detail = f'metric_id "{request.metric_id}" is not a metric of this account.'
            raise Invalid(detail, pointer=f"{ATTRIBUTES}/metric_id")
        found = await count_events(connection, replace(asked, limit=asked.limit + 1))
    shown = found[: asked.limit]
    if not request.by:
        shown = shown or [NOBODY]
    following = shown[-1].mark if len(found) > asked.limit else None
    rows = [_row(one, request, len(buckets.date_times)) for one in shown]
    return Aggregates([one.astimezone(UTC) for one in buckets.date_times], rows, following)


def _count(account: Account, request: AggregateRequest, buckets: Buckets, after: Mark | None) -> Count:
    figures = max(1, len(buckets.date_times) * len(request.measurements))
    return Count(
        account_id=account.account_id,
        metric_id=request.metric_id,
        edges=buckets.edges,
        by=request.by,
        tests=request.tests,
        unique="unique" in request.measurements,
        order=request.order,
        limit=min(request.page_size, max(1, PAGE_FIGURES // figures)),
        after=after,
    )


def _row(group: Group, request: AggregateRequest, buckets: int) -> AggregateRow:
    return AggregateRow(group.dimensions, {name: _figures(name, group, buckets) for name in request.measurements})


def _figures(name: str, group: Group, buckets: int) -> Sequence[int | float]:
    """Return a figure per bucket, 0 where there were no events; sums are floats."""
    zero: int | float = 0.0 if name == "sum_value" else 0
    figures = [zero] * buckets
    for place, figure in zip(group.places, group.figures.get(name, ()), strict=True):
        figures[place] = float(figure) if name == "sum_value" else int(figure)
    return figures
