"""Webhooks and their topics over the API."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, FixedClock

from headrace.clock import SystemClock
from headrace.messages.sealing import Sealer
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.webhook_queue import count_queued
from headrace.storage.webhook_topics import OWN_TOPICS
from headrace.storage.webhooks import MOST

OPENED, CLICKED = "event:klaviyo.opened_email", "event:klaviyo.clicked_email"
SECRET = "a secret of some length"


def linked(*topics: str) -> dict[str, Any]:
    """Return the relationships of a webhook."""
    return {"webhook-topics": {"data": [{"type": "webhook-topic", "id": topic} for topic in topics]}}


def new(*topics: str, **attributes: Any) -> dict[str, Any]:
    """Return the body of a new webhook."""
    given = {"name": "Mail", "endpoint_url": "https://example.com/hook", "secret_key": SECRET, **attributes}
    return {"data": {"type": "webhook", "attributes": given, "relationships": linked(*(topics or (OPENED,)))}}


def change(webhook_id: str, *topics: str, **attributes: Any) -> dict[str, Any]:
    """Return the body that changes a webhook."""
    data = {"type": "webhook", "id": webhook_id, "attributes": attributes}
    return {"data": {**data, "relationships": linked(*topics)} if topics else data}


def order(unique: object) -> dict[str, Any]:
    """Return the body of an event."""
    attributes = {
        "unique_id": f"order-{unique}",
        "properties": {"sku": "A1"},
        "value": 9.5,
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed  Order!"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": "ana@example.com"}}},
    }
    return {"data": {"type": "event", "attributes": attributes}}


async def made(api: Api, *topics: str, **attributes: Any) -> str:
    """Make a webhook and return its id."""
    answer = await api.post("/api/webhooks", new(*topics, **attributes))
    assert 201 == answer.status_code, answer.text
    webhook_id: str = answer.json()["data"]["id"]
    return webhook_id


async def refusals(api: Api, body: Any, path: str = "/api/webhooks", method: str = "POST") -> list[tuple[str, str]]:
    """Return (pointer, detail) of the errors of a request."""
    answer = await api.send(method, path, body)
    assert 400 == answer.status_code, answer.text
    return [(one["source"]["pointer"], one["detail"]) for one in answer.json()["errors"]]


async def test_a_webhook_is_made_and_its_secret_is_never_shown(api: Api) -> None:
    """It is sealed, and opens with the installation's key only."""
    answer = await api.post("/api/webhooks", new(OPENED, CLICKED, OPENED, description="Who reads"))
    assert 201 == answer.status_code
    data = answer.json()["data"]
    assert {
        "name": "Mail",
        "description": "Who reads",
        "endpoint_url": "https://example.com/hook",
        "enabled": True,
        "created_at": "2026-11-20T12:00:00+00:00",
        "updated_at": "2026-11-20T12:00:00+00:00",
    } == data["attributes"]
    assert [OPENED, CLICKED] == [one["id"] for one in data["relationships"]["webhook-topics"]["data"]]
    assert "secret" not in answer.text
    stored = await api.services.database.fetch_row("SELECT webhook_id, secret FROM webhook")
    assert stored is not None
    assert SECRET.encode() not in stored["secret"]
    assert SECRET == Sealer(api.services.signer).open(stored["secret"], stored["webhook_id"])


async def test_a_webhook_is_read_with_its_topics(api: Api) -> None:
    """As linkage always, and as whole resources where they are included."""
    webhook_id = await made(api, OPENED, CLICKED)
    found = (await api.get(f"/api/webhooks/{webhook_id}?include=webhook-topics")).json()
    path = f"/api/webhook-topics/{OPENED}"
    assert [OPENED, CLICKED] == [one["id"] for one in found["included"]]
    link = found["included"][0]["links"]["self"]
    assert 200 == (await api.get(link.removeprefix("http://headrace.test"))).status_code
    assert OPENED == (await api.get(path)).json()["data"]["id"]
    bare = (await api.get("/api/webhooks?fields[webhook]=name")).json()["data"]
    assert [{"name": "Mail"}] == [one["attributes"] for one in bare]


async def test_a_webhook_is_changed(api: Api, machine_clock: FixedClock) -> None:
    """What is not named stays; null takes the description away."""
    webhook_id = await made(api, OPENED, description="Who reads")
    path = f"/api/webhooks/{webhook_id}"
    answer = await api.patch(path, change(webhook_id, CLICKED, enabled=False, description=None, name=None))
    assert 200 == answer.status_code
    shown = answer.json()["data"]["attributes"]
    assert ("Mail", None, False) == (shown["name"], shown["description"], shown["enabled"])
    answer = await api.patch(path, change(webhook_id, name="Clicks", secret_key="another secret, long"))
    data = answer.json()["data"]
    assert [CLICKED] == [one["id"] for one in data["relationships"]["webhook-topics"]["data"]]
    sealed = await api.services.database.fetch_value("SELECT secret FROM webhook")
    assert "another secret, long" == Sealer(api.services.signer).open(sealed, webhook_id)


async def test_switching_on_and_another_address_begin_afresh(api: Api) -> None:
    """Failures are forgotten, but not by another name."""
    webhook_id, database = await made(api), api.services.database
    failing = "UPDATE webhook SET attempts = 9, failing_since = created_at, not_before = 'infinity', error = 'no'"
    state = "SELECT attempts, failing_since, not_before, error FROM webhook"
    for attributes, forgotten in (
        ({"name": "Other"}, False),
        ({"enabled": True}, True),
        ({"endpoint_url": "https://example.com/there"}, True),
        ({"secret_key": SECRET}, True),
    ):
        await database.fetch(failing)
        await api.patch(f"/api/webhooks/{webhook_id}", change(webhook_id, **attributes))
        row = await database.fetch_row(state)
        assert row is not None
        assert forgotten == (tuple(row.values()) == (0, None, None, None)), attributes


async def test_events_of_the_api_are_queued_from_then_on(api: Api) -> None:
    """And forgotten when the webhook is switched off or deleted."""
    database = api.services.database
    assert 202 == (await api.post("/api/events", order("first"))).status_code
    webhook_id = await made(api, "event:api.placed_order")
    assert 202 == (await api.post("/api/events", order(len(await database.fetch("SELECT FROM event"))))).status_code
    [row] = await database.fetch("SELECT topic, properties FROM webhook_event")
    assert ("event:api.placed_order", {"sku": "A1", "$value": 9.5}) == tuple(row.values())
    await api.patch(f"/api/webhooks/{webhook_id}", change(webhook_id, enabled=False))
    assert [] == await database.fetch("SELECT FROM webhook_event")
    await api.patch(f"/api/webhooks/{webhook_id}", change(webhook_id, enabled=True))
    assert 202 == (await api.post("/api/events", order(len(await database.fetch("SELECT FROM event"))))).status_code
    assert 204 == (await api.delete(f"/api/webhooks/{webhook_id}")).status_code
    assert [] == await database.fetch("SELECT FROM webhook_event")


async def test_topics_are_those_that_can_happen(api: Api) -> None:
    """Headrace's own, and one for each metric of the account."""
    await api.services.metrics.ids(api.account.account_id, ["Viewed Product", "購入"])
    stranger = await create_account(api.services.database, api.services.ids, Account("", "Other"), SystemClock())
    await api.services.metrics.ids(stranger.account_id, ["Sneezed"])
    listed = [one["id"] for one in (await api.get("/api/webhook-topics")).json()["data"]]
    named = await api.services.metrics.ids(api.account.account_id, ["購入"])
    assert {*OWN_TOPICS, "event:api.viewed_product", f"event:api.{named['購入']}"} == set(listed)
    assert 200 == (await api.get("/api/webhook-topics/event%3Aapi.viewed_product")).status_code
    assert 404 == (await api.get("/api/webhook-topics/event:api.sneezed")).status_code
    [(pointer, _)] = await refusals(api, new("event:api.sneezed"))
    assert "/data/relationships/webhook-topics/data/0/id" == pointer


async def test_several_mistakes_give_several_errors(api: Api) -> None:
    """An address that is not secure and topics that there are not, each by its place, with what is allowed."""
    body = new(OPENED, "event:klaviyo.sneezed", endpoint_url="http://example.com/hook")
    (url, told), (topic, offered) = await refusals(api, body)
    assert ("/data/attributes/endpoint_url", "/data/relationships/webhook-topics/data/1/id") == (url, topic)
    assert "https://" in told
    assert OPENED in offered
    webhook_id = await made(api)
    path, wrong = f"/api/webhooks/{webhook_id}", change(webhook_id, "event:klaviyo.sneezed", endpoint_url="nowhere")
    assert 2 == len(await refusals(api, wrong, path, "PATCH"))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (new(secret_key="fifteen letters"), "/data/attributes/secret_key"),
        (new(name=" "), "/data/attributes/name"),
        (new(name="x" * 256), "/data/attributes/name"),
        (new(endpoint_url="https://example.com/" + "x" * 2048), "/data/attributes/endpoint_url"),
        (new(enabled=False), "/data/attributes/enabled"),
        ({"data": {**new()["data"], "relationships": {}}}, "/data/relationships/webhook-topics"),
        ({"data": {**new()["data"], "relationships": linked()}}, "/data/relationships/webhook-topics/data"),
        ({"data": {**new()["data"], "relationships": linked(*["x"] * 501)}}, "/data/relationships/webhook-topics/data"),
    ],
)
async def test_bad_bodies_are_refused(api: Api, body: Any, pointer: str) -> None:
    """With a pointer to what is wrong."""
    assert [pointer] == [one for one, _ in await refusals(api, body)]


async def test_an_account_has_so_many_webhooks(api: Api) -> None:
    """One more is a conflict."""
    for number in range(MOST):
        await made(api, name=f"Hook {number}")
    answer = await api.post("/api/webhooks", new())
    assert (409, True) == (answer.status_code, str(MOST) in answer.text)
    assert MOST == len((await api.get("/api/webhooks")).json()["data"])


async def test_another_account_sees_no_webhook(api: Api) -> None:
    """Neither in the list nor by its id, and it cannot change or delete it."""
    webhook_id = await made(api)
    stranger = await create_account(api.services.database, api.services.ids, Account("", "Other"), SystemClock())
    other = Api(api.http, api.services, stranger, await api.another_key(["*"], stranger))
    path = f"/api/webhooks/{webhook_id}"
    assert [] == (await other.get("/api/webhooks")).json()["data"]
    answers = [
        await other.get(path),
        await other.delete(path),
        await other.patch(path, change(webhook_id, name="Mine")),
    ]
    assert [404] * 3 == [one.status_code for one in answers]
    assert "Mail" == (await api.get(path)).json()["data"]["attributes"]["name"]


async def test_keys_need_the_scope(api: Api) -> None:
    """To read or to write."""
    reader = Api(api.http, api.services, api.account, await api.another_key(["webhooks:read"]))
    assert (200, 403) == (
        (await reader.get("/api/webhooks")).status_code,
        (await reader.post("/api/webhooks", new())).status_code,
    )


async def test_older_revisions_have_no_webhooks(api: Api) -> None:
    """They came with 2024-07-15."""
    found = [(await api.get("/api/webhooks", revision=one)).status_code for one in ("2024-02-15", "2024-07-15")]
    assert [400, 200] == found


@pytest.mark.parametrize("service", ["Klaviyo!", "-klaviyo-", "KLAV\u0130YO", "klaviyo"])
async def test_no_metric_of_another_integration_has_the_topics_of_messages(api: Api, service: str) -> None:
    """Whoever listens to opened mails is told nothing that a page of the shop, or another program, made up."""
    webhook_id = await made(api, OPENED)
    body = order(1)
    body["data"]["attributes"]["metric"]["data"]["attributes"] = {"name": "Opened Email", "service": service}
    assert 202 == (await api.post("/api/events", body)).status_code
    assert 0 == await count_queued(api.services.database, api.account.account_id, webhook_id)
    topics = [one["id"] for one in (await api.get("/api/webhook-topics")).json()["data"]]
    assert topics.count(OPENED) < 2
