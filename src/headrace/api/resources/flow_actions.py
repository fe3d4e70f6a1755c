"""The operations on flow actions.

What is here: one row per operation, and the filters and sort keys of actions, which the flows' rows use too. What is
not: what changing an action does (`commands.flow_actions`). Follows reference 7.6 and 7.7.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, select

from headrace.api.commands import flow_actions as commands
from headrace.api.resources.flow_tables import (
    FLOW,
    FLOW_ACTION,
    FLOW_ACTIONS,
    FLOW_MESSAGE,
    FLOWS,
    LIVE_MESSAGES,
    read_action_id,
)
from headrace.flows import legacy
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.operation import Call, Operation
from headrace.jsonapi.query import Page, Sortable
from headrace.storage import tables as t

STATUSES = ("draft", "manual", "live", "disabled")
TEXT = ("contains", "ends-with", "equals", "starts-with")
ACTION_TYPE = case(legacy.ACTION_TYPES, value=t.flow_action.c.type, else_=t.flow_action.c.type)
"""An action's type as filters and sort keys spell it, in every revision. Source: reference 7.6."""

ACTION_FILTERS = {
    "id": Filterable("string", ("any",), t.flow_action.c.action_id, convert=read_action_id),
    "action_type": Filterable(
        "enum", ("any", "equals"), ACTION_TYPE, values=tuple(sorted(set(legacy.ACTION_TYPES.values())))
    ),
    "status": Filterable("enum", ("equals",), t.flow_action.c.status, values=STATUSES),
    "created": Filterable("datetime", DATE_OPERATORS, t.flow_action.c.created_at),
    "updated": Filterable("datetime", DATE_OPERATORS, t.flow_action.c.updated_at),
}
ACTION_SORTS = {
    "action_type": Sortable(ACTION_TYPE),
    "created": Sortable(t.flow_action.c.created_at, dated=True),
    "id": Sortable(t.flow_action.c.action_id),
    "status": Sortable(t.flow_action.c.status),
    "updated": Sortable(t.flow_action.c.updated_at, dated=True),
}
MESSAGE_FILTERS = {
    "name": Filterable("string", TEXT, t.flow_message.c.name),
    "created": Filterable("datetime", DATE_OPERATORS, t.flow_message.c.created_at),
    "updated": Filterable("datetime", DATE_OPERATORS, t.flow_message.c.updated_at),
}
MESSAGE_SORTS = {
    "created": Sortable(t.flow_message.c.created_at, dated=True),
    "id": Sortable(t.flow_message.c.message_id),
    "name": Sortable(t.flow_message.c.name),
    "updated": Sortable(t.flow_message.c.updated_at, dated=True),
}
ALIASES = {"flows": "flow", "flow-message": "flow-messages"}
LINKAGE = ("flow-messages",)


def messages_of_action(call: Call[Any, Any], statement: Select[Any], action_id: Any) -> Select[Any]:
    """Narrow messages to those of one action."""
    return statement.where(t.flow_message.c.action_id == action_id)


def flow_of_action(call: Call[Any, Any], statement: Select[Any], action_id: Any) -> Select[Any]:
    """Narrow flows to the one that holds an action."""
    return statement.where(
        t.flow.c.flow_id
        == select(t.flow_action.c.flow_id).where(t.flow_action.c.action_id == action_id).scalar_subquery()
    )


ACTION_ROWS = (
    Operation(
        id="get_flow_action",
        method="GET",
        path="/api/flow-actions/{id}",
        shape=shapes.get,
        tag="Flows",
        summary="Read a flow action",
        scopes=("flows:read",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        includes=("flow", "flow-messages"),
        include_aliases=ALIASES,
        linkage=LINKAGE,
        sparse=("flow", "flow-action", "flow-message"),
    ),
    Operation(
        id="create_flow_action",
        method="POST",
        path="/api/flow-actions",
        shape=shapes.create,
        tag="Flows",
        summary="Insert an action into a flow",
        scopes=("flows:write",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        command=commands.insert,
        body=commands.InsertAction,
        linkage=LINKAGE,
        sparse=("flow-action",),
        status=201,
        since="2026-10-15",
    ),
    Operation(
        id="update_flow_action",
        method="PATCH",
        path="/api/flow-actions/{id}",
        shape=shapes.update,
        tag="Flows",
        summary="Replace the definition of a flow action",
        scopes=("flows:write",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        command=commands.update,
        body=commands.ChangeAction,
        linkage=LINKAGE,
        sparse=("flow-action",),
        since="2025-10-15",
    ),
    Operation(
        id="delete_flow_action",
        method="DELETE",
        path="/api/flow-actions/{id}",
        shape=shapes.delete,
        tag="Flows",
        summary="Delete a flow action; people waiting at it go on to the action behind it",
        scopes=("flows:write",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        command=commands.delete,
        status=204,
        since="2026-04-15",
    ),
)

RELATED_ROWS = (
    Operation(
        id="get_flow_for_flow_action",
        method="GET",
        path="/api/flow-actions/{id}/flow",
        shape=shapes.related,
        tag="Flows",
        summary="Read the flow of a flow action",
        scopes=("flows:read",),
        resource=FLOW,
        table=FLOWS,
        parent=(FLOW_ACTION, FLOW_ACTIONS),
        many=False,
        scope=flow_of_action,
        linkage=("flow-actions", "tags"),
        sparse=("flow",),
    ),
    Operation(
        id="get_flow_id_for_flow_action",
        method="GET",
        path="/api/flow-actions/{id}/relationships/flow",
        shape=shapes.relationship,
        tag="Flows",
        summary="Read the id of the flow of a flow action",
        scopes=("flows:read",),
        resource=FLOW,
        table=FLOWS,
        parent=(FLOW_ACTION, FLOW_ACTIONS),
        many=False,
        scope=flow_of_action,
    ),
    Operation(
        id="get_flow_action_messages",
        method="GET",
        path="/api/flow-actions/{id}/flow-messages",
        shape=shapes.related,
        tag="Flows",
        summary="List the messages of a flow action",
        scopes=("flows:read",),
        resource=FLOW_MESSAGE,
        table=LIVE_MESSAGES,
        parent=(FLOW_ACTION, FLOW_ACTIONS),
        scope=messages_of_action,
        filters={"id": Filterable("string", ("any",), t.flow_message.c.message_id), **MESSAGE_FILTERS},
        sorts=MESSAGE_SORTS,
        sparse=("flow-message",),
        page=Page(),
    ),
    Operation(
        id="get_message_ids_for_flow_action",
        method="GET",
        path="/api/flow-actions/{id}/relationships/flow-messages",
        shape=shapes.relationship,
        tag="Flows",
        summary="List the ids of the messages of a flow action",
        scopes=("flows:read",),
        resource=FLOW_MESSAGE,
        table=LIVE_MESSAGES,
        parent=(FLOW_ACTION, FLOW_ACTIONS),
        scope=messages_of_action,
        filters=MESSAGE_FILTERS,
        sorts=MESSAGE_SORTS,
        page=Page(),
    ),
)

OPERATIONS = (*ACTION_ROWS, *RELATED_ROWS)
RESOURCES = (FLOW_ACTION,)
