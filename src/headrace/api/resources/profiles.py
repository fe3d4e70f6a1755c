"""The operations on profiles. Follows reference 7.2, 7.6 and 7.7."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, select

from headrace.api.commands import profile_bodies
from headrace.api.commands import profiles as commands
from headrace.api.commands.values import e164
from headrace.api.resources import suppression_filters
from headrace.api.resources.group_tables import LIST, LISTS, SEGMENT, SEGMENTS, of_profile
from headrace.api.resources.identity_filters import BY_LINK
from headrace.api.resources.merged_ids import following
from headrace.api.resources.people import ASKED, PROFILE, PROFILES
from headrace.ids import identifier_bucket
from headrace.jsonapi import shapes
from headrace.jsonapi.context import Context
from headrace.jsonapi.document import single
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.filters import Comparison
from headrace.jsonapi.operation import XS, Call, L, M, Operation, Reply
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.shapes.loading import one_row, run
from headrace.storage import tables as t
from headrace.storage.identity import Kind, normal_email

MAX_BODY = 100 * 1024
"""Source: the operations' descriptions."""

EXTRA = {"profile": ("subscriptions", "predictive_analytics")}
PAGE = Page(default=20, maximum=100)
READ, WRITE = ("profiles:read",), ("profiles:write",)


def by_identifier(kind: Kind) -> Filterable:
    """Return the filter of an identifier, answered by the table in which it is unique."""

    def clause(context: Any, one: Comparison) -> ColumnElement[bool]:
        return t.profile.c.profile_id.in_(_owners(context, kind, one))

    return Filterable("string", ("any", "equals"), clause=clause, convert=_CONVERT.get(kind))


def _owners(context: Context[Any], kind: Kind, one: Comparison) -> Any:
    values = list(one.value) if isinstance(one.value, tuple) else [one.value]
    row = t.identifier.c
    return select(row.profile_id).where(
        row.bucket.in_(sorted({identifier_bucket(context.account_id, kind, str(value)) for value in values})),
        row.account_id == context.account_id,
        row.kind == int(kind),
        row.value.in_(values),
    )


def _normal(value: Any) -> str:
    return normal_email(str(value)) or ""


def _number(value: Any) -> str:
    """Return a phone number as it is stored; what is none finds nobody."""
    try:
        return e164(str(value))
    except ValueError:
        return str(value)


_CONVERT = {Kind.EMAIL: _normal, Kind.PHONE: _number}


def _with_ties(column: ColumnElement[Any]) -> Filterable:
    return Filterable("datetime", ("greater-than", "less-than"), column)


IDENTITY = {"email": by_identifier(Kind.EMAIL), "phone_number": by_identifier(Kind.PHONE)}

LISTED = replace(PROFILES, select=lambda call: suppression_filters.suppressed(PROFILES.select(call), call.query.filter))

FILTERS = {
    "id": Filterable("string", ("any", "equals"), t.profile.c.profile_id),
    **IDENTITY,
    "external_id": by_identifier(Kind.EXTERNAL),
    "_kx": BY_LINK,
    "created": _with_ties(t.profile.c.created_at),
    "updated": _with_ties(t.profile.c.updated_at),
    **suppression_filters.FILTERS,
}

SORTS = {
    "created": Sortable(t.profile.c.created_at, dated=True),
    "email": Sortable(t.profile.c.email),
    "id": Sortable(t.profile.c.profile_id),
    "updated": Sortable(t.profile.c.updated_at, dated=True),
    **suppression_filters.SORTS,
}


async def upsert(call: Call[Any, Any]) -> Reply:
    """The shape of POST /api/profile-import: 201 for a profile that was made, 200 for one that was changed."""
    written = await run(call)
    row = await one_row(call, PROFILE, PROFILES, written.profile_id)
    return Reply(201 if written.is_new else 200, single(call, row, {}))


_ROWS = (
    Operation(
        id="get_profiles",
        method="GET",
        path="/api/profiles",
        shape=shapes.listing,
        tag="Profiles",
        summary="List profiles",
        scopes=READ,
        tier=L,
        costly={"additional-fields[profile]=predictive_analytics": M},
        resource=ASKED,
        table=LISTED,
        filters=FILTERS,
        sorts=SORTS,
        includes=("conversations", "push-tokens"),
        sparse=("profile", "push-token", "conversation"),
        additional=EXTRA,
        page=PAGE,
    ),
    Operation(
        id="create_profile",
        method="POST",
        path="/api/profiles",
        shape=shapes.create,
        tag="Profiles",
        summary="Make a profile",
        scopes=WRITE,
        tier=L,
        resource=PROFILE,
        table=PROFILES,
        command=commands.create_profile,
        body=profile_bodies.NewProfile,
        sparse=("profile",),
        additional=EXTRA,
        status=201,
        max_body=MAX_BODY,
    ),
    Operation(
        id="get_profile",
        method="GET",
        path="/api/profiles/{id}",
        shape=shapes.get,
        tag="Profiles",
        summary="Read a profile",
        scopes=READ,
        tier=L,
        costly={"include=lists": XS, "include=segments": XS},
        resource=ASKED,
        table=PROFILES,
        includes=("conversations", "lists", "push-tokens", "segments"),
        sparse=("profile", "list", "segment", "push-token", "conversation"),
        additional=EXTRA,
    ),
    Operation(
        id="update_profile",
        method="PATCH",
        path="/api/profiles/{id}",
        shape=shapes.update,
        tag="Profiles",
        summary="Change a profile",
        scopes=WRITE,
        tier=L,
        resource=PROFILE,
        table=PROFILES,
        command=commands.update_profile,
        body=profile_bodies.ChangedProfile,
        sparse=("profile",),
        additional=EXTRA,
        max_body=MAX_BODY,
    ),
    Operation(
        id="create_or_update_profile",
        method="POST",
        path="/api/profile-import",
        shape=upsert,
        tag="Profiles",
        summary="Make a profile or change the one that exists",
        scopes=WRITE,
        tier=L,
        resource=PROFILE,
        table=PROFILES,
        command=commands.import_profile,
        body=profile_bodies.ProfileImport,
        sparse=("profile",),
        additional=EXTRA,
        status=201,
        statuses=(200,),
        max_body=MAX_BODY,
    ),
    Operation(
        id="get_lists_for_profile",
        method="GET",
        path="/api/profiles/{id}/lists",
        shape=shapes.related,
        tag="Profiles",
        summary="List the lists that a profile is on",
        scopes=("lists:read", "profiles:read"),
        resource=LIST,
        table=LISTS,
        parent=(PROFILE, PROFILES),
        scope=of_profile,
        sparse=("list",),
    ),
    Operation(
        id="get_list_ids_for_profile",
        method="GET",
        path="/api/profiles/{id}/relationships/lists",
        shape=shapes.relationship,
        tag="Profiles",
        summary="List the ids of the lists that a profile is on",
        scopes=("lists:read", "profiles:read"),
        resource=LIST,
        table=LISTS,
        parent=(PROFILE, PROFILES),
        scope=of_profile,
    ),
    Operation(
        id="get_segments_for_profile",
        method="GET",
        path="/api/profiles/{id}/segments",
        shape=shapes.related,
        tag="Profiles",
        summary="List the segments that a profile is in",
        scopes=("profiles:read", "segments:read"),
        resource=SEGMENT,
        table=SEGMENTS,
        parent=(PROFILE, PROFILES),
        scope=of_profile,
        sparse=("segment",),
    ),
    Operation(
        id="get_segment_ids_for_profile",
        method="GET",
        path="/api/profiles/{id}/relationships/segments",
        shape=shapes.relationship,
        tag="Profiles",
        summary="List the ids of the segments that a profile is in",
        scopes=("profiles:read", "segments:read"),
        resource=SEGMENT,
        table=SEGMENTS,
        parent=(PROFILE, PROFILES),
        scope=of_profile,
    ),
)
OPERATIONS = tuple(following(one) for one in _ROWS)
RESOURCES = (PROFILE,)
