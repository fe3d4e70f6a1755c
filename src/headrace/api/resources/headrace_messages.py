"""Headrace's own operations on the messages that the inbox kept. Our choice: names and filters as in the public API."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from headrace.api.commands.inbox import create_link
from headrace.api.resources.profile_fields import own_bucket
from headrace.api.resources.shown_flows import InboxLinkAnswer
from headrace.ids import BUCKETS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.filters import Comparison
from headrace.jsonapi.operation import XL, Call, Operation, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource
from headrace.model import Channel
from headrace.storage.tables import inbox_message

READ = ("headrace:messages:read",)
CHANNELS = {one.send_channel: int(one) for one in Channel}
KEPT = inbox_message.c

MESSAGE = Resource(
    "headrace-message",
    "/headrace/messages/{id}",
    (
        Attribute("number", int),
        Attribute("channel", str, lambda row: Channel(row["channel"]).send_channel),
        Attribute("recipient", str),
        Attribute("subject", str | None),
        Attribute("html", str | None),
        Attribute("text", str | None),
        Attribute("headers", dict[str, Any]),
        Attribute("sent_at", datetime),
    ),
    (
        Relationship("profile", "profile", links=False, ids=lambda row: row["profile_id"]),
        Relationship("flow", "flow", links=False, ids=lambda row: row["flow_id"] or None),
        Relationship("flow-message", "flow-message", links=False, ids=lambda row: row["message_id"] or None),
    ),
    id=lambda row: str(row["delivery_id"]),
)


def _messages(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's messages.

    Where the path names one, all buckets are named too: the key begins with the bucket, which a delivery's id does not
    tell, and looking into each of them beats reading the whole account.
    """
    statement = select(inbox_message).where(KEPT.account_id == call.ctx.account_id)
    return statement.where(KEPT.bucket.in_(range(BUCKETS))) if "id" in call.path else statement


def _delivery_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _of_profile(_: Any, one: Comparison) -> Any:
    bucket, profile_id = own_bucket(inbox_message, str(one.value))
    return bucket & profile_id


MESSAGES = Table(_messages, KEPT.delivery_id, _delivery_id)

FILTERS = {
    "profile_id": Filterable("string", ("equals",), clause=_of_profile),
    "flow_id": Filterable("string", ("equals", "any"), KEPT.flow_id),
    "message_id": Filterable("string", ("equals", "any"), KEPT.message_id),
    "recipient": Filterable("string", ("equals",), KEPT.recipient),
    "channel": Filterable(
        "enum", ("equals", "any"), KEPT.channel, values=tuple(CHANNELS), convert=lambda value: CHANNELS[value]
    ),
    "sent_at": Filterable("datetime", DATE_OPERATORS, KEPT.sent_at),
    "number": Filterable("int", DATE_OPERATORS, KEPT.number),
}
SORTS = {"number": Sortable(KEPT.number), "sent_at": Sortable(KEPT.sent_at, dated=True)}

OPERATIONS = (
    Operation(
        id="get_headrace_messages",
        method="GET",
        path="/headrace/messages",
        shape=shapes.listing,
        tag="Headrace",
        summary="List the messages that the inbox kept, the newest first",
        scopes=READ,
        tier=XL,
        resource=MESSAGE,
        table=MESSAGES,
        filters=FILTERS,
        sorts=SORTS,
        default_sort="-number",
        sparse=("headrace-message",),
        page=Page(default=50, maximum=200),
    ),
    Operation(
        id="get_headrace_message",
        method="GET",
        path="/headrace/messages/{id}",
        shape=shapes.get,
        tag="Headrace",
        summary="Read a message that the inbox kept",
        scopes=READ,
        tier=XL,
        resource=MESSAGE,
        table=MESSAGES,
        sparse=("headrace-message",),
    ),
    Operation(
        id="create_inbox_link",
        method="POST",
        path="/headrace/inbox-links",
        shape=shapes.call,
        tag="Headrace",
        summary="Make a link that opens the inbox page once",
        scopes=READ,
        tier=XL,
        command=create_link,
        status=201,
        answer=InboxLinkAnswer,
    ),
)
RESOURCES = (MESSAGE,)
