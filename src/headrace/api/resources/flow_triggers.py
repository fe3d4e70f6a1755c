"""Which flows a metric or a list starts: the relationship `flow-triggers` of both.

What is here: its scope, its loader and its operations. What is not: the other operations on metrics and lists. The
triggers are read from each flow's present definition. Source: reference 8.1 (since 2024-10-15).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, cast, select
from sqlalchemy.dialects.postgresql import JSONB

from headrace.api.resources.flow_tables import FLOW, FLOWS
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Call, Loader, Operation, Scope, Table, Tier
from headrace.jsonapi.resource import Relationship, Resource, Row
from headrace.storage import tables as t

SINCE = "2024-10-15"
NAME = "flow-triggers"
RELATIONSHIP = Relationship(NAME, "flow", many=True)

_PRESENT = t.flow_version.alias("present")
_SEARCHED = cast(_PRESENT.c.definition, JSONB)
"""Definitions are kept as they were written, key order and all; searching takes them apart."""
_IS_PRESENT = and_(_PRESENT.c.flow_id == t.flow.c.flow_id, _PRESENT.c.version == t.flow.c.version)


def started_by(kind: str) -> Scope:
    """Return the scope that narrows flows to those with a trigger of a kind (`metric`, `list`) and the parent's id."""

    def scope(_: Call[Any, Any], statement: Select[Any], parent: Any) -> Select[Any]:
        trigger = _SEARCHED.contains({"triggers": [{"type": kind, "id": parent}]})
        return statement.where(select(1).select_from(_PRESENT).where(_IS_PRESENT, trigger).exists())

    return scope


def loader(kind: str) -> Loader:
    """Return the loader of the flows that the metrics or lists of a page start."""

    async def load(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
        triggers = _SEARCHED["triggers"].label("triggers")
        statement = FLOWS.select(call).add_columns(triggers).join(_PRESENT, _IS_PRESENT)
        statement = statement.where(_SEARCHED.contains({"triggers": [{"type": kind}]})).order_by(FLOWS.key)
        found: dict[str, list[Row]] = {str(row["id"]): [] for row in rows}
        for flow in await call.ctx.fetch(statement):
            for parent in {one.get("id") for one in flow["triggers"] if one.get("type") == kind} & found.keys():
                found[parent].append(flow)
        return found

    return load


def operations(parent: Resource, table: Table, tag: str, scope: str, tier: Tier) -> tuple[Operation, Operation]:
    """Return the two operations that read which flows a metric or a list starts."""
    path, scopes = parent.path or "", tuple(sorted(("flows:read", scope)))
    related = Operation(
        id=f"get_flows_triggered_by_{parent.type}",
        method="GET",
        path=f"{path}/{NAME}",
        shape=shapes.related,
        tag=tag,
        summary=f"List the flows that a {parent.type} starts",
        scopes=scopes,
        tier=tier,
        resource=FLOW,
        table=FLOWS,
        parent=(parent, table),
        scope=started_by(parent.type),
        sparse=("flow",),
        since=SINCE,
    )
    ids = Operation(
        id=f"get_ids_for_flows_triggered_by_{parent.type}",
        method="GET",
        path=f"{path}/relationships/{NAME}",
        shape=shapes.relationship,
        tag=tag,
        summary=f"List the ids of the flows that a {parent.type} starts",
        scopes=scopes,
        tier=tier,
        resource=FLOW,
        table=FLOWS,
        parent=(parent, table),
        scope=started_by(parent.type),
        since=SINCE,
    )
    return related, ids
