"""The flow-values report as the API answers it.

What is here: from the body to a document. What is not: pages (`report_pages`), reading the request's attributes and the
figures (`reports`). Follows reference 6.4 and the description of Query Flow Values.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import WithJsonSchema

from headrace.api.commands.report_pages import Answers, Links, data_of, page_of
from headrace.api.state import State
from headrace.jsonapi.bodies import New
from headrace.jsonapi.operation import Call
from headrace.reports.flow_values import flow_values
from headrace.reports.request import read_request, request_schema

PAGE_SIZE = 1000
"""Rows of one page of a report. Our choice: the sources name no size; most accounts get their report in one page."""

Report = New[Literal["flow-values-report"], Annotated[dict[str, Any], WithJsonSchema(request_schema())]]


async def _page(call: Call[State, Any]) -> tuple[dict[str, Any], Links]:
    """Return the data and the links of the page that the query asks for."""
    state = call.ctx.state
    request = read_request(call.body.data.attributes)
    rows = await flow_values(state.database, state.account, request, state.clock.now())
    page = page_of(call, [row.groupings for row in rows], PAGE_SIZE)
    shown = rows[page.rows]
    results = [{"groupings": dict(row.groupings), "statistics": dict(row.statistics)} for row in shown]
    return data_of(call, [row.groupings for row in shown], {"results": results}), page.links


ANSWERS = Answers(_page)
