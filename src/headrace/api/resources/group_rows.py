"""What the operations on lists and on segments have in common.

What is here: filters and sort keys of both, the operations that read their members and their tags. What is not: the
other operations (`lists`, `segments`). Follows reference 7.6.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.api.resources.flow_tables import TAG, TAGS
from headrace.api.resources.group_tables import tags_of_group
from headrace.api.resources.identity_filters import BY_LINK, BY_PUSH_TOKEN
from headrace.api.resources.people import MEMBER, MEMBERS, in_group
from headrace.api.resources.profiles import EXTRA, IDENTITY
from headrace.api.resources.profiles import PAGE as MEMBER_PAGE
from headrace.jsonapi import shapes
from headrace.jsonapi.context import EMPTY
from headrace.jsonapi.filter_rules import BOUNDS, Filterable
from headrace.jsonapi.operation import L, Operation, Table, Tier
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Resource
from headrace.storage import tables as t

PAGE = Page(default=10, maximum=10)
FILTERS = {
    "name": Filterable("string", ("any", "equals"), t.profile_group.c.name),
    "id": Filterable("string", ("any", "equals"), t.profile_group.c.group_id),
    "created": Filterable("datetime", ("greater-than",), t.profile_group.c.created_at),
    "updated": Filterable("datetime", ("greater-than",), t.profile_group.c.updated_at),
}
SORTS = {
    "created": Sortable(t.profile_group.c.created_at, dated=True),
    "id": Sortable(t.profile_group.c.group_id),
    "name": Sortable(t.profile_group.c.name),
    "updated": Sortable(t.profile_group.c.updated_at, dated=True),
}
INCLUDES = ("tags", "flow-triggers")
LINKAGE = ("tags",)
"""What is shown unasked. Our choice: the flows that a group starts are looked for only where they are asked for."""

BY_PROFILE_ID = {"profile_id": Filterable("string", ("any", "equals"), t.profile.c.profile_id)}
MEMBER_FILTERS = {
    **IDENTITY,
    "push_token": BY_PUSH_TOKEN,
    "_kx": BY_LINK,
    "joined_group_at": Filterable("datetime", tuple(sorted(BOUNDS)), t.membership.c.joined_at),
}
MEMBER_SORTS = {"joined_group_at": Sortable(t.membership.c.joined_at, dated=True)}


def member_operations(
    parent: Resource,
    table: Table,
    tag: str,
    scope: str,
    filters: Mapping[str, Filterable],
    costly: Mapping[str, Tier] = EMPTY,
) -> tuple[Operation, Operation]:
    """Return the two operations that read who is in a list or segment; `scope` is that of reading the parent."""
    path, scopes = parent.path or "", tuple(sorted((scope, "profiles:read")))
    related = Operation(
        id=f"get_profiles_for_{parent.type}",
        method="GET",
        path=f"{path}/profiles",
        shape=shapes.related,
        tag=tag,
        summary=f"List the profiles in a {parent.type}",
        scopes=scopes,
        tier=L,
        costly=costly,
        resource=MEMBER,
        table=MEMBERS,
        parent=(parent, table),
        scope=in_group,
        filters=filters,
        sorts=MEMBER_SORTS,
        default_sort="joined_group_at",
        sparse=("profile",),
        additional=EXTRA,
        page=MEMBER_PAGE,
    )
    ids = Operation(
        id=f"get_profile_ids_for_{parent.type}",
        method="GET",
        path=f"{path}/relationships/profiles",
        shape=shapes.relationship,
        tag=tag,
        summary=f"List the ids of the profiles in a {parent.type}",
        scopes=scopes,
        tier=L,
        resource=MEMBER,
        table=MEMBERS,
        parent=(parent, table),
        scope=in_group,
        filters=filters,
        sorts=MEMBER_SORTS,
        default_sort="joined_group_at",
        page=MEMBER_PAGE,
    )
    return related, ids


def tag_operations(parent: Resource, table: Table, tag: str, scope: str) -> tuple[Operation, Operation]:
    """Return the two operations that read the tags of a list or segment; `scope` is that of reading the parent."""
    path, scopes = parent.path or "", tuple(sorted((scope, "tags:read")))
    related = Operation(
        id=f"get_tags_for_{parent.type}",
        method="GET",
        path=f"{path}/tags",
        shape=shapes.related,
        tag=tag,
        summary=f"List the tags of a {parent.type}",
        scopes=scopes,
        resource=TAG,
        table=TAGS,
        parent=(parent, table),
        scope=tags_of_group,
        sparse=("tag",),
    )
    ids = Operation(
        id=f"get_tag_ids_for_{parent.type}",
        method="GET",
        path=f"{path}/relationships/tags",
        shape=shapes.relationship,
        tag=tag,
        summary=f"List the ids of the tags of a {parent.type}",
        scopes=scopes,
        resource=TAG,
        table=TAGS,
        parent=(parent, table),
        scope=tags_of_group,
    )
    return related, ids
