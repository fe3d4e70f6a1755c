"""The operations on the properties that events of a metric have.

What is here: one row per operation. What is not: the noting of properties, which the engine does for each event. Our
choice: the label of a property is its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from headrace.api.commands import metric_properties as commands
from headrace.api.resources.happenings import METRIC, METRICS
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XS, Call, Operation, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t
from headrace.storage.metric_samples import FIRST, latest_of_metric, latest_of_property

SINCE = "2024-10-15"
"""The first served revision that had metric properties."""
READ = ("metrics:read",)
SAMPLES = "sample_values"
ADDITIONAL = {"metric-property": (SAMPLES,)}
OF_METRIC = "/api/metrics/{id}/"

METRIC_PROPERTY = Resource(
    "metric-property",
    "/api/metric-properties/{id}",
    (
        Attribute("label", str, lambda row: row["property"]),
        Attribute("property", str),
        Attribute("inferred_type", str),
        Attribute(SAMPLES, list[str | int | float | bool], on_request=True),
    ),
    (Relationship("metric", "metric", ids=lambda row: row["metric_id"]),),
)

_PROPERTY = t.metric_property.c
_COLUMNS = (_PROPERTY.property_id.label("id"), _PROPERTY.metric_id, _PROPERTY.property, _PROPERTY.inferred_type)


def _metric_properties(call: Call[Any, Any]) -> Select[Any]:
    statement = select(*_COLUMNS).where(_PROPERTY.account_id == call.ctx.account_id)
    return _with_samples(call, statement) if _asks_for_samples(call) else statement


def _asks_for_samples(call: Call[Any, Any]) -> bool:
    asked = (call.query.additional, call.query.fields)
    return any(SAMPLES in each.get("metric-property", frozenset()) for each in asked)


def _with_samples(call: Call[Any, Any], statement: Select[Any]) -> Select[Any]:
    of_metric = call.operation.path.startswith(OF_METRIC)
    latest = (latest_of_metric if of_metric else latest_of_property)(call.ctx.account_id, call.path["id"])
    shown = func.coalesce(latest.c.sample_values, FIRST).label(SAMPLES)
    return statement.add_columns(shown).outerjoin(latest, latest.c.property == _PROPERTY.property)


async def _metrics_of(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    wanted = sorted({row["metric_id"] for row in rows})
    found = {row["id"]: row for row in await call.ctx.fetch(METRICS.select(call).where(METRICS.key.in_(wanted)))}
    return {row["id"]: [found[row["metric_id"]]] for row in rows if row["metric_id"] in found}


METRIC_PROPERTIES = Table(_metric_properties, _PROPERTY.property_id, loaders={"metric": _metrics_of})


def metric_of_property(call: Call[Any, Any], statement: Select[Any], property_id: Any) -> Select[Any]:
    """Narrow metrics to the one that a property belongs to."""
    one = select(_PROPERTY.metric_id).where(
        _PROPERTY.account_id == call.ctx.account_id, _PROPERTY.property_id == property_id
    )
    return statement.where(METRICS.key == one.scalar_subquery())


def properties_of_metric(_: Call[Any, Any], statement: Select[Any], metric_id: Any) -> Select[Any]:
    """Narrow properties to those of a metric."""
    return statement.where(_PROPERTY.metric_id == metric_id)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_metric_property",
        method="GET",
        path="/api/metric-properties/{id}",
        shape=shapes.get,
        tag="Metrics",
        summary="Read a property of a metric",
        scopes=READ,
        tier=XS,
        resource=METRIC_PROPERTY,
        table=METRIC_PROPERTIES,
        includes=("metric",),
        sparse=("metric-property", "metric"),
        additional=ADDITIONAL,
        since=SINCE,
    ),
    Operation(
        id="get_metric_for_metric_property",
        method="GET",
        path="/api/metric-properties/{id}/metric",
        shape=shapes.related,
        tag="Metrics",
        summary="Read the metric of a property",
        scopes=READ,
        tier=XS,
        resource=METRIC,
        table=METRICS,
        parent=(METRIC_PROPERTY, METRIC_PROPERTIES),
        scope=metric_of_property,
        many=False,
        sparse=("metric",),
        since=SINCE,
    ),
    Operation(
        id="get_metric_id_for_metric_property",
        method="GET",
        path="/api/metric-properties/{id}/relationships/metric",
        shape=shapes.relationship,
        tag="Metrics",
        summary="Read the id of the metric of a property",
        scopes=READ,
        tier=XS,
        resource=METRIC,
        table=METRICS,
        parent=(METRIC_PROPERTY, METRIC_PROPERTIES),
        scope=metric_of_property,
        many=False,
        since=SINCE,
    ),
    Operation(
        id="get_properties_for_metric",
        method="GET",
        path=f"{OF_METRIC}metric-properties",
        shape=shapes.related,
        tag="Metrics",
        summary="List the properties of a metric",
        scopes=READ,
        tier=XS,
        resource=METRIC_PROPERTY,
        table=METRIC_PROPERTIES,
        parent=(METRIC, METRICS),
        scope=properties_of_metric,
        command=commands.learn,
        sparse=("metric-property",),
        additional=ADDITIONAL,
        since=SINCE,
    ),
    Operation(
        id="get_property_ids_for_metric",
        method="GET",
        path=f"{OF_METRIC}relationships/metric-properties",
        shape=shapes.relationship,
        tag="Metrics",
        summary="List the ids of the properties of a metric",
        scopes=READ,
        tier=XS,
        resource=METRIC_PROPERTY,
        table=METRIC_PROPERTIES,
        parent=(METRIC, METRICS),
        scope=properties_of_metric,
        command=commands.learn,
        since=SINCE,
    ),
)
RESOURCES: tuple[Resource, ...] = (METRIC_PROPERTY,)
