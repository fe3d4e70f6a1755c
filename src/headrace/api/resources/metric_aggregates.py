"""The operation that counts and sums the events of a metric.

What is here: its row. What is not: the figures (`headrace.reports`). Follows reference 6.6.
"""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from headrace.api.commands import metric_aggregates as commands
from headrace.api.commands.report_pages import PAGE_CURSOR
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import S_TIER, Operation
from headrace.jsonapi.resource import Attribute, Resource


class AggregateRow(TypedDict):
    """One row: the values of its dimensions, and one figure per measurement and date."""

    dimensions: list[str]
    measurements: dict[str, list[float]]


PATH = "/api/metric-aggregates"
AGGREGATE = Resource(
    commands.TYPE,
    PATH,
    (Attribute("dates", list[datetime]), Attribute("data", list[AggregateRow])),
)
"""What a query answers; its own link is that of the query."""

OPERATIONS = (
    Operation(
        id="query_metric_aggregates",
        method="POST",
        path=PATH,
        shape=shapes.call,
        tag="Metrics",
        summary="Count the events of a metric by dimensions and by hours, days, weeks or months",
        scopes=("metrics:read",),
        tier=S_TIER,
        resource=AGGREGATE,
        command=commands.query_metric_aggregates,
        body=commands.Query,
        sparse=(commands.TYPE,),
        parameters=(PAGE_CURSOR,),
    ),
)
RESOURCES = (AGGREGATE,)
