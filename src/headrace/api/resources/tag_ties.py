"""What holds a tag: flows, lists and segments; the operations that tie and untie them.

What is here: one row per operation, made alike for the three kinds, and the tags with the loaders of all of them. What
is not: tags and tag groups themselves (`tags`). Follows reference 7.6 and 7.7. Campaigns, of which there are none, have
a module of their own (`campaigns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select, and_

from headrace.api.commands import tags as commands
from headrace.api.resources.flow_tables import FLOW, FLOWS, TAG
from headrace.api.resources.flow_tables import TAGS as TAGS_OF_FLOWS
from headrace.api.resources.group_tables import LIST, LISTS, SEGMENT, SEGMENTS, by_parent
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Call, Loader, Operation, Table
from headrace.jsonapi.resource import Resource, Row
from headrace.storage import tables as t
from headrace.storage import tag_ties

LINKAGE = ("lists", "segments", "campaigns", "flows")

_FLOW = and_(t.tag_flow.c.flow_id == t.flow.c.flow_id, t.tag_flow.c.account_id == t.flow.c.account_id)
_GROUP = and_(
    t.tag_of_group.c.group_id == t.profile_group.c.group_id,
    t.tag_of_group.c.account_id == t.profile_group.c.account_id,
)


def flows_of_tag(_: Call[Any, Any], statement: Select[Any], tag_id: Any) -> Select[Any]:
    """Narrow flows to those that hold a tag."""
    return statement.join(t.tag_flow, _FLOW).where(t.tag_flow.c.tag_id == tag_id)


def groups_of_tag(_: Call[Any, Any], statement: Select[Any], tag_id: Any) -> Select[Any]:
    """Narrow lists or segments to those that hold a tag."""
    return statement.join(t.tag_of_group, _GROUP).where(t.tag_of_group.c.tag_id == tag_id)


def _groups_of_tags(table: Table) -> Loader:
    """Return the loader of the lists, or segments, that the tags of a page are tied to: their ids, no more is shown."""

    async def load(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
        tag_id = t.tag_of_group.c.tag_id
        ids = table.select(call).with_only_columns(table.key.label("id"), tag_id.label("parent_id"))
        statement = ids.join(t.tag_of_group, _GROUP).where(tag_id.in_([row["id"] for row in rows]))
        return by_parent(await call.ctx.fetch(statement.order_by(table.key)))

    return load


async def _no_campaigns(_: Call[Any, Any], __: Sequence[Row]) -> dict[str, list[Row]]:
    return {}


TAGS = replace(
    TAGS_OF_FLOWS,
    loaders={
        **TAGS_OF_FLOWS.loaders,
        "lists": _groups_of_tags(LISTS),
        "segments": _groups_of_tags(SEGMENTS),
        "campaigns": _no_campaigns,
    },
)
"""Tags with all that holds them."""


@dataclass(frozen=True, slots=True)
class _Holder:
    """A kind of thing that holds tags: as the API shows it, as storage ties it, and the body that names some."""

    resource: Resource
    table: Table
    scope: Any
    kind: tag_ties.Taggable
    body: type[BaseModel]


def _ties(holder: _Holder) -> tuple[Operation, Operation, Operation]:
    name = holder.resource.type
    many, path = f"{name}s", f"/api/tags/{{id}}/relationships/{name}s"
    read = Operation(
        id=f"get_{name}_ids_for_tag",
        method="GET",
        path=path,
        shape=shapes.relationship,
        tag="Tags",
        summary=f"List the ids of the {many} that hold a tag",
        scopes=(f"{many}:read", "tags:read"),
        resource=holder.resource,
        table=holder.table,
        parent=(TAG, TAGS),
        scope=holder.scope,
    )
    tie = Operation(
        id=f"tag_{many}",
        method="POST",
        path=path,
        shape=shapes.change_relationship,
        tag="Tags",
        summary=f"Tie a tag to {many}",
        scopes=(f"{many}:write", "tags:write"),
        resource=holder.resource,
        table=holder.table,
        parent=(TAG, TAGS),
        command=commands.tie_to(holder.kind),
        body=holder.body,
        status=204,
    )
    untie = replace(
        tie,
        id=f"remove_tag_from_{many}",
        method="DELETE",
        summary=f"Untie a tag from {many}",
        command=commands.untie_from(holder.kind),
    )
    return read, tie, untie


TIES = (
    *_ties(_Holder(FLOW, FLOWS, flows_of_tag, tag_ties.FLOW, commands.FlowsBody)),
    *_ties(_Holder(LIST, LISTS, groups_of_tag, tag_ties.LIST, commands.ListsBody)),
    *_ties(_Holder(SEGMENT, SEGMENTS, groups_of_tag, tag_ties.SEGMENT, commands.SegmentsBody)),
)
