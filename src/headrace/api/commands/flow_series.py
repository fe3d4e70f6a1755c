"""The flow series report as the API answers it.

What is here: from the body to a document. What is not: pages (`report_pages`), reading the request's attributes and the
figures (`reports`). Follows reference 6.4 and 6.5.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import WithJsonSchema

from headrace.api.commands.report_pages import Answers, Links, data_of, page_of
from headrace.api.state import State
from headrace.jsonapi.bodies import New
from headrace.jsonapi.operation import Call
from headrace.reports.flow_series import Series, flow_series
from headrace.reports.request import read_series_request, series_schema

PAGE_SIZE = 1000
PAGE_FIGURES = 500_000
"""Rows of one page, and figures: a page of many buckets and statistics has fewer rows. Our choice, as for values."""

Report = New[Literal["flow-series-report"], Annotated[dict[str, Any], WithJsonSchema(series_schema())]]


async def _page(call: Call[State, Any]) -> tuple[dict[str, Any], Links]:
    """Return the data and the links of the page that the query asks for."""
    state = call.ctx.state
    now = state.clock.now()
    request = read_series_request(call.body.data.attributes, ZoneInfo(state.account.timezone), now)
    series = await flow_series(state.database, state.account, request, now)
    page = page_of(call, [group.groupings for group in series.groups], _size(series))
    shown = series.groups[page.rows]
    results = [{"groupings": dict(one.groupings), "statistics": series.statistics(one)} for one in shown]
    attributes = {"results": results, "date_times": list(series.date_times)}
    return data_of(call, [group.groupings for group in shown], attributes), page.links


def _size(series: Series) -> int:
    figures = max(1, len(series.date_times) * len(series.request.values.statistics))
    return min(PAGE_SIZE, max(1, PAGE_FIGURES // figures))


ANSWERS = Answers(_page)
