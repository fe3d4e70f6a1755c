"""The segment reports as the API answers them: values and series.

What is here: from the body to a document. What is not: reading the request's attributes and the figures (`reports`).
Follows reference 6.5 and 6.6. Neither report has pages: an account has some hundred segments.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import WithJsonSchema

from headrace.api.state import State
from headrace.jsonapi.bodies import New
from headrace.jsonapi.document import self_link
from headrace.jsonapi.operation import Call
from headrace.reports.segment_members import SegmentReport, segment_report
from headrace.reports.segment_request import read_series, read_values, series_schema, values_schema

VALUES, SERIES = "segment-values-report", "segment-series-report"

ValuesBody = New[Literal["segment-values-report"], Annotated[dict[str, Any], WithJsonSchema(values_schema())]]
SeriesBody = New[Literal["segment-series-report"], Annotated[dict[str, Any], WithJsonSchema(series_schema())]]


async def query_values(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of the values: one figure per statistic."""
    state = call.ctx.state
    zone = ZoneInfo(state.account.timezone)
    request = read_values(call.body.data.attributes, zone, state.clock.now())
    report = await segment_report(state.database, state.account, request)
    results = [
        _result(row.segment_id, {name: figures[0] for name, figures in row.statistics.items()}) for row in report.rows
    ]
    return _document(call, VALUES, {"results": results})


async def query_series(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of the series: one figure per statistic and bucket."""
    state = call.ctx.state
    zone = ZoneInfo(state.account.timezone)
    request = read_series(call.body.data.attributes, zone, state.clock.now())
    report = await segment_report(state.database, state.account, request)
    return _document(call, SERIES, {"results": _series(report), "date_times": list(report.date_times)})


def _series(report: SegmentReport) -> list[dict[str, Any]]:
    return [_result(row.segment_id, dict(row.statistics)) for row in report.rows]


def _result(segment_id: str, statistics: dict[str, Any]) -> dict[str, Any]:
    return {"groupings": {"segment_id": segment_id}, "statistics": statistics}


def _document(call: Call[State, Any], of_type: str, attributes: dict[str, Any]) -> dict[str, Any]:
    asked = call.query.fields.get(of_type)
    shown = {name: value for name, value in attributes.items() if asked is None or name in asked}
    data = {"type": of_type, "id": call.ctx.state.services.ids.uuid(), "attributes": shown}
    return {"data": data, "links": {"self": self_link(call)}}
