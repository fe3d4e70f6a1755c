"""The operation that answers the flow-values report.

What is here: its row. What is not: the figures (`headrace.reports`). Follows reference 6.4.
"""

from __future__ import annotations

from headrace.api.commands import reports as commands
from headrace.api.commands.report_pages import PAGE_CURSOR
from headrace.api.resources.shown_flows import ValuesRow
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import REPORTS, Operation
from headrace.jsonapi.resource import Attribute, Relationship, Resource

RELATIONSHIPS = (
    Relationship("flows", "flow", many=True, links=False),
    Relationship("flow-messages", "flow-message", many=True, links=False),
)
REPORT = Resource("flow-values-report", None, (Attribute("results", list[ValuesRow]),), RELATIONSHIPS)

OPERATIONS = (
    Operation(
        id="query_flow_values",
        method="POST",
        path="/api/flow-values-reports",
        shape=shapes.call,
        tag="Reporting",
        summary="Query what the messages of flows that were sent in a timeframe came to",
        scopes=("flows:read",),
        tier=REPORTS,
        resource=REPORT,
        command=commands.ANSWERS.query,
        body=commands.Report,
        sparse=("flow-values-report",),
        parameters=(PAGE_CURSOR,),
    ),
)
RESOURCES = (REPORT,)
