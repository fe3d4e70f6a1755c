"""The flow-values report: the figures of every message of a flow that was sent in a timeframe.

What is here: from a request to rows, out of the roll-ups (`flow_values`) or out of raw rows (`recount`). What is not:
reading the request (`request`), pages and documents. Follows reference 6.1 to 6.4; see docs/decisions/0006-reports.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headrace.errors import Invalid
from headrace.model import Account
from headrace.reports.grouping import Groupings, Groups
from headrace.reports.reading import ATTRIBUTES
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import Totals, compute
from headrace.reports.timeframes import span_of
from headrace.storage.database import Connection, Database
from headrace.storage.report_names import metric_exists, metrics_named, read_names
from headrace.storage.report_query import Key, Sums, read_sums, recount_sums, snapshot
from headrace.storage.slots import Span

REVENUE_METRIC = "Placed Order"
"""The name of the metric whose value is an account's revenue. Our choice: the usual one, until accounts can choose."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report: the values it is grouped by, and its statistics, both in the order of the request."""

    groupings: Groupings
    statistics: Mapping[str, int | float]


async def flow_values(database: Database, account: Account, request: FlowValuesRequest, now: datetime) -> list[Row]:
    """Return the rows of a report, exact at this moment; `now` is the account's present, in UTC.

    One row per group that something was counted for, ordered by flow, message and the other groupings. Raises
    `Invalid` for a conversion metric that the account does not have.

    Source: reference 6.2 (everything counts on the date of the send), 6.4 (no empty rows).
    """
    return await _report(database, account, request, now, recounted=False)


async def recount(database: Database, account: Account, request: FlowValuesRequest, now: datetime) -> list[Row]:
    """Return the same rows as `flow_values`, counted anew from deliveries, interactions and conversions."""
    return await _report(database, account, request, now, recounted=True)


async def _report(
    database: Database, account: Account, request: FlowValuesRequest, now: datetime, *, recounted: bool
) -> list[Row]:
    span = span_of(request.timeframe, ZoneInfo(account.timezone), now)
    async with snapshot(database, small=not recounted) as connection:
        revenue = await _check_metrics(connection, account, request)
        metrics = list({request.conversion_metric_id, *revenue})
        sums = await _sums(connection, account, span, metrics, recounted)
        names = await read_names(connection, account.account_id, *_ids(sums))
    totals = _totals(sums, Groups(request.group_by, request.filter, names), request.conversion_metric_id, revenue)
    return _rows(totals, request)


async def _check_metrics(connection: Connection, account: Account, request: FlowValuesRequest) -> Sequence[str]:
    """Return the revenue metrics, if a statistic needs them."""
    if not await metric_exists(connection, account.account_id, request.conversion_metric_id):
        raise Invalid(
            f'conversion_metric_id "{request.conversion_metric_id}" is not a metric of this account.',
            pointer=f"{ATTRIBUTES}/conversion_metric_id",
        )
    if "text_message_roi" not in request.statistics:
        return ()
    return await metrics_named(connection, account.account_id, REVENUE_METRIC)


async def _sums(connection: Connection, account: Account, span: Span, metrics: list[str], recounted: bool) -> Sums:
    if recounted:
        return await recount_sums(connection, account.account_id, span, metrics)
    return await read_sums(connection, account.account_id, span, account.timezone, metrics)


def _ids(sums: Sums) -> tuple[set[str], set[str]]:
    """Return the ids of flows, and of messages with variations (which are messages of their own)."""
    keys = [*sums.messages, *(key for key, _ in sums.conversions)]
    messages = {key.message_id for key in keys} | {key.variation for key in keys if key.variation}
    return {key.flow_id for key in keys}, messages


def _totals(
    sums: Sums, groups: Groups, metric_id: str, revenue: Sequence[str]
) -> dict[tuple[str | None, ...], Counter[str]]:
    totals: dict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)

    def add(key: Key, counts: Mapping[str, int]) -> None:
        for group in groups.of(key):
            totals[group].update(counts)

    for key, counts in sums.messages.items():
        add(key, counts)
    for (key, metric), counts in sums.conversions.items():
        if metric == metric_id:
            add(key, counts)
        if metric in revenue:
            add(key, {"revenue_millionths": counts["value_millionths"]})
    return totals


def _rows(totals: Mapping[tuple[str | None, ...], Counter[str]], request: FlowValuesRequest) -> list[Row]:
    found = [(dict(zip(request.group_by, group, strict=True)), Totals(**counts)) for group, counts in totals.items()]
    rows = [Row(groupings, compute(request.statistics, total)) for groupings, total in found if not total.empty]
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple[str, ...]:
    """Return the sort key of a row. Our choice, where the sources are silent: flow, message, then the rest."""
    first = (row.groupings["flow_id"], row.groupings["flow_message_id"])
    return tuple(value or "" for value in (*first, *row.groupings.values()))
