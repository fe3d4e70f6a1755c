"""The flow-values report: the figures of every message of a flow that was sent in a timeframe.

What is here: from a request to rows. What is not: reading the request (`request`), counting (`flow_figures`), pages and
documents. Follows reference 6.1 to 6.4; see docs/decisions/0006-reports.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headrace.model import Account
from headrace.reports.flow_figures import flow_figures
from headrace.reports.grouping import Groupings
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import compute
from headrace.reports.timeframes import span_of
from headrace.storage.database import Database
from headrace.storage.report_query import Edges


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
    found = await flow_figures(database, account, request, Edges((span.start, span.end)), recounted=recounted)
    return [Row(one.groupings, compute(request.statistics, one.totals[0])) for one in found]
