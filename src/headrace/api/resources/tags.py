"""The operations on tags and tag groups.

What is here: one row per operation. What is not: tying tags to flows, lists and segments (`tag_ties`). Follows
reference 7.6 and 7.7.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import tags as commands
from headrace.api.resources.flow_tables import TAG, TAG_GROUP, TAG_GROUPS
from headrace.api.resources.tag_ties import LINKAGE, TAGS, TIES
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import Call, Operation
from headrace.jsonapi.query import Page, Sortable
from headrace.storage import tables as t

TEXT = ("contains", "ends-with", "equals", "starts-with")
TAG_FILTERS = {"name": Filterable("string", TEXT, t.tag.c.name)}
TAG_SORTS = {"id": Sortable(t.tag.c.tag_id), "name": Sortable(t.tag.c.name)}
GROUP_FILTERS = {
    "name": Filterable("string", TEXT, t.tag_group.c.name),
    "exclusive": Filterable("bool", ("equals",), t.tag_group.c.exclusive),
    "default": Filterable("bool", ("equals",), t.tag_group.c.is_default),
}
GROUP_SORTS = {"id": Sortable(t.tag_group.c.tag_group_id), "name": Sortable(t.tag_group.c.name)}
READ = ("tags:read",)
WRITE = ("tags:read", "tags:write")
ALIASES = {"tag-groups": "tag-group"}


def group_of_tag(call: Call[Any, Any], statement: Select[Any], tag_id: Any) -> Select[Any]:
    """Narrow tag groups to the one that a tag belongs to."""
    home = select(t.tag.c.tag_group_id).where(t.tag.c.tag_id == tag_id)
    return statement.where(t.tag_group.c.tag_group_id == home.scalar_subquery())


def tags_of_group(call: Call[Any, Any], statement: Select[Any], group_id: Any) -> Select[Any]:
    """Narrow tags to those of one group."""
    return statement.where(t.tag.c.tag_group_id == group_id)


TAG_ROWS = (
    Operation(
        id="get_tags",
        method="GET",
        path="/api/tags",
        shape=shapes.listing,
        tag="Tags",
        summary="List tags",
        scopes=READ,
        resource=TAG,
        table=TAGS,
        filters=TAG_FILTERS,
        sorts=TAG_SORTS,
        includes=("tag-group",),
        include_aliases=ALIASES,
        linkage=LINKAGE,
        sparse=("tag", "tag-group"),
        page=Page(),
    ),
    Operation(
        id="create_tag",
        method="POST",
        path="/api/tags",
        shape=shapes.create,
        tag="Tags",
        summary="Create a tag, in the default group unless another is named",
        scopes=WRITE,
        resource=TAG,
        table=TAGS,
        command=commands.create,
        body=commands.NewTagBody,
        linkage=LINKAGE,
        sparse=("tag",),
        status=201,
    ),
    Operation(
        id="get_tag",
        method="GET",
        path="/api/tags/{id}",
        shape=shapes.get,
        tag="Tags",
        summary="Read a tag",
        scopes=READ,
        resource=TAG,
        table=TAGS,
        includes=("tag-group",),
        include_aliases=ALIASES,
        linkage=LINKAGE,
        sparse=("tag", "tag-group"),
    ),
    Operation(
        id="update_tag",
        method="PATCH",
        path="/api/tags/{id}",
        shape=shapes.update,
        tag="Tags",
        summary="Rename a tag",
        scopes=WRITE,
        resource=TAG,
        table=TAGS,
        command=commands.rename,
        body=commands.RenameTagBody,
        status=204,
    ),
    Operation(
        id="delete_tag",
        method="DELETE",
        path="/api/tags/{id}",
        shape=shapes.delete,
        tag="Tags",
        summary="Delete a tag and its ties",
        scopes=WRITE,
        resource=TAG,
        table=TAGS,
        command=commands.delete,
        status=204,
    ),
)

GROUP_ROWS = (
    Operation(
        id="get_tag_groups",
        method="GET",
        path="/api/tag-groups",
        shape=shapes.listing,
        tag="Tags",
        summary="List tag groups",
        scopes=READ,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        filters=GROUP_FILTERS,
        sorts=GROUP_SORTS,
        linkage=("tags",),
        sparse=("tag-group",),
        page=Page(25, 25),
    ),
    Operation(
        id="create_tag_group",
        method="POST",
        path="/api/tag-groups",
        shape=shapes.create,
        tag="Tags",
        summary="Create a tag group",
        scopes=WRITE,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        command=commands.create_group,
        body=commands.NewGroupBody,
        linkage=("tags",),
        sparse=("tag-group",),
        status=201,
    ),
    Operation(
        id="get_tag_group",
        method="GET",
        path="/api/tag-groups/{id}",
        shape=shapes.get,
        tag="Tags",
        summary="Read a tag group",
        scopes=READ,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        linkage=("tags",),
        sparse=("tag-group",),
    ),
    Operation(
        id="update_tag_group",
        method="PATCH",
        path="/api/tag-groups/{id}",
        shape=shapes.update,
        tag="Tags",
        summary="Rename a tag group",
        scopes=WRITE,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        command=commands.rename_group,
        body=commands.RenameGroupBody,
        status=204,
    ),
    Operation(
        id="delete_tag_group",
        method="DELETE",
        path="/api/tag-groups/{id}",
        shape=shapes.delete,
        tag="Tags",
        summary="Delete a tag group and its tags",
        scopes=WRITE,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        command=commands.delete_group,
        status=204,
    ),
)

GROUP_TIES = (
    Operation(
        id="get_tag_group_for_tag",
        method="GET",
        path="/api/tags/{id}/tag-group",
        shape=shapes.related,
        tag="Tags",
        summary="Read the group of a tag",
        scopes=READ,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        parent=(TAG, TAGS),
        many=False,
        scope=group_of_tag,
        sparse=("tag-group",),
    ),
    Operation(
        id="get_tag_group_id_for_tag",
        method="GET",
        path="/api/tags/{id}/relationships/tag-group",
        shape=shapes.relationship,
        tag="Tags",
        summary="Read the id of the group of a tag",
        scopes=READ,
        resource=TAG_GROUP,
        table=TAG_GROUPS,
        parent=(TAG, TAGS),
        many=False,
        scope=group_of_tag,
    ),
    Operation(
        id="get_tags_for_tag_group",
        method="GET",
        path="/api/tag-groups/{id}/tags",
        shape=shapes.related,
        tag="Tags",
        summary="List the tags of a group",
        scopes=READ,
        resource=TAG,
        table=TAGS,
        parent=(TAG_GROUP, TAG_GROUPS),
        scope=tags_of_group,
        sparse=("tag",),
    ),
    Operation(
        id="get_tag_ids_for_tag_group",
        method="GET",
        path="/api/tag-groups/{id}/relationships/tags",
        shape=shapes.relationship,
        tag="Tags",
        summary="List the ids of the tags of a group",
        scopes=READ,
        resource=TAG,
        table=TAGS,
        parent=(TAG_GROUP, TAG_GROUPS),
        scope=tags_of_group,
    ),
)

OPERATIONS = (*TAG_ROWS, *TIES, *GROUP_ROWS, *GROUP_TIES)
RESOURCES = (TAG, TAG_GROUP)
