"""The operations on flows.

What is here: one row per operation. What is not: how a flow looks (`flow_tables`) and what writing one does
(`commands.flows`). Follows reference 7.6 and 7.7.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_

from headrace.api.commands import flows as commands
from headrace.api.resources.flow_actions import ACTION_FILTERS, ACTION_SORTS
from headrace.api.resources.flow_tables import FLOW, FLOW_ACTION, FLOW_ACTIONS, FLOWS, TAG, TAGS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.operation import Call, Operation, Tier
from headrace.jsonapi.query import Page, Sortable
from headrace.storage import tables as t

CREATE_TIER = Tier(1, 15, 100)
STATUSES = ("draft", "manual", "live")
TRIGGER_TYPES = ("Added to List", "Date Based", "Low Inventory", "Metric", "Price Drop", "Unconfigured")
TEXT = ("contains", "ends-with", "equals", "starts-with")

FLOW_FILTERS = {
    "id": Filterable("string", ("any",), t.flow.c.flow_id),
    "name": Filterable("string", TEXT, t.flow.c.name),
    "status": Filterable("enum", ("equals",), t.flow.c.status, values=STATUSES),
    "archived": Filterable("bool", ("equals",), t.flow.c.archived),
    "created": Filterable("datetime", DATE_OPERATORS, t.flow.c.created_at),
    "updated": Filterable("datetime", DATE_OPERATORS, t.flow.c.updated_at),
    "trigger_type": Filterable("enum", ("equals",), t.flow.c.trigger_type, values=TRIGGER_TYPES),
}
FLOW_SORTS = {
    "created": Sortable(t.flow.c.created_at, dated=True),
    "id": Sortable(t.flow.c.flow_id),
    "name": Sortable(t.flow.c.name),
    "status": Sortable(t.flow.c.status),
    "trigger_type": Sortable(t.flow.c.trigger_type),
    "updated": Sortable(t.flow.c.updated_at, dated=True),
}
ALIASES = {"flow-action": "flow-actions", "tag": "tags"}
"""Spellings of `include` that are met kindly. Source: reference 7.6 (the overview's slip)."""
LINKAGE = ("flow-actions", "tags")
DEFINITION = {"flow": ("definition",)}


def actions_of_flow(call: Call[Any, Any], statement: Select[Any], flow_id: Any) -> Select[Any]:
    """Narrow actions to those of one flow."""
    return statement.where(t.flow_action.c.flow_id == flow_id)


def tags_of_flow(call: Call[Any, Any], statement: Select[Any], flow_id: Any) -> Select[Any]:
    """Narrow tags to those of one flow."""
    tied = and_(t.tag_flow.c.tag_id == t.tag.c.tag_id, t.tag_flow.c.account_id == t.tag.c.account_id)
    return statement.join(t.tag_flow, tied).where(t.tag_flow.c.flow_id == flow_id)


FLOW_ROWS = (
    Operation(
        id="get_flows",
        method="GET",
        path="/api/flows",
        shape=shapes.listing,
        tag="Flows",
        summary="List flows",
        scopes=("flows:read",),
        resource=FLOW,
        table=FLOWS,
        filters=FLOW_FILTERS,
        sorts=FLOW_SORTS,
        includes=LINKAGE,
        include_aliases=ALIASES,
        linkage=LINKAGE,
        sparse=("flow", "flow-action", "tag"),
        page=Page(),
    ),
    Operation(
        id="create_flow",
        method="POST",
        path="/api/flows",
        shape=shapes.create,
        tag="Flows",
        summary="Create a flow, always as a draft",
        scopes=("flows:write",),
        tier=CREATE_TIER,
        resource=FLOW,
        table=FLOWS,
        command=commands.create,
        body=commands.NewFlow,
        sparse=("flow",),
        additional=DEFINITION,
        linkage=LINKAGE,
        status=201,
        since="2025-01-15",
    ),
    Operation(
        id="get_flow",
        method="GET",
        path="/api/flows/{id}",
        shape=shapes.get,
        tag="Flows",
        summary="Read a flow",
        scopes=("flows:read",),
        resource=FLOW,
        table=FLOWS,
        includes=LINKAGE,
        include_aliases=ALIASES,
        linkage=LINKAGE,
        sparse=("flow", "flow-action", "tag"),
        additional=DEFINITION,
    ),
    Operation(
        id="update_flow",
        method="PATCH",
        path="/api/flows/{id}",
        shape=shapes.update,
        tag="Flows",
        summary="Set the status of a flow and of every action in it",
        scopes=("flows:write",),
        resource=FLOW,
        table=FLOWS,
        command=commands.set_status,
        body=commands.FlowStatus,
        sparse=("flow",),
        linkage=LINKAGE,
    ),
    Operation(
        id="delete_flow",
        method="DELETE",
        path="/api/flows/{id}",
        shape=shapes.delete,
        tag="Flows",
        summary="Delete a flow",
        scopes=("flows:write",),
        resource=FLOW,
        table=FLOWS,
        command=commands.delete,
        status=204,
        since="2024-06-15",
    ),
)

RELATED_ROWS = (
    Operation(
        id="get_actions_for_flow",
        method="GET",
        path="/api/flows/{id}/flow-actions",
        shape=shapes.related,
        tag="Flows",
        summary="List the actions of a flow",
        scopes=("flows:read",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        parent=(FLOW, FLOWS),
        scope=actions_of_flow,
        filters=ACTION_FILTERS,
        sorts=ACTION_SORTS,
        linkage=("flow-messages",),
        sparse=("flow-action",),
        page=Page(),
    ),
    Operation(
        id="get_action_ids_for_flow",
        method="GET",
        path="/api/flows/{id}/relationships/flow-actions",
        shape=shapes.relationship,
        tag="Flows",
        summary="List the ids of the actions of a flow",
        scopes=("flows:read",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        parent=(FLOW, FLOWS),
        scope=actions_of_flow,
        filters=ACTION_FILTERS,
        sorts=ACTION_SORTS,
        page=Page(),
    ),
    Operation(
        id="get_tags_for_flow",
        method="GET",
        path="/api/flows/{id}/tags",
        shape=shapes.related,
        tag="Flows",
        summary="List the tags of a flow",
        scopes=("flows:read", "tags:read"),
        resource=TAG,
        table=TAGS,
        parent=(FLOW, FLOWS),
        scope=tags_of_flow,
        linkage=("flows",),
        sparse=("tag",),
    ),
    Operation(
        id="get_tag_ids_for_flow",
        method="GET",
        path="/api/flows/{id}/relationships/tags",
        shape=shapes.relationship,
        tag="Flows",
        summary="List the ids of the tags of a flow",
        scopes=("flows:read", "tags:read"),
        resource=TAG,
        table=TAGS,
        parent=(FLOW, FLOWS),
        scope=tags_of_flow,
    ),
)

OPERATIONS = (*FLOW_ROWS, *RELATED_ROWS)
RESOURCES = (FLOW,)
