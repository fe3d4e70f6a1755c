"""Making, changing and deleting webhooks that tell of events, and the bodies for it. Follows reference 7.7.

Source: the public guide to system webhooks (a secret has at least 16 characters). The secret is sealed at once and
never shown again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from headrace.api.state import State
from headrace.channels.webhook.posting import objection
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.bodies import Id, Identifier, Model
from headrace.jsonapi.operation import Call
from headrace.messages.sealing import Sealer
from headrace.storage import webhooks
from headrace.storage.webhook_topics import OWN_TOPICS, unknown_topics

ENDPOINT = "/data/attributes/endpoint_url"
TOPICS = "/data/relationships/webhook-topics/data"
MOST_TOPICS = 500

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Description = Annotated[str, StringConstraints(max_length=2000)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Secret = Annotated[str, StringConstraints(min_length=16, max_length=255)]
Topic = Identifier[Literal["webhook-topic"]]


class WebhookAttributes(Model):
    """A webhook to be made."""

    name: Name
    description: Description | None = None
    endpoint_url: Url
    secret_key: Secret


class WebhookChanges(Model):
    """What may be changed about a webhook; null leaves things as they are, but for the description."""

    name: Name | None = None
    description: Description | None = None
    endpoint_url: Url | None = None
    secret_key: Secret | None = None
    enabled: bool | None = None


class TopicLinks(Model):
    """`{data: [{type, id}, ...]}`, the topics that a webhook listens to."""

    data: list[Topic] = Field(min_length=1, max_length=MOST_TOPICS)


class WebhookRelationships(Model):
    """The relationships of a webhook that is made."""

    webhook_topics: TopicLinks = Field(alias="webhook-topics")


class ChangedRelationships(Model):
    """The relationships of a webhook that is changed."""

    webhook_topics: TopicLinks | None = Field(default=None, alias="webhook-topics")


class NewWebhookData(Model):
    """`data` of a webhook that is made."""

    type: Literal["webhook"]
    attributes: WebhookAttributes
    relationships: WebhookRelationships


class ChangedWebhookData(Model):
    """`data` of a webhook that is changed."""

    type: Literal["webhook"]
    id: Id
    attributes: WebhookChanges
    relationships: ChangedRelationships | None = None


class NewWebhook(Model):
    """The body of POST /api/webhooks."""

    data: NewWebhookData


class ChangedWebhook(Model):
    """The body of PATCH /api/webhooks/{id}."""

    data: ChangedWebhookData


async def create_webhook(call: Call[State, NewWebhook]) -> str:
    """Make a webhook, which is told of what happens from then on, and return its id."""
    state, data = call.ctx.state, call.body.data
    ids, given, now = state.services.ids, data.attributes, state.clock.now()
    topics = await _checked(call, given.endpoint_url, data.relationships.webhook_topics)
    webhook_id = ids.ulid(now)
    secret = Sealer(state.services.signer).seal(given.secret_key, webhook_id, ids)
    new = webhooks.NewWebhook(webhook_id, given.name, given.description, given.endpoint_url, secret, topics or ())
    async with state.database.transaction() as transaction:
        await webhooks.create_webhook(transaction, state.account_id, new, now)
    return webhook_id


async def update_webhook(call: Call[State, ChangedWebhook]) -> None:
    """Change what the body names."""
    state, data, webhook_id = call.ctx.state, call.body.data, call.path["id"]
    given = data.attributes
    links = data.relationships.webhook_topics if data.relationships else None
    topics = await _checked(call, given.endpoint_url, links)
    changes: dict[str, Any] = given.model_dump(include={"name", "endpoint_url", "enabled"}, exclude_none=True)
    if "description" in given.model_fields_set:
        changes["description"] = given.description
    if given.secret_key is not None:
        changes["secret"] = Sealer(state.services.signer).seal(given.secret_key, webhook_id, state.services.ids)
    if topics is not None:
        changes["topics"] = topics
    async with state.database.transaction() as transaction:
        await webhooks.change_webhook(transaction, state.account_id, webhook_id, changes, state.clock.now())


async def delete_webhook(call: Call[State, None]) -> None:
    """Delete a webhook and what it was still to be told."""
    state = call.ctx.state
    async with state.database.transaction() as transaction:
        await webhooks.delete_webhook(transaction, state.account_id, call.path["id"])


async def _checked(call: Call[State, Any], url: str | None, links: TopicLinks | None) -> list[str] | None:
    """Return the topics, each once; raises `Problems` for an address and topics that cannot be."""
    state = call.ctx.state
    problems: list[Problem] = []
    if url is not None and (told := objection(url, state.services.config.webhooks)):
        problems.append(Invalid(f'endpoint_url is "{url[:200]}"; {told}.', pointer=ENDPOINT))
    asked = [one.id for one in links.data] if links else []
    unknown = frozenset(await unknown_topics(state.database, state.account_id, asked))
    problems += [_no_topic(index, topic) for index, topic in enumerate(asked) if topic in unknown]
    if problems:
        raise Problems(problems)
    return list(dict.fromkeys(asked)) if links else None


def _no_topic(index: int, topic: str) -> Invalid:
    allowed = ", ".join(OWN_TOPICS)
    return Invalid(
        f'There is no webhook topic "{topic[:200]}"; there are those of the account\'s own metrics, which '
        f"GET /api/webhook-topics lists, and {allowed}.",
        pointer=f"{TOPICS}/{index}/id",
    )
