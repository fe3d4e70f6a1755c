"""What the flow side of the API shows, and where its rows come from.

What is here: the resources flow, flow-action, flow-message, template, tag and tag-group with their tables and the
loaders of their relationships. What is not: the operations on them, one module per resource beside this one. The
resources are those of the newest revision; older views are in `api.revisions`. Follows reference 7.1 and 8.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from headrace.api.resources import flow_fields
from headrace.api.resources.shown_flows import ActionDefinition, MessageDefinition
from headrace.errors import Invalid
from headrace.flows.definition import DefinitionModel
from headrace.jsonapi.clauses import one_of
from headrace.jsonapi.operation import Call, Loader, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.model.delivery import Channel
from headrace.storage import tables as t

MAX_ID = 2**63 - 1

CHANNELS = {
    Channel.EMAIL: "Email",
    Channel.SMS: "SMS",
    Channel.PUSH: "Push",
    Channel.WHATSAPP: "WhatsApp",
    Channel.WEBHOOK: "Webhook",
    Channel.INTERNAL_ALERT: "Internal Alert",
}
"""How a message names its channel. Source: reference 2.2 (e-mail observed). Our choice: the others by analogy."""

CREATED = Attribute("created", datetime, lambda row: row["created_at"])
UPDATED = Attribute("updated", datetime, lambda row: row["updated_at"])


def _parent_name(row: Row) -> str:
    return str(row["parent_id"])


# --- flow ---------------------------------------------------------------------------------------------------------

FLOW = Resource(
    "flow",
    "/api/flows/{id}",
    (
        Attribute("name", str),
        Attribute("status", str),
        Attribute("archived", bool),
        CREATED,
        UPDATED,
        Attribute("trigger_type", str),
        Attribute("definition", DefinitionModel, on_request=True, subfields=flow_fields.FLOW),
    ),
    (Relationship("flow-actions", "flow-action", many=True), Relationship("tags", "tag", many=True)),
)

_FLOW_COLUMNS = (
    t.flow.c.flow_id.label("id"),
    t.flow.c.name,
    t.flow.c.status,
    t.flow.c.archived,
    t.flow.c.trigger_type,
    t.flow.c.created_at,
    t.flow.c.updated_at,
)
_PRESENT = and_(t.flow_version.c.flow_id == t.flow.c.flow_id, t.flow_version.c.version == t.flow.c.version)


def _flows(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's flows, with their definitions only where these are asked for: they may be large."""
    statement = select(*_FLOW_COLUMNS)
    if asks_definition(call):
        statement = statement.add_columns(t.flow_version.c.definition).join(t.flow_version, _PRESENT)
    return statement.where(t.flow.c.account_id == call.ctx.account_id, t.flow.c.deleted_at.is_(None))


def asks_definition(call: Call[Any, Any]) -> bool:
    """Tell whether a request wants to see the definitions of flows."""
    named = call.query.fields.get("flow", frozenset()) | call.query.additional.get("flow", frozenset())
    return any(name.split(".")[0] == "definition" for name in named)


# --- flow action --------------------------------------------------------------------------------------------------

FLOW_ACTION = Resource(
    "flow-action",
    "/api/flow-actions/{id}",
    (CREATED, UPDATED, Attribute("definition", ActionDefinition, subfields=flow_fields.ACTION)),
    (
        Relationship("flow", "flow", ids=lambda row: row["flow_id"]),
        Relationship("flow-messages", "flow-message", many=True),
    ),
)

_ACTION_COLUMNS = (
    t.flow_action.c.action_id.label("id"),
    t.flow_action.c.flow_id,
    t.flow_action.c.type,
    t.flow_action.c.status,
    t.flow_action.c.definition,
    t.flow_action.c.created_at,
    t.flow_action.c.updated_at,
)


def _actions(call: Call[Any, Any]) -> Select[Any]:
    return select(*_ACTION_COLUMNS).where(
        t.flow_action.c.account_id == call.ctx.account_id, t.flow_action.c.deleted_at.is_(None)
    )


def parse_action_id(text: str) -> int | None:
    """Return the number that an action id writes, None for one that no action can have.

    Raises `Invalid` for an id that is not a number. Source: reference 7.2.
    """
    if not (text.isascii() and text.isdigit()):
        raise Invalid(f'"{text[:80]}" is not a flow action id: each character must be a digit.', parameter="id")
    number = int(text[:40])
    return number if number <= MAX_ID else None


def read_action_id(text: str) -> int:
    """Return the number of an action id in a filter; raises `ValueError` for anything else."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 40 else None
    if number is None:
        raise ValueError("each character must be a digit")
    return min(number, MAX_ID)


# --- flow message -------------------------------------------------------------------------------------------------

FLOW_MESSAGE = Resource(
    "flow-message",
    "/api/flow-messages/{id}",
    (
        Attribute("channel", str, lambda row: CHANNELS[Channel(row["channel"])]),
        CREATED,
        UPDATED,
        Attribute("definition", MessageDefinition, subfields=flow_fields.MESSAGE),
    ),
    (
        Relationship("flow-action", "flow-action", ids=lambda row: row["action_id"]),
        Relationship("template", "template", ids=lambda row: row["template_id"]),
    ),
)

_MESSAGE_COLUMNS = (
    t.flow_message.c.message_id.label("id"),
    t.flow_message.c.flow_id,
    t.flow_message.c.action_id,
    t.flow_message.c.channel,
    t.flow_message.c.name,
    t.flow_message.c.template_id,
    t.flow_message.c.definition,
    t.flow_message.c.created_at,
    t.flow_message.c.updated_at,
)


def _messages(call: Call[Any, Any]) -> Select[Any]:
    """Return every message: one stays readable after its action and flow are gone. Source: reference 2.2."""
    return select(*_MESSAGE_COLUMNS).where(t.flow_message.c.account_id == call.ctx.account_id)


# --- template, tag, tag group -------------------------------------------------------------------------------------

TEMPLATE = Resource(
    "template",
    "/api/templates/{id}",
    (
        Attribute("name", str),
        Attribute("editor_type", str),
        Attribute("html", str, lambda row: row["html"] or ""),
        Attribute("text", str | None),
        Attribute("amp", str | None),
        CREATED,
        UPDATED,
        Attribute(
            "definition",
            dict[str, Any],
            lambda _: None,
            on_request=True,
            subfields=flow_fields.TEMPLATE,
            optional=True,
        ),
    ),
)
"""Our choice: the definition, which only drag-and-drop templates have, is never shown, as there are none of these."""

_TEMPLATE_COLUMNS = (
    t.template.c.template_id.label("id"),
    t.template.c.name,
    t.template.c.editor_type,
    t.template.c.html,
    t.template.c.text,
    t.template.c.amp,
    t.template.c.created_at,
    t.template.c.updated_at,
)


def _templates(call: Call[Any, Any]) -> Select[Any]:
    return select(*_TEMPLATE_COLUMNS).where(t.template.c.account_id == call.ctx.account_id)


TAG = Resource(
    "tag",
    "/api/tags/{id}",
    (Attribute("name", str),),
    (
        Relationship("tag-group", "tag-group", ids=lambda row: row["tag_group_id"]),
        Relationship("lists", "list", many=True),
        Relationship("segments", "segment", many=True),
        Relationship("campaigns", "campaign", many=True),
        Relationship("flows", "flow", many=True),
    ),
)

_TAG_COLUMNS = (t.tag.c.tag_id.label("id"), t.tag.c.name, t.tag.c.tag_group_id)


def _tags(call: Call[Any, Any]) -> Select[Any]:
    return select(*_TAG_COLUMNS).where(t.tag.c.account_id == call.ctx.account_id)


TAG_GROUP = Resource(
    "tag-group",
    "/api/tag-groups/{id}",
    (
        Attribute("name", str),
        Attribute("exclusive", bool),
        Attribute("default", bool, lambda row: row["is_default"]),
    ),
    (Relationship("tags", "tag", many=True),),
)

_GROUP_COLUMNS = (
    t.tag_group.c.tag_group_id.label("id"),
    t.tag_group.c.name,
    t.tag_group.c.exclusive,
    t.tag_group.c.is_default,
)


def _groups(call: Call[Any, Any]) -> Select[Any]:
    return select(*_GROUP_COLUMNS).where(t.tag_group.c.account_id == call.ctx.account_id)


# --- loaders and tables -------------------------------------------------------------------------------------------


def _children(name: str, select_from: Any, parent: ColumnElement[Any], key: ColumnElement[Any]) -> Loader:
    """Return a loader of the rows, ordered by `key`, that hold their parent's key in the column `parent`.

    Where the relationship `name` is not included, only ids are read: definitions may be large.
    """

    async def load(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
        statement = select_from(call)
        if name not in (call.query.include or ()):
            statement = statement.with_only_columns(key.label("id"), maintain_column_froms=True)
        keys = [row["id"] for row in rows]
        statement = statement.add_columns(parent.label("parent_id")).where(one_of(parent, keys)).order_by(key)
        found: dict[str, list[Row]] = {}
        for row in await call.ctx.fetch(statement):
            found.setdefault(_parent_name(row), []).append(row)
        return found

    return load


def _parents(select_from: Any, key: ColumnElement[Any], key_of: Any) -> Loader:
    """Return a loader of the one row whose key each row holds."""

    async def load(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
        wanted = {key_of(row) for row in rows} - {None}
        found = {}
        if wanted:
            for row in await call.ctx.fetch(select_from(call).where(one_of(key, sorted(wanted)))):
                found[row["id"]] = row
        return {str(row["id"]): [found[key_of(row)]] for row in rows if key_of(row) in found}

    return load


def _tags_of_flows(call: Call[Any, Any]) -> Select[Any]:
    return _tags(call).join(t.tag_flow, and_(t.tag_flow.c.tag_id == t.tag.c.tag_id, _same_account(t.tag)))


def _flows_of_tags(call: Call[Any, Any]) -> Select[Any]:
    return _flows(call).join(t.tag_flow, and_(t.tag_flow.c.flow_id == t.flow.c.flow_id, _same_account(t.flow)))


def _same_account(table: Any) -> ColumnElement[bool]:
    joined: ColumnElement[bool] = t.tag_flow.c.account_id == table.c.account_id
    return joined


def _live_messages(call: Call[Any, Any]) -> Select[Any]:
    return _messages(call).where(t.flow_message.c.deleted_at.is_(None))


FLOWS = Table(
    _flows,
    t.flow.c.flow_id,
    loaders={
        "flow-actions": _children("flow-actions", _actions, t.flow_action.c.flow_id, t.flow_action.c.action_id),
        "tags": _children("tags", _tags_of_flows, t.tag_flow.c.flow_id, t.tag.c.tag_id),
    },
)
FLOW_ACTIONS = Table(
    _actions,
    t.flow_action.c.action_id,
    parse_action_id,
    loaders={
        "flow": _parents(_flows, t.flow.c.flow_id, lambda row: row["flow_id"]),
        "flow-messages": _children(
            "flow-messages", _live_messages, t.flow_message.c.action_id, t.flow_message.c.message_id
        ),
    },
)
FLOW_MESSAGES = Table(
    _messages,
    t.flow_message.c.message_id,
    loaders={
        "flow-action": _parents(_actions, t.flow_action.c.action_id, lambda row: row["action_id"]),
        "template": _parents(_templates, t.template.c.template_id, lambda row: row["template_id"]),
    },
)
LIVE_MESSAGES = Table(_live_messages, t.flow_message.c.message_id, loaders=FLOW_MESSAGES.loaders)
"""The messages of actions that still exist."""
TEMPLATES = Table(_templates, t.template.c.template_id)
TAGS = Table(
    _tags,
    t.tag.c.tag_id,
    loaders={
        "tag-group": _parents(_groups, t.tag_group.c.tag_group_id, lambda row: row["tag_group_id"]),
        "flows": _children("flows", _flows_of_tags, t.tag_flow.c.tag_id, t.flow.c.flow_id),
    },
)
TAG_GROUPS = Table(
    _groups,
    t.tag_group.c.tag_group_id,
    loaders={"tags": _children("tags", _tags, t.tag.c.tag_group_id, t.tag.c.tag_id)},
)
