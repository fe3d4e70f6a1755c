"""The figures that the flow reports are made of: base counts by group and bucket.

What is here: from a request to totals, out of the roll-ups or out of raw rows. What is not: the rows of a report
(`flow_values`, `flow_series`) and reading the request (`request`). Follows reference 6.1 to 6.4; see
docs/decisions/0006-reports.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from headrace.conditions.custom_metric import CustomMetric
from headrace.errors import Invalid
from headrace.model import Account
from headrace.reports.grouping import Groupings, Groups
from headrace.reports.reading import ATTRIBUTES
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import Totals
from headrace.storage.custom_conversions import add_custom_conversions
from headrace.storage.custom_metrics import load_custom_metrics
from headrace.storage.database import Connection, Database
from headrace.storage.mapped_metrics import REVENUE, mapped
from headrace.storage.report_names import metric_exists, metrics_named, read_names
from headrace.storage.report_query import Edges, Key, Sums, read_sums, recount_sums, snapshot

REVENUE_METRIC = "Placed Order"
"""The name of the metric whose value is the revenue of an account that maps none. Our choice: the usual one."""

Group = tuple[str | None, ...]
Counts = Mapping[Group, Mapping[int, Counter[str]]]


class Measures(NamedTuple):
    """What conversions are counted by: metrics, custom metrics by id, and which of both are revenue."""

    metrics: frozenset[str]
    custom: Mapping[str, CustomMetric]
    revenue: frozenset[str]


class Found(NamedTuple):
    """One group of a report: the values it is grouped by, and what was counted, by bucket; empty ones are left out."""

    groupings: Groupings
    totals: Mapping[int, Totals]


async def flow_figures(
    database: Database, account: Account, request: FlowValuesRequest, asked: Edges, *, recounted: bool
) -> list[Found]:
    """Return the groups that something was counted for, exact at this moment, in the order of the report.

    The number of statements depends on the request alone. With `recounted` the counts are made anew from deliveries,
    interactions and conversions, with the same outcome. Raises `Invalid` for a conversion metric that the account does
    not have.
    """
    async with snapshot(database, small=not recounted) as connection:
        measures = await _measures(connection, account.account_id, request)
        sums = await _sums(connection, account, asked, sorted(measures.metrics), recounted)
        for one, custom in measures.custom.items():
            await add_custom_conversions(connection, sums, account.account_id, asked, one, custom)
        names = await read_names(connection, account.account_id, *_ids(sums))
    groups = Groups(request.group_by, request.filter, names)
    counts = _counts(sums, groups, request.conversion_metric_id, measures.revenue)
    return sorted(_found(counts, request.group_by), key=lambda one: order(one.groupings))


def order(groupings: Groupings) -> list[str]:
    """Return the sort key of a row. Our choice, where the sources are silent: flow, message, then the rest."""
    first = (groupings["flow_id"], groupings["flow_message_id"])
    return [value or "" for value in (*first, *groupings.values())]


async def _measures(connection: Connection, account_id: str, request: FlowValuesRequest) -> Measures:
    """Return what a request counts by; revenue only where a statistic needs it."""
    asked = request.conversion_metric_id
    revenue: Sequence[str] = ()
    if "text_message_roi" in request.statistics:
        revenue = await _revenue(connection, account_id)
    custom = await load_custom_metrics(connection, account_id, {asked, *revenue})
    if asked not in custom and not await metric_exists(connection, account_id, asked):
        raise Invalid(
            f'conversion_metric_id "{asked}" is not a metric of this account.',
            pointer=f"{ATTRIBUTES}/conversion_metric_id",
        )
    return Measures(frozenset({asked, *revenue} - custom.keys()), custom, frozenset(revenue))


async def _revenue(connection: Connection, account_id: str) -> Sequence[str]:
    """Return the metrics, or the custom metric, whose value is the account's revenue."""
    own = await mapped(connection, account_id, REVENUE)
    named = own.custom_metric_id or own.metric_id
    return [named] if named else await metrics_named(connection, account_id, REVENUE_METRIC)


async def _sums(
    connection: Connection, account: Account, asked: Edges, metrics: list[str], recounted: bool
) -> list[Sums]:
    if recounted:
        return await recount_sums(connection, account.account_id, asked, metrics)
    return await read_sums(connection, account.account_id, asked, account.timezone, metrics)


def _ids(sums: Sequence[Sums]) -> tuple[set[str], set[str]]:
    """Return the ids of flows, and of messages with variations (which are messages of their own)."""
    keys = {key for one in sums for key in (*one.messages, *(key for key, _ in one.conversions))}
    messages = {key.message_id for key in keys} | {key.variation for key in keys if key.variation}
    return {key.flow_id for key in keys}, messages


def _counts(sums: Sequence[Sums], groups: Groups, metric_id: str, revenue: Collection[str]) -> Counts:
    counts: dict[Group, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    of_key: dict[Key, tuple[Group, ...]] = {}
    for place, one in enumerate(sums):
        for key, counted in _each(one, metric_id, revenue):
            if key not in of_key:
                of_key[key] = tuple(groups.of(key))
            for group in of_key[key]:
                counts[group][place].update(counted)
    return counts


def _each(sums: Sums, metric_id: str, revenue: Collection[str]) -> Iterator[tuple[Key, Mapping[str, int]]]:
    yield from sums.messages.items()
    for (key, metric), counted in sums.conversions.items():
        if metric == metric_id:
            yield key, counted
        if metric in revenue:
            yield key, {"revenue_millionths": counted["value_millionths"]}


def _found(counts: Counts, group_by: Sequence[str]) -> Iterator[Found]:
    for group, by_place in counts.items():
        totals = {place: Totals(**counted) for place, counted in by_place.items()}
        filled = {place: total for place, total in totals.items() if not total.empty}
        if filled:
            yield Found(dict(zip(group_by, group, strict=True)), filled)
