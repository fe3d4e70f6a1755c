"""What the API shows of lists and segments, and where their rows come from.

What is here: the resources list and segment with their tables and the loaders of their relationships. What is not:
their members (`people`) and the operations on them (`lists`, `segments`). Follows reference 7.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from headrace.api.resources import flow_triggers, profile_fields
from headrace.api.resources.flow_tables import TAGS
from headrace.conditions.segment_definition import SegmentDefinition
from headrace.ids import bucket_of
from headrace.jsonapi.operation import Call, Loader, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t

CREATED = Attribute("created", datetime, lambda row: row["created_at"])
UPDATED = Attribute("updated", datetime, lambda row: row["updated_at"])
PROFILE_COUNT = "profile_count"
COUNT = Attribute(PROFILE_COUNT, int, on_request=True)
RELATIONSHIPS = (
    Relationship("profiles", "profile", many=True),
    Relationship("tags", "tag", many=True),
    flow_triggers.RELATIONSHIP,
)

LIST = Resource(
    "list",
    "/api/lists/{id}",
    (Attribute("name", str), CREATED, UPDATED, Attribute("opt_in_process", str | None), COUNT),
    RELATIONSHIPS,
)

SEGMENT = Resource(
    "segment",
    "/api/segments/{id}",
    (
        Attribute("name", str),
        Attribute("definition", SegmentDefinition, subfields=("definition.condition_groups",)),
        CREATED,
        UPDATED,
        Attribute("is_active", bool),
        Attribute("is_processing", bool),
        Attribute("is_starred", bool),
        COUNT,
    ),
    RELATIONSHIPS,
)

_GROUP = t.profile_group.c
_COLUMNS = (_GROUP.group_id.label("id"), _GROUP.name, _GROUP.created_at, _GROUP.updated_at)
_LIST_COLUMNS = (*_COLUMNS, _GROUP.opt_in_process)
_SEGMENT_COLUMNS = (
    *_COLUMNS,
    _GROUP.definition,
    _GROUP.is_active,
    _GROUP.is_starred,
    and_(_GROUP.is_active, _GROUP.version != _GROUP.evaluated_version).label("is_processing"),
)

_COUNTED = (
    select(func.count())
    .select_from(t.membership)
    .where(t.membership.c.account_id == _GROUP.account_id, t.membership.c.group_id == _GROUP.group_id)
    .correlate(t.profile_group)
    .scalar_subquery()
    .label(PROFILE_COUNT)
)
"""How many people are in a group, counted where it is asked for.

It is read from one index alone, as fast as PostgreSQL counts (some million entries a second), and it is always right; a
number that is kept would be one row that every join waits for. That is why the description lets it be asked of one
group at a time, and seldom.
"""


def _lists(call: Call[Any, Any]) -> Select[Any]:
    return _counted(call, "list", _of_kind(call, "list", _LIST_COLUMNS))


def _segments(call: Call[Any, Any]) -> Select[Any]:
    return _counted(call, "segment", _of_kind(call, "segment", _SEGMENT_COLUMNS))


def _of_kind(call: Call[Any, Any], kind: str, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    return select(*columns).where(_GROUP.account_id == call.ctx.account_id, _GROUP.kind == kind)


def _counted(call: Call[Any, Any], kind: str, statement: Select[Any]) -> Select[Any]:
    asked = call.query.additional.get(kind, frozenset()) | call.query.fields.get(kind, frozenset())
    return statement.add_columns(_COUNTED) if PROFILE_COUNT in asked else statement


def of_profile(_: Call[Any, Any], statement: Select[Any], profile_id: Any) -> Select[Any]:
    """Narrow lists or segments to those that a profile is in."""
    groups = select(t.membership.c.group_id).where(
        t.membership.c.account_id == _GROUP.account_id, *profile_fields.own_bucket(t.membership, profile_id)
    )
    return statement.where(_GROUP.group_id.in_(groups))


def tags_of_group(_: Call[Any, Any], statement: Select[Any], group_id: Any) -> Select[Any]:
    """Narrow tags to those of one list or segment."""
    return statement.join(t.tag_of_group, _TAGGED).where(t.tag_of_group.c.group_id == group_id)


_TAGGED = and_(t.tag_of_group.c.tag_id == t.tag.c.tag_id, t.tag_of_group.c.account_id == t.tag.c.account_id)


async def _tags_of_groups(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    group_id = t.tag_of_group.c.group_id
    statement = TAGS.select(call).add_columns(group_id.label("parent_id")).join(t.tag_of_group, _TAGGED)
    wanted = statement.where(group_id.in_([row["id"] for row in rows])).order_by(t.tag.c.tag_id)
    return by_parent(await call.ctx.fetch(wanted))


def of_profiles(table: Table) -> Loader:
    """Return the loader of the lists, or segments, that the profiles of a page are in."""

    async def load(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
        statement = (
            table.select(call)
            .add_columns(t.membership.c.profile_id.label("parent_id"))
            .join(t.membership, t.membership.c.group_id == _GROUP.group_id)
            .where(t.membership.c.account_id == call.ctx.account_id, *_of_rows([row["id"] for row in rows]))
            .order_by(_GROUP.group_id)
        )
        return by_parent(await call.ctx.fetch(statement))

    return load


def _of_rows(profile_ids: Sequence[str]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    buckets = sorted({bucket_of(one) for one in profile_ids})
    return t.membership.c.bucket.in_(buckets), t.membership.c.profile_id.in_(profile_ids)


def by_parent(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows by their `parent_id`, in the order in which they come."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["parent_id"]), []).append(row)
    return found


LISTS = Table(
    _lists, _GROUP.group_id, loaders={"tags": _tags_of_groups, flow_triggers.NAME: flow_triggers.loader("list")}
)
SEGMENTS = Table(
    _segments, _GROUP.group_id, loaders={"tags": _tags_of_groups, flow_triggers.NAME: flow_triggers.loader("segment")}
)
