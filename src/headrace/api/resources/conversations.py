"""The operations on a profile's conversations: nobody has one. Follows the operations' descriptions.

The answers are an empty list, or null where there could be one at most.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select

from headrace.api.resources.conversation_tables import CONVERSATION, CONVERSATIONS
from headrace.api.resources.merged_ids import following
from headrace.api.resources.people import PROFILE, PROFILES
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Call, Operation

READ = ("conversations:read", "profiles:read")
SINCE_ONE, SINCE_MANY = "2026-04-15", "2026-07-15"
"""Source: the descriptions of these revisions, and the models of the official SDK's releases before them."""


def _of_profile(_: Call[Any, Any], statement: Select[Any], __: Any) -> Select[Any]:
    return statement


_ROWS = (
    Operation(
        id="get_conversation_for_profile",
        method="GET",
        path="/api/profiles/{id}/conversation",
        shape=shapes.related,
        tag="Profiles",
        summary="Read the conversation with a profile",
        scopes=READ,
        resource=CONVERSATION,
        table=CONVERSATIONS,
        parent=(PROFILE, PROFILES),
        scope=_of_profile,
        many=False,
        sparse=("conversation",),
        since=SINCE_ONE,
    ),
    Operation(
        id="get_conversation_id_for_profile",
        method="GET",
        path="/api/profiles/{id}/relationships/conversation",
        shape=shapes.relationship,
        tag="Profiles",
        summary="Read the id of the conversation with a profile",
        scopes=READ,
        resource=CONVERSATION,
        table=CONVERSATIONS,
        parent=(PROFILE, PROFILES),
        scope=_of_profile,
        many=False,
        since=SINCE_ONE,
    ),
    Operation(
        id="get_conversations_for_profile",
        method="GET",
        path="/api/profiles/{id}/conversations",
        shape=shapes.related,
        tag="Profiles",
        summary="List the conversations with a profile",
        scopes=READ,
        resource=CONVERSATION,
        table=CONVERSATIONS,
        parent=(PROFILE, PROFILES),
        scope=_of_profile,
        sparse=("conversation",),
        since=SINCE_MANY,
    ),
    Operation(
        id="get_conversation_ids_for_profile",
        method="GET",
        path="/api/profiles/{id}/relationships/conversations",
        shape=shapes.relationship,
        tag="Profiles",
        summary="List the ids of the conversations with a profile",
        scopes=READ,
        resource=CONVERSATION,
        table=CONVERSATIONS,
        parent=(PROFILE, PROFILES),
        scope=_of_profile,
        since=SINCE_MANY,
    ),
)
OPERATIONS = tuple(following(one) for one in _ROWS)
RESOURCES = (CONVERSATION,)
