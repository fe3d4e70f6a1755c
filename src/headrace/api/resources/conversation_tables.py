"""Conversations, of which there are none. Follows the operations' descriptions.

What is here: the resource conversation and its table, which is empty: Headrace keeps no conversations, incoming texts
are keywords or events. What is not: the operations (`conversations`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, false, literal, select

from headrace.jsonapi.operation import Call, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t

CONVERSATION = Resource(
    "conversation",
    "/api/conversations/{id}",
    (Attribute("channel", str),),
    (Relationship("profile", "profile", links=False, ids=lambda row: row["id"]),),
)


def _none(_: Call[Any, Any]) -> Select[Any]:
    return select(t.profile.c.profile_id.label("id"), literal("sms").label("channel")).where(false())


async def of_profiles(_: Call[Any, Any], __: Sequence[Row]) -> dict[str, list[Row]]:
    """Load the conversations of the profiles of a page: none."""
    return {}


CONVERSATIONS = Table(_none, t.profile.c.profile_id)
