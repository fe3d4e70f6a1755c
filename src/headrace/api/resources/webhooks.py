"""The operations on webhooks that tell of events, and on the topics that they listen to.

What is here: the two resources, where their rows come from, and one row per operation. What is not: telling
(`engine.webhooks`). Follows reference 7.6 and 7.7. Our choice: the topics of a webhook have no links, because these
would lead nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, bindparam, column, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from headrace.api.commands import webhooks as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XS, Call, Operation, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t
from headrace.storage.webhook_feed import TOPIC
from headrace.storage.webhook_topics import OWN_TOPICS

READ, WRITE = ("webhooks:read",), ("webhooks:write",)
SINCE = "2024-07-15"
"""Source: the public guide of that revision is the first that calls these operations stable."""
NAME = "webhook-topics"

WEBHOOK = Resource(
    "webhook",
    "/api/webhooks/{id}",
    (
        Attribute("name", str),
        Attribute("description", str | None),
        Attribute("endpoint_url", str),
        Attribute("enabled", bool),
        Attribute("created_at", datetime),
        Attribute("updated_at", datetime),
    ),
    (Relationship(NAME, "webhook-topic", many=True, links=False, ids=lambda row: row["topics"]),),
)
TOPIC_RESOURCE = Resource("webhook-topic", "/api/webhook-topics/{id}")


def _webhooks(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's webhooks without their secrets."""
    names = ("name", "description", "endpoint_url", "enabled", "topics", "created_at", "updated_at")
    columns = (t.webhook.c.webhook_id.label("id"), *(t.webhook.c[name] for name in names))
    return select(*columns).where(t.webhook.c.account_id == call.ctx.account_id)


async def _topics_of(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    return {row["id"]: [{"id": topic} for topic in row["topics"]] for row in rows}


WEBHOOKS = Table(_webhooks, t.webhook.c.webhook_id, loaders={NAME: _topics_of})

_OFFERED = text(
    f"SELECT unnest(:own) AS id UNION SELECT {TOPIC} FROM metric m WHERE m.account_id = :account"
).bindparams(bindparam("own", list(OWN_TOPICS), type_=ARRAY(Text)))


def _topics(call: Call[Any, Any]) -> Select[Any]:
    """Return Headrace's own topics and those of the account's metrics."""
    offered = _OFFERED.bindparams(account=call.ctx.account_id).columns(column("id", Text)).subquery("offered")
    return select(column("id", Text)).select_from(offered)


TOPICS = Table(_topics, column("id", Text))

OPERATIONS = (
    Operation(
        id="get_webhooks",
        method="GET",
        path="/api/webhooks",
        shape=shapes.listing,
        tag="Webhooks",
        summary="List webhooks",
        scopes=READ,
        tier=XS,
        resource=WEBHOOK,
        table=WEBHOOKS,
        includes=(NAME,),
        sparse=("webhook", "webhook-topic"),
        since=SINCE,
    ),
    Operation(
        id="create_webhook",
        method="POST",
        path="/api/webhooks",
        shape=shapes.create,
        tag="Webhooks",
        summary="Create a webhook that is told of events",
        scopes=WRITE,
        tier=XS,
        resource=WEBHOOK,
        table=WEBHOOKS,
        command=commands.create_webhook,
        body=commands.NewWebhook,
        sparse=("webhook",),
        status=201,
        since=SINCE,
    ),
    Operation(
        id="get_webhook",
        method="GET",
        path="/api/webhooks/{id}",
        shape=shapes.get,
        tag="Webhooks",
        summary="Read a webhook",
        scopes=READ,
        tier=XS,
        resource=WEBHOOK,
        table=WEBHOOKS,
        includes=(NAME,),
        sparse=("webhook", "webhook-topic"),
        since=SINCE,
    ),
    Operation(
        id="update_webhook",
        method="PATCH",
        path="/api/webhooks/{id}",
        shape=shapes.update,
        tag="Webhooks",
        summary="Change a webhook, or switch it on or off",
        scopes=WRITE,
        tier=XS,
        resource=WEBHOOK,
        table=WEBHOOKS,
        command=commands.update_webhook,
        body=commands.ChangedWebhook,
        sparse=("webhook",),
        since=SINCE,
    ),
    Operation(
        id="delete_webhook",
        method="DELETE",
        path="/api/webhooks/{id}",
        shape=shapes.delete,
        tag="Webhooks",
        summary="Delete a webhook",
        scopes=WRITE,
        tier=XS,
        resource=WEBHOOK,
        table=WEBHOOKS,
        command=commands.delete_webhook,
        status=204,
        since=SINCE,
    ),
    Operation(
        id="get_webhook_topics",
        method="GET",
        path="/api/webhook-topics",
        shape=shapes.listing,
        tag="Webhooks",
        summary="List the topics that webhooks may listen to",
        scopes=READ,
        tier=XS,
        resource=TOPIC_RESOURCE,
        table=TOPICS,
        sparse=("webhook-topic",),
        since=SINCE,
    ),
    Operation(
        id="get_webhook_topic",
        method="GET",
        path="/api/webhook-topics/{id}",
        shape=shapes.get,
        tag="Webhooks",
        summary="Read a webhook topic",
        scopes=READ,
        tier=XS,
        resource=TOPIC_RESOURCE,
        table=TOPICS,
        sparse=("webhook-topic",),
        since=SINCE,
    ),
)
RESOURCES = (WEBHOOK, TOPIC_RESOURCE)
