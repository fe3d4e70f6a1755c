"""The operations on push tokens. Follows the operations' descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import push_tokens as commands
from headrace.api.resources import profile_fields
from headrace.api.resources.merged_ids import following
from headrace.api.resources.people import PROFILE, PROFILES
from headrace.api.resources.push_token_tables import KEY, PUSH_TOKEN, STATUS, TOKENS
from headrace.ids import bucket_of
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import Call, L, M, Operation
from headrace.jsonapi.query import Page
from headrace.jsonapi.resource import Row
from headrace.storage import tables as t
from headrace.storage.push_tokens import PLATFORMS, STATUSES, id_in

READ = ("profiles:read", "push-tokens:read")
MAX_BODY = 100 * 1024
"""Source: the operation's description."""
SINCE = "2025-04-15"
"""Reading and deleting. Source: the models of the official SDK's releases."""
EXTRA = {"profile": ("subscriptions", "predictive_analytics")}


async def _owners(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Load the profiles of the tokens of a page."""
    people = {row["profile_id"] for row in rows}
    key = t.profile.c
    statement = PROFILES.select(call).where(
        key.bucket.in_(sorted({bucket_of(one) for one in people})), key.profile_id.in_(people)
    )
    found = {one["id"]: one for one in await call.ctx.fetch(statement)} if people else {}
    return {str(row["id"]): [found[row["profile_id"]]] for row in rows if row["profile_id"] in found}


def _of_profile(_: Call[Any, Any], statement: Select[Any], profile_id: Any) -> Select[Any]:
    return statement.where(*profile_fields.own_bucket(t.push_token, profile_id))


def _of_token(call: Call[Any, Any], statement: Select[Any], key: Any) -> Select[Any]:
    owner = select(t.push_token.c.profile_id).where(t.push_token.c.account_id == call.ctx.account_id, key == KEY)
    return statement.where(t.profile.c.profile_id.in_(owner))


TABLE = replace(TOKENS, loaders={"profile": _owners})

FILTERS = {
    "id": Filterable("string", ("equals",), KEY, convert=id_in),
    "profile.id": Filterable("string", ("equals",), t.push_token.c.profile_id),
    "enablement_status": Filterable("enum", ("equals",), STATUS, values=STATUSES),
    "platform": Filterable("enum", ("equals",), t.push_token.c.platform, values=PLATFORMS),
}

_ROWS = (
    Operation(
        id="get_push_tokens",
        method="GET",
        path="/api/push-tokens",
        shape=shapes.listing,
        tag="Profiles",
        summary="List the push tokens",
        scopes=READ,
        tier=M,
        resource=PUSH_TOKEN,
        table=TABLE,
        filters=FILTERS,
        includes=("profile",),
        sparse=("push-token", "profile"),
        page=Page(default=20, maximum=100),
        since=SINCE,
    ),
    Operation(
        id="create_push_token",
        method="POST",
        path="/api/push-tokens",
        shape=shapes.call,
        tag="Profiles",
        summary="Make or change a push token",
        scopes=("profiles:write", "push-tokens:write"),
        tier=L,
        command=commands.create_push_token,
        body=commands.NewToken,
        status=202,
        max_body=MAX_BODY,
    ),
    Operation(
        id="get_push_token",
        method="GET",
        path="/api/push-tokens/{id}",
        shape=shapes.get,
        tag="Profiles",
        summary="Read a push token",
        scopes=READ,
        tier=M,
        resource=PUSH_TOKEN,
        table=TABLE,
        includes=("profile",),
        sparse=("push-token", "profile"),
        since=SINCE,
    ),
    Operation(
        id="delete_push_token",
        method="DELETE",
        path="/api/push-tokens/{id}",
        shape=shapes.delete,
        tag="Profiles",
        summary="Delete a push token",
        scopes=("push-tokens:write",),
        resource=PUSH_TOKEN,
        table=TABLE,
        command=commands.delete_push_token,
        status=204,
        since=SINCE,
    ),
    Operation(
        id="get_push_tokens_for_profile",
        method="GET",
        path="/api/profiles/{id}/push-tokens",
        shape=shapes.related,
        tag="Profiles",
        summary="List the push tokens of a profile",
        scopes=("profiles:read",),
        tier=M,
        resource=PUSH_TOKEN,
        table=TABLE,
        parent=(PROFILE, PROFILES),
        scope=_of_profile,
        sparse=("push-token",),
        since=SINCE,
    ),
    Operation(
        id="get_push_token_ids_for_profile",
        method="GET",
        path="/api/profiles/{id}/relationships/push-tokens",
        shape=shapes.relationship,
        tag="Profiles",
        summary="List the ids of the push tokens of a profile",
        scopes=("profiles:read",),
        tier=M,
        resource=PUSH_TOKEN,
        table=TABLE,
        parent=(PROFILE, PROFILES),
        scope=_of_profile,
        since=SINCE,
    ),
    Operation(
        id="get_profile_for_push_token",
        method="GET",
        path="/api/push-tokens/{id}/profile",
        shape=shapes.related,
        tag="Profiles",
        summary="Read the profile that a push token belongs to",
        scopes=READ,
        tier=M,
        resource=PROFILE,
        table=PROFILES,
        parent=(PUSH_TOKEN, TABLE),
        scope=_of_token,
        many=False,
        sparse=("profile",),
        additional=EXTRA,
        since=SINCE,
    ),
    Operation(
        id="get_profile_id_for_push_token",
        method="GET",
        path="/api/push-tokens/{id}/relationships/profile",
        shape=shapes.relationship,
        tag="Profiles",
        summary="Read the id of the profile that a push token belongs to",
        scopes=READ,
        tier=M,
        resource=PROFILE,
        table=PROFILES,
        parent=(PUSH_TOKEN, TABLE),
        scope=_of_token,
        many=False,
        since=SINCE,
    ),
)
OPERATIONS = tuple(following(one) if one.path.startswith("/api/profiles/") else one for one in _ROWS)
RESOURCES = (PUSH_TOKEN,)
