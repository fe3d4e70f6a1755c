"""Headrace's own operations on messages under review. Our choice: names and filters as in the public API."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from headrace.api.commands import review as commands
from headrace.api.resources.profile_fields import own_bucket
from headrace.ids import BUCKETS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.filters import Comparison
from headrace.jsonapi.operation import XL, Call, Operation, Shown, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource
from headrace.model import Channel, DeliveryState
from headrace.storage.tables import delivery

READ = ("headrace:review:read",)
WRITE = ("headrace:review:write",)
CHANNELS = {one.send_channel: int(one) for one in Channel}
WAITING = delivery.c

MESSAGE = Resource(
    "headrace-review-message",
    "/headrace/review-messages/{id}",
    (
        Attribute("channel", str, lambda row: Channel(row["channel"]).send_channel),
        Attribute("variation", str | None, lambda row: row["variation"] or None),
        Attribute("queued_at", datetime, description="When the person reached the message."),
    ),
    (
        Relationship("profile", "profile", links=False, ids=lambda row: row["profile_id"]),
        Relationship("flow", "flow", links=False, ids=lambda row: row["flow_id"]),
        Relationship("flow-action", "flow-action", links=False, ids=lambda row: str(row["action_id"])),
        Relationship("flow-message", "flow-message", links=False, ids=lambda row: row["message_id"]),
    ),
    id=lambda row: str(row["delivery_id"]),
)

DECISION = Resource(
    commands.TYPE,
    None,
    (
        Attribute("released", int, description="Messages that are on their way."),
        Attribute("held", int, description="Those among them that wait for the end of quiet hours."),
        Attribute("skipped", dict[str, int], description="Messages that do not go out, by reason."),
        Attribute("canceled", int),
        Attribute("unknown", int, description="Named messages that were not under review."),
        Attribute("remaining", bool, description="Whether more were meant; ask again to go on."),
    ),
)

COUNT = Resource(commands.COUNT_TYPE, None, (Attribute("flow_id", str), Attribute("messages", int)))


def _messages(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's messages under review; a look for one names all buckets, for its id tells none."""
    own = (WAITING.account_id == call.ctx.account_id, WAITING.state == int(DeliveryState.REVIEW))
    statement = select(delivery).where(*own)
    return statement.where(WAITING.bucket.in_(range(BUCKETS))) if "id" in call.path else statement


def _delivery_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _action_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("it must be an action's id, which is a number in quotes")
    return int(text)


def _of_profile(_: Any, one: Comparison) -> Any:
    bucket, profile_id = own_bucket(delivery, str(one.value))
    return bucket & profile_id


MESSAGES = Table(_messages, WAITING.delivery_id, _delivery_id)

FILTERS = {
    "flow_id": Filterable("string", ("equals", "any"), WAITING.flow_id),
    "action_id": Filterable("string", ("equals", "any"), WAITING.action_id, convert=_action_id),
    "message_id": Filterable("string", ("equals", "any"), WAITING.message_id),
    "profile_id": Filterable("string", ("equals",), clause=_of_profile),
    "channel": Filterable(
        "enum", ("equals", "any"), WAITING.channel, values=tuple(CHANNELS), convert=lambda value: CHANNELS[value]
    ),
    "queued_at": Filterable("datetime", DATE_OPERATORS, WAITING.queued_at),
}

OPERATIONS = (
    Operation(
        id="get_headrace_review_messages",
        method="GET",
        path="/headrace/review-messages",
        shape=shapes.listing,
        tag="Headrace",
        summary="List the messages under review, the oldest first",
        scopes=READ,
        tier=XL,
        resource=MESSAGE,
        table=MESSAGES,
        filters=FILTERS,
        sorts={"queued_at": Sortable(WAITING.queued_at, dated=True)},
        default_sort="queued_at",
        sparse=("headrace-review-message",),
        page=Page(default=50, maximum=200),
    ),
    Operation(
        id="get_headrace_review_counts",
        method="GET",
        path="/headrace/review-counts",
        shape=shapes.call,
        tag="Headrace",
        summary="Count the messages under review of each action",
        scopes=READ,
        tier=XL,
        command=commands.counts,
        answer=Shown(commands.COUNT_TYPE, many=True),
    ),
    Operation(
        id="get_headrace_review_message",
        method="GET",
        path="/headrace/review-messages/{id}",
        shape=shapes.get,
        tag="Headrace",
        summary="Read a message under review",
        scopes=READ,
        tier=XL,
        resource=MESSAGE,
        table=MESSAGES,
        sparse=("headrace-review-message",),
    ),
    Operation(
        id="release_headrace_review_messages",
        method="POST",
        path="/headrace/review-messages/release",
        shape=shapes.call,
        tag="Headrace",
        summary="Send messages under review, as far as they pass every check now",
        scopes=WRITE,
        tier=XL,
        resource=DECISION,
        command=commands.release,
        body=commands.NewDecision,
    ),
    Operation(
        id="cancel_headrace_review_messages",
        method="POST",
        path="/headrace/review-messages/cancel",
        shape=shapes.call,
        tag="Headrace",
        summary="Take messages out of the review queue for good",
        scopes=WRITE,
        tier=XL,
        resource=DECISION,
        command=commands.cancel,
        body=commands.NewDecision,
    ),
)
RESOURCES = (MESSAGE, DECISION, COUNT)
