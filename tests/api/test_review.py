"""Headrace's own operations on messages under review."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from api_client import Api

from engine_shop import EngineShop, definition, email
from headrace.model import Channel

QUEUE = "/headrace/review-messages"


@dataclass(frozen=True)
class Desk:
    """A shop with one message to each of two people under review, and a client of its account."""

    shop: EngineShop
    api: Api
    flow_id: str

    async def queue(self, query: str = "") -> list[dict[str, Any]]:
        """Return the messages under review that a query finds."""
        answer = await self.api.get(f"{QUEUE}{query}")
        assert 200 == answer.status_code, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def decide(self, what: str, **choice: Any) -> dict[str, Any]:
        """Release or cancel messages and return what became of them."""
        answer = await self.api.post(f"{QUEUE}/{what}", body(**choice))
        assert 200 == answer.status_code, answer.text
        attributes: dict[str, Any] = answer.json()["data"]["attributes"]
        return attributes


def body(**choice: Any) -> dict[str, Any]:
    """Return the body of a decision."""
    return {"data": {"type": "headrace-review-decision", "attributes": choice}}


def became(**counts: Any) -> dict[str, Any]:
    """Return the attributes of a decision."""
    nothing = {"released": 0, "held": 0, "skipped": {}, "canceled": 0, "unknown": 0, "remaining": False}
    return {**nothing, **counts}


@pytest.fixture
async def desk(api: Api) -> Desk:
    """A desk over the application."""
    shop = await EngineShop.open(api.services.database)
    metric = await shop.metric("Checkout Started")
    flow_id = await shop.flow(definition(metric, email("mail", await shop.template())), "manual")
    await shop.events("Checkout Started", ["ana", "ben"])
    await shop.drain()
    return Desk(shop, replace(api, account=shop.account, key=await api.another_key(["*"], shop.account)), flow_id)


async def test_the_queue_shows_whom_and_what(desk: Desk) -> None:
    """A row names the person, the flow, its action and message, the channel and when they came to it."""
    (first, _) = await desk.queue()
    (row, _) = await desk.shop.deliveries()

    assert "email" == first["attributes"]["channel"]
    assert "2026-03-02T10:00:00+00:00" == first["attributes"]["queued_at"]
    related = {name: one["data"]["id"] for name, one in first["relationships"].items()}
    assert {row["profile_id"] for row in await desk.shop.deliveries()} >= {related["profile"]}
    assert (desk.flow_id, str(row["action_id"]), row["message_id"]) == tuple(
        related[name] for name in ("flow", "flow-action", "flow-message")
    )
    answer = await desk.api.get(f"{QUEUE}/{first['id']}")
    assert first["id"] == answer.json()["data"]["id"]


async def test_the_queue_is_filtered(desk: Desk) -> None:
    """By flow, action and person."""
    (row, _) = await desk.shop.deliveries()
    ana = desk.shop.people["ana"]

    assert 2 == len(await desk.queue(f"?filter=equals(flow_id,'{desk.flow_id}')"))
    assert [] == await desk.queue("?filter=equals(flow_id,'ABCDEF')")
    assert 2 == len(await desk.queue(f"?filter=equals(action_id,'{row['action_id']}')"))
    (only,) = await desk.queue(f"?filter=equals(profile_id,'{ana}')")
    assert ana == only["relationships"]["profile"]["data"]["id"]


async def test_a_flows_messages_are_released(desk: Desk) -> None:
    """All of them, once; then the queue is empty and people have their mail."""
    assert became(released=2) == await desk.decide("release", flow_id=desk.flow_id)
    assert became() == await desk.decide("release", flow_id=desk.flow_id)
    assert [] == await desk.queue()
    await desk.shop.drain()
    assert ["ana", "ben"] == sorted(person for person, _ in await desk.shop.sent())


async def test_one_message_is_released_and_the_other_canceled(desk: Desk) -> None:
    """Ids name messages; one that is not under review is counted as unknown."""
    first, second = [one["id"] for one in await desk.queue()]

    assert became(released=1, unknown=1) == await desk.decide("release", ids=[first, str(UUID(int=7))])
    assert became(canceled=1) == await desk.decide("cancel", ids=[second])
    await desk.shop.drain()
    assert 1 == len(await desk.shop.sent())


async def test_skips_are_told_by_reason(desk: Desk) -> None:
    """Who unsubscribed meanwhile is counted by the reason."""
    await desk.shop.consent("ana", Channel.EMAIL, "UNSUBSCRIBED")
    decided = await desk.decide("release", flow_id=desk.flow_id)

    assert became(released=1, skipped={"Person Suppressed": 1}) == decided


async def test_the_queue_is_counted_by_action(desk: Desk) -> None:
    """One row for each action with messages under review."""
    (row, _) = await desk.shop.deliveries()
    answer = await desk.api.get("/headrace/review-counts")

    attributes = {"flow_id": desk.flow_id, "messages": 2}
    counted = {"type": "headrace-review-count", "id": str(row["action_id"]), "attributes": attributes}
    assert [counted] == answer.json()["data"]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({}, "either ids or flow_id and action_id must be given"),
        ({"ids": [str(UUID(int=1))], "flow_id": "ABCDEF"}, "either ids or flow_id and action_id must be given"),
        ({"ids": []}, "ids"),
        ({"ids": ["seven"]}, "seven"),
        ({"action_id": "seven"}, "action_id"),
    ],
)
async def test_a_choice_must_be_clear(api: Api, choice: dict[str, Any], told: str) -> None:
    """Nothing is released by a request that does not say what it means."""
    answer = await api.post(f"{QUEUE}/release", body(**choice))

    assert 400 == answer.status_code
    error = answer.json()["errors"][0]
    assert told in f"{error['detail']} {error['source']}"


@pytest.mark.parametrize("query", ["?filter=equals(action_id,'seven')", "?filter=equals(state,6)"])
async def test_a_wrong_filter_is_refused(api: Api, query: str) -> None:
    """Filters are checked like those of the public API."""
    answer = await api.get(f"{QUEUE}{query}")

    assert 400 == answer.status_code


async def test_another_account_sees_and_releases_nothing(desk: Desk, api: Api) -> None:
    """The queue is the caller's own."""
    ids = [one["id"] for one in await desk.queue()]

    assert [] == (await api.get(QUEUE)).json()["data"]
    assert 404 == (await api.get(f"{QUEUE}/{ids[0]}")).status_code
    answer = await api.post(f"{QUEUE}/release", body(ids=ids))
    assert became(unknown=2) == answer.json()["data"]["attributes"]


async def test_the_queue_asks_for_scopes_of_its_own(api: Api) -> None:
    """Reading does not allow deciding."""
    reader = replace(api, key=await api.another_key(["headrace:review:read"]))

    assert 200 == (await reader.get(QUEUE)).status_code
    assert 403 == (await reader.post(f"{QUEUE}/release", body(flow_id="ABCDEF"))).status_code
