"""The operation that answers the flow series report: the statistics of flows by interval.

What is here: its row. What is not: the figures (`headrace.reports`). Follows reference 6.5.
"""

from __future__ import annotations

from datetime import datetime

from headrace.api.commands import flow_series as commands
from headrace.api.commands.report_pages import PAGE_CURSOR
from headrace.api.resources.flow_values_report import RELATIONSHIPS
from headrace.api.resources.shown_flows import SeriesRow
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import REPORTS, Operation
from headrace.jsonapi.resource import Attribute, Resource

REPORT = Resource(
    "flow-series-report",
    None,
    (Attribute("results", list[SeriesRow]), Attribute("date_times", list[datetime])),
    RELATIONSHIPS,
)

OPERATIONS = (
    Operation(
        id="query_flow_series",
        method="POST",
        path="/api/flow-series-reports",
        shape=shapes.call,
        tag="Reporting",
        summary="Query the same by hours, days, weeks or months of the send",
        scopes=("flows:read",),
        tier=REPORTS,
        resource=REPORT,
        command=commands.ANSWERS.query,
        body=commands.Report,
        sparse=("flow-series-report",),
        parameters=(PAGE_CURSOR,),
    ),
)
RESOURCES = (REPORT,)
