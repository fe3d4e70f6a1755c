"""The operations on flow messages.

What is here: one row per operation. A message outlives its action and its flow. Follows reference 2.2 and 7.6.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from headrace.api.resources.flow_tables import (
    FLOW_ACTION,
    FLOW_ACTIONS,
    FLOW_MESSAGE,
    FLOW_MESSAGES,
    TEMPLATE,
    TEMPLATES,
)
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Call, Operation
from headrace.storage import tables as t

ALIASES = {"flow-actions": "flow-action", "templates": "template"}


def action_of_message(call: Call[Any, Any], statement: Select[Any], message_id: Any) -> Select[Any]:
    """Narrow actions to the one that holds a message."""
    holder = select(t.flow_message.c.action_id).where(t.flow_message.c.message_id == message_id)
    return statement.where(t.flow_action.c.action_id == holder.scalar_subquery())


def template_of_message(call: Call[Any, Any], statement: Select[Any], message_id: Any) -> Select[Any]:
    """Narrow templates to the one that a message uses."""
    used = select(t.flow_message.c.template_id).where(t.flow_message.c.message_id == message_id)
    return statement.where(t.template.c.template_id == used.scalar_subquery())


OPERATIONS = (
    Operation(
        id="get_flow_message",
        method="GET",
        path="/api/flow-messages/{id}",
        shape=shapes.get,
        tag="Flows",
        summary="Read a flow message",
        scopes=("flows:read",),
        resource=FLOW_MESSAGE,
        table=FLOW_MESSAGES,
        includes=("flow-action", "template"),
        include_aliases=ALIASES,
        sparse=("flow-action", "flow-message", "template"),
    ),
    Operation(
        id="get_action_for_flow_message",
        method="GET",
        path="/api/flow-messages/{id}/flow-action",
        shape=shapes.related,
        tag="Flows",
        summary="Read the action of a flow message",
        scopes=("flows:read",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        parent=(FLOW_MESSAGE, FLOW_MESSAGES),
        many=False,
        scope=action_of_message,
        linkage=("flow-messages",),
        sparse=("flow-action",),
    ),
    Operation(
        id="get_action_id_for_flow_message",
        method="GET",
        path="/api/flow-messages/{id}/relationships/flow-action",
        shape=shapes.relationship,
        tag="Flows",
        summary="Read the id of the action of a flow message",
        scopes=("flows:read",),
        resource=FLOW_ACTION,
        table=FLOW_ACTIONS,
        parent=(FLOW_MESSAGE, FLOW_MESSAGES),
        many=False,
        scope=action_of_message,
    ),
    Operation(
        id="get_template_for_flow_message",
        method="GET",
        path="/api/flow-messages/{id}/template",
        shape=shapes.related,
        tag="Flows",
        summary="Read the template of a flow message",
        scopes=("templates:read",),
        resource=TEMPLATE,
        table=TEMPLATES,
        parent=(FLOW_MESSAGE, FLOW_MESSAGES),
        many=False,
        scope=template_of_message,
        sparse=("template",),
    ),
    Operation(
        id="get_template_id_for_flow_message",
        method="GET",
        path="/api/flow-messages/{id}/relationships/template",
        shape=shapes.relationship,
        tag="Flows",
        summary="Read the id of the template of a flow message",
        scopes=("templates:read",),
        resource=TEMPLATE,
        table=TEMPLATES,
        parent=(FLOW_MESSAGE, FLOW_MESSAGES),
        many=False,
        scope=template_of_message,
    ),
)
RESOURCES = (FLOW_MESSAGE,)
