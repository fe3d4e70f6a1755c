"""The operations on mapped metrics: which metric stands for revenue, carts and so on. Follows reference 7.6 and 7.7.

Every account has all mappings from its beginning, each standing for nothing until somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, column, func, select, values

from headrace.api.commands import mapped_metrics as commands
from headrace.api.resources.custom_metrics import CUSTOM_METRIC, CUSTOM_METRICS
from headrace.api.resources.group_tables import UPDATED
from headrace.api.resources.happenings import METRIC, METRICS
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Call, Loader, Operation, Scope, Table, Tier
from headrace.jsonapi.resource import Relationship, Resource, Row
from headrace.storage import tables as t
from headrace.storage.mapped_metrics import MAPPINGS

SINCE = "2025-07-15"
"""The revision that brought mapped metrics."""
READ, WRITE = ("metrics:read",), ("metrics:write",)
TARGETS = ("custom-metric", "metric")
SPARSE = ("custom-metric", "mapped-metric", "metric")

MAPPED_METRIC = Resource(
    "mapped-metric",
    "/api/mapped-metrics/{id}",
    (UPDATED,),
    (
        Relationship("metric", "metric", ids=lambda row: row["metric_id"], optional=True),
        Relationship("custom-metric", "custom-metric", ids=lambda row: row["custom_metric_id"], optional=True),
    ),
)

_MAPPING = values(column("mapping", Text), name="every", literal_binds=True).data([(one,) for one in MAPPINGS])
_MAPPED = t.mapped_metric.c


def _mapped_metrics(call: Call[Any, Any]) -> Select[Any]:
    own = and_(_MAPPED.account_id == call.ctx.account_id, _MAPPED.mapping == _MAPPING.c.mapping)
    return (
        select(
            _MAPPING.c.mapping.label("id"),
            _MAPPED.metric_id,
            _MAPPED.custom_metric_id,
            func.coalesce(_MAPPED.updated_at, t.account.c.created_at).label("updated_at"),
        )
        .select_from(_MAPPING.join(t.account, t.account.c.account_id == call.ctx.account_id))
        .outerjoin(t.mapped_metric, own)
    )


def _loader(table: Table, name: str) -> Loader:
    """Return the loader of what the mappings of a page stand for; `name` is the column that holds its id."""

    async def load(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
        wanted = {row["id"]: row[name] for row in rows if row[name] is not None}
        found = await call.ctx.fetch(table.select(call).where(table.key.in_(sorted(set(wanted.values())))))
        by_id = {row["id"]: row for row in found}
        return {mapping: [by_id[one]] for mapping, one in wanted.items() if one in by_id}

    return load


MAPPED_METRICS = Table(
    _mapped_metrics,
    _MAPPING.c.mapping,
    loaders={
        "metric": _loader(METRICS, "metric_id"),
        "custom-metric": _loader(CUSTOM_METRICS, "custom_metric_id"),
    },
)


def _of_mapping(key: ColumnElement[Any], target: ColumnElement[Any]) -> Scope:
    """Return the scope that narrows metrics, or custom metrics, to the one that a mapping stands for."""

    def scope(call: Call[Any, Any], statement: Select[Any], mapping: Any) -> Select[Any]:
        one = select(target).where(_MAPPED.account_id == call.ctx.account_id, _MAPPED.mapping == mapping)
        return statement.where(key == one.scalar_subquery())

    return scope


def _reads(resource: Resource, table: Table, target: ColumnElement[Any]) -> tuple[Operation, Operation]:
    """Return the two operations that read what a mapping stands for."""
    name = resource.type
    words, scope = name.replace("-", "_"), _of_mapping(table.key, target)
    related = Operation(
        id=f"get_{words}_for_mapped_metric",
        method="GET",
        path=f"/api/mapped-metrics/{{id}}/{name}",
        shape=shapes.related,
        tag="Metrics",
        summary=f"Read the {name} that a mapping stands for",
        scopes=READ,
        resource=resource,
        table=table,
        parent=(MAPPED_METRIC, MAPPED_METRICS),
        scope=scope,
        many=False,
        sparse=(name,),
        since=SINCE,
    )
    ids = Operation(
        id=f"get_{words}_id_for_mapped_metric",
        method="GET",
        path=f"/api/mapped-metrics/{{id}}/relationships/{name}",
        shape=shapes.relationship,
        tag="Metrics",
        summary=f"Read the id of the {name} that a mapping stands for",
        scopes=READ,
        resource=resource,
        table=table,
        parent=(MAPPED_METRIC, MAPPED_METRICS),
        scope=scope,
        many=False,
        since=SINCE,
    )
    return related, ids


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_mapped_metrics",
        method="GET",
        path="/api/mapped-metrics",
        shape=shapes.listing,
        tag="Metrics",
        summary="List the mappings",
        scopes=READ,
        resource=MAPPED_METRIC,
        table=MAPPED_METRICS,
        includes=TARGETS,
        sparse=SPARSE,
        since=SINCE,
    ),
    Operation(
        id="get_mapped_metric",
        method="GET",
        path="/api/mapped-metrics/{id}",
        shape=shapes.get,
        tag="Metrics",
        summary="Read a mapping",
        scopes=READ,
        resource=MAPPED_METRIC,
        table=MAPPED_METRICS,
        includes=TARGETS,
        sparse=SPARSE,
        since=SINCE,
    ),
    Operation(
        id="update_mapped_metric",
        method="PATCH",
        path="/api/mapped-metrics/{id}",
        shape=shapes.update,
        tag="Metrics",
        summary="Say what a mapping stands for",
        scopes=WRITE,
        tier=Tier(1, 15, 30),
        resource=MAPPED_METRIC,
        table=MAPPED_METRICS,
        command=commands.update_mapped_metric,
        body=commands.ChangedMappingBody,
        sparse=("mapped-metric",),
        since=SINCE,
    ),
    *_reads(METRIC, METRICS, _MAPPED.metric_id),
    *_reads(CUSTOM_METRIC, CUSTOM_METRICS, _MAPPED.custom_metric_id),
)
RESOURCES: tuple[Resource, ...] = (MAPPED_METRIC,)
