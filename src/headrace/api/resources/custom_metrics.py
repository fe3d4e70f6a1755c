"""The operations on custom metrics, which are put together from others. Follows reference 7.6 and 7.7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from headrace.api.commands import custom_metrics as commands
from headrace.api.resources.group_tables import CREATED, UPDATED
from headrace.api.resources.happenings import METRIC, METRICS
from headrace.conditions.custom_metric import CustomMetricDefinition
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Call, Operation, Table, Tier
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t

SINCE = "2025-04-15"
"""The revision that brought custom metrics."""
READ, WRITE = ("metrics:read",), ("metrics:write",)
WRITE_TIER = Tier(1, 15, 15)

CUSTOM_METRIC = Resource(
    "custom-metric",
    "/api/custom-metrics/{id}",
    (
        Attribute("name", str),
        CREATED,
        UPDATED,
        Attribute(
            "definition",
            CustomMetricDefinition,
            subfields=("definition.aggregation_method", "definition.metric_groups"),
        ),
    ),
    (Relationship("metrics", "metric", many=True, ids=lambda row: row["metric_ids"]),),
)

_CUSTOM = t.custom_metric.c
_COLUMNS = (
    _CUSTOM.custom_metric_id.label("id"),
    _CUSTOM.name,
    _CUSTOM.definition,
    _CUSTOM.metric_ids,
    _CUSTOM.created_at,
    _CUSTOM.updated_at,
)


def _custom_metrics(call: Call[Any, Any]) -> Select[Any]:
    return select(*_COLUMNS).where(_CUSTOM.account_id == call.ctx.account_id)


async def _metrics_of(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Load the metrics of a page of custom metrics, each custom metric's in the order of its definition."""
    wanted = sorted({one for row in rows for one in row["metric_ids"]})
    found = {row["id"]: row for row in await call.ctx.fetch(METRICS.select(call).where(METRICS.key.in_(wanted)))}
    return {row["id"]: [found[one] for one in row["metric_ids"] if one in found] for row in rows}


CUSTOM_METRICS = Table(_custom_metrics, _CUSTOM.custom_metric_id, loaders={"metrics": _metrics_of})


def metrics_of_custom_metric(call: Call[Any, Any], statement: Select[Any], custom_metric_id: Any) -> Select[Any]:
    """Narrow metrics to those that a custom metric is made of."""
    ids = select(func.unnest(_CUSTOM.metric_ids)).where(
        _CUSTOM.account_id == call.ctx.account_id, _CUSTOM.custom_metric_id == custom_metric_id
    )
    return statement.where(METRICS.key.in_(ids))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_custom_metrics",
        method="GET",
        path="/api/custom-metrics",
        shape=shapes.listing,
        tag="Metrics",
        summary="List custom metrics",
        scopes=READ,
        resource=CUSTOM_METRIC,
        table=CUSTOM_METRICS,
        includes=("metrics",),
        sparse=("custom-metric", "metric"),
        since=SINCE,
    ),
    Operation(
        id="create_custom_metric",
        method="POST",
        path="/api/custom-metrics",
        shape=shapes.create,
        tag="Metrics",
        summary="Make a custom metric",
        scopes=WRITE,
        tier=WRITE_TIER,
        resource=CUSTOM_METRIC,
        table=CUSTOM_METRICS,
        command=commands.create_custom_metric,
        body=commands.NewCustomMetric,
        sparse=("custom-metric",),
        status=201,
        since=SINCE,
    ),
    Operation(
        id="get_custom_metric",
        method="GET",
        path="/api/custom-metrics/{id}",
        shape=shapes.get,
        tag="Metrics",
        summary="Read a custom metric",
        scopes=READ,
        resource=CUSTOM_METRIC,
        table=CUSTOM_METRICS,
        includes=("metrics",),
        sparse=("custom-metric", "metric"),
        since=SINCE,
    ),
    Operation(
        id="update_custom_metric",
        method="PATCH",
        path="/api/custom-metrics/{id}",
        shape=shapes.update,
        tag="Metrics",
        summary="Change a custom metric",
        scopes=WRITE,
        tier=WRITE_TIER,
        resource=CUSTOM_METRIC,
        table=CUSTOM_METRICS,
        command=commands.update_custom_metric,
        body=commands.ChangedCustomMetric,
        sparse=("custom-metric",),
        since=SINCE,
    ),
    Operation(
        id="delete_custom_metric",
        method="DELETE",
        path="/api/custom-metrics/{id}",
        shape=shapes.delete,
        tag="Metrics",
        summary="Delete a custom metric",
        scopes=WRITE,
        resource=CUSTOM_METRIC,
        table=CUSTOM_METRICS,
        command=commands.delete_custom_metric,
        status=204,
        since=SINCE,
    ),
    Operation(
        id="get_metrics_for_custom_metric",
        method="GET",
        path="/api/custom-metrics/{id}/metrics",
        shape=shapes.related,
        tag="Metrics",
        summary="List the metrics that a custom metric is made of",
        scopes=READ,
        resource=METRIC,
        table=METRICS,
        parent=(CUSTOM_METRIC, CUSTOM_METRICS),
        scope=metrics_of_custom_metric,
        sparse=("metric",),
        since=SINCE,
    ),
    Operation(
        id="get_metric_ids_for_custom_metric",
        method="GET",
        path="/api/custom-metrics/{id}/relationships/metrics",
        shape=shapes.relationship,
        tag="Metrics",
        summary="List the ids of the metrics that a custom metric is made of",
        scopes=READ,
        resource=METRIC,
        table=METRICS,
        parent=(CUSTOM_METRIC, CUSTOM_METRICS),
        scope=metrics_of_custom_metric,
        since=SINCE,
    ),
)
RESOURCES: tuple[Resource, ...] = (CUSTOM_METRIC,)
