"""The operations that answer the segment reports.

What is here: their rows. What is not: the figures (`headrace.reports.segment_members`). Follows reference 6.6.
"""

from __future__ import annotations

from datetime import datetime

from headrace.api.commands import segment_reports as commands
from headrace.api.resources.shown_flows import SeriesRow, ValuesRow
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import REPORTS, Operation
from headrace.jsonapi.resource import Attribute, Resource

SINCE = "2024-10-15"
"""The first revision with these reports. Our choice: the sources do not date them; 2024-02-15 lacks them."""
VALUES_REPORT = Resource(commands.VALUES, None, (Attribute("results", list[ValuesRow]),))
SERIES_REPORT = Resource(
    commands.SERIES, None, (Attribute("results", list[SeriesRow]), Attribute("date_times", list[datetime]))
)

OPERATIONS = (
    Operation(
        id="query_segment_values",
        method="POST",
        path="/api/segment-values-reports",
        shape=shapes.call,
        tag="Reporting",
        summary="Query how many joined and left segments in a timeframe, and how many were in them at its end",
        scopes=("segments:read",),
        tier=REPORTS,
        resource=VALUES_REPORT,
        command=commands.query_values,
        body=commands.ValuesBody,
        sparse=(commands.VALUES,),
        since=SINCE,
    ),
    Operation(
        id="query_segment_series",
        method="POST",
        path="/api/segment-series-reports",
        shape=shapes.call,
        tag="Reporting",
        summary="Query the same by hours, days, weeks or months",
        scopes=("segments:read",),
        tier=REPORTS,
        resource=SERIES_REPORT,
        command=commands.query_series,
        body=commands.SeriesBody,
        sparse=(commands.SERIES,),
        since=SINCE,
    ),
)
RESOURCES = (VALUES_REPORT, SERIES_REPORT)
