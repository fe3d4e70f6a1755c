"""Headrace's own operation on the counts of a flow. Our choice: one document per flow, zeros included."""

from __future__ import annotations

from headrace.api.commands import counts as commands
from headrace.api.resources.flow_tables import FLOW, FLOWS
from headrace.api.resources.shown_flows import StepCounts
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XL, Operation
from headrace.jsonapi.resource import Attribute, Resource

READ = ("headrace:runs:read",)

BY_REASON = dict[str, int]

COUNTS = Resource(
    "headrace-flow-counts",
    "/headrace/flows/{id}/counts",
    (
        Attribute("entered", int),
        Attribute("refused", BY_REASON, description="Who did not enter, by reason."),
        Attribute("finished", int),
        Attribute("exited", BY_REASON, description="Who left early, by reason."),
        Attribute("held", int, description="Runs that a user is to confirm now."),
        Attribute("parked", int, description="Runs that a bug stopped and that were not retried yet."),
        Attribute("actions", list[StepCounts]),
    ),
)

OPERATIONS = (
    Operation(
        id="get_headrace_flow_counts",
        method="GET",
        path="/headrace/flows/{id}/counts",
        shape=shapes.call,
        tag="Headrace",
        summary="Count what happened at each action of a flow",
        scopes=READ,
        tier=XL,
        resource=COUNTS,
        parent=(FLOW, FLOWS),
        command=commands.show,
    ),
)
RESOURCES = (COUNTS,)
