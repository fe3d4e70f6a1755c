"""The operations on lists and their members. Follows reference 7.6 and 7.7."""

from __future__ import annotations

from headrace.api.commands import lists as commands
from headrace.api.resources import flow_triggers
from headrace.api.resources.group_tables import LIST, LISTS
from headrace.api.resources.people import MEMBER, MEMBERS, in_group
from headrace.api.resources.profiles import EXTRA, IDENTITY
from headrace.api.resources.profiles import PAGE as MEMBER_PAGE
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import BOUNDS, Filterable
from headrace.jsonapi.operation import S_TIER, L, M, Operation, Tier
from headrace.jsonapi.query import Page, Sortable
from headrace.storage import tables as t

READ, WRITE = ("lists:read",), ("lists:write",)
BOTH_READ, BOTH_WRITE = ("lists:read", "profiles:read"), ("lists:write", "profiles:write")

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

MEMBER_FILTERS = {
    **IDENTITY,
    "joined_group_at": Filterable("datetime", tuple(sorted(BOUNDS)), t.membership.c.joined_at),
}
MEMBER_SORTS = {"joined_group_at": Sortable(t.membership.c.joined_at, dated=True)}

OPERATIONS = (
    Operation(
        id="get_lists",
        method="GET",
        path="/api/lists",
        shape=shapes.listing,
        tag="Lists",
        summary="List the lists",
        scopes=READ,
        tier=L,
        resource=LIST,
        table=LISTS,
        filters=FILTERS,
        sorts=SORTS,
        includes=(flow_triggers.NAME,),
        sparse=("list", "flow"),
        page=Page(default=10, maximum=10),
    ),
    Operation(
        id="create_list",
        method="POST",
        path="/api/lists",
        shape=shapes.create,
        tag="Lists",
        summary="Make a list",
        scopes=WRITE,
        tier=Tier(10, 150, 150),
        resource=LIST,
        table=LISTS,
        command=commands.create_list,
        body=commands.NewList,
        sparse=("list",),
        status=201,
    ),
    Operation(
        id="get_list",
        method="GET",
        path="/api/lists/{id}",
        shape=shapes.get,
        tag="Lists",
        summary="Read a list",
        scopes=READ,
        tier=L,
        resource=LIST,
        table=LISTS,
        includes=(flow_triggers.NAME,),
        sparse=("list", "flow"),
        additional={"list": ("profile_count",)},
    ),
    Operation(
        id="update_list",
        method="PATCH",
        path="/api/lists/{id}",
        shape=shapes.update,
        tag="Lists",
        summary="Change a list",
        scopes=WRITE,
        tier=M,
        resource=LIST,
        table=LISTS,
        command=commands.update_list,
        body=commands.ChangedList,
        sparse=("list",),
    ),
    Operation(
        id="delete_list",
        method="DELETE",
        path="/api/lists/{id}",
        shape=shapes.delete,
        tag="Lists",
        summary="Delete a list",
        scopes=WRITE,
        tier=M,
        resource=LIST,
        table=LISTS,
        command=commands.delete_list,
        status=204,
    ),
    Operation(
        id="get_profiles_for_list",
        method="GET",
        path="/api/lists/{id}/profiles",
        shape=shapes.related,
        tag="Lists",
        summary="List the profiles on a list",
        scopes=BOTH_READ,
        tier=L,
        resource=MEMBER,
        table=MEMBERS,
        parent=(LIST, LISTS),
        scope=in_group,
        filters=MEMBER_FILTERS,
        sorts=MEMBER_SORTS,
        default_sort="joined_group_at",
        sparse=("profile",),
        additional=EXTRA,
        page=MEMBER_PAGE,
    ),
    Operation(
        id="get_profile_ids_for_list",
        method="GET",
        path="/api/lists/{id}/relationships/profiles",
        shape=shapes.relationship,
        tag="Lists",
        summary="List the ids of the profiles on a list",
        scopes=BOTH_READ,
        tier=L,
        resource=MEMBER,
        table=MEMBERS,
        parent=(LIST, LISTS),
        scope=in_group,
        filters=MEMBER_FILTERS,
        sorts=MEMBER_SORTS,
        default_sort="joined_group_at",
        page=MEMBER_PAGE,
    ),
    Operation(
        id="add_profiles_to_list",
        method="POST",
        path="/api/lists/{id}/relationships/profiles",
        shape=shapes.change_relationship,
        tag="Lists",
        summary="Put profiles on a list",
        scopes=BOTH_WRITE,
        tier=M,
        parent=(LIST, LISTS),
        command=commands.add_members,
        body=commands.Members,
        status=204,
    ),
    Operation(
        id="remove_profiles_from_list",
        method="DELETE",
        path="/api/lists/{id}/relationships/profiles",
        shape=shapes.change_relationship,
        tag="Lists",
        summary="Take profiles off a list",
        scopes=BOTH_WRITE,
        tier=M,
        parent=(LIST, LISTS),
        command=commands.remove_members,
        body=commands.Members,
        status=204,
    ),
    *flow_triggers.operations(LIST, LISTS, "Lists", "lists:read", S_TIER),
)
RESOURCES = (LIST,)
