"""The operations on metrics, which are read only: an event makes the metric that it names. Follows reference 7.6."""

from __future__ import annotations

from headrace.api.resources import flow_triggers
from headrace.api.resources.happenings import METRIC, METRICS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import M, Operation
from headrace.jsonapi.query import Page
from headrace.storage import tables as t

READ = ("metrics:read",)

OPERATIONS = (
    Operation(
        id="get_metrics",
        method="GET",
        path="/api/metrics",
        shape=shapes.listing,
        tag="Metrics",
        summary="List metrics",
        scopes=READ,
        tier=M,
        resource=METRIC,
        table=METRICS,
        filters={
            "integration.name": Filterable("string", ("equals",), t.metric.c.integration_name),
            "integration.category": Filterable("string", ("equals",), t.metric.c.integration_category),
        },
        includes=(flow_triggers.NAME,),
        sparse=("metric", "flow"),
        page=Page(default=200, maximum=200, fixed=True),
    ),
    Operation(
        id="get_metric",
        method="GET",
        path="/api/metrics/{id}",
        shape=shapes.get,
        tag="Metrics",
        summary="Read a metric",
        scopes=READ,
        tier=M,
        resource=METRIC,
        table=METRICS,
        includes=(flow_triggers.NAME,),
        sparse=("metric", "flow"),
    ),
    *flow_triggers.operations(METRIC, METRICS, "Metrics", "metrics:read", M),
)
RESOURCES = (METRIC,)
