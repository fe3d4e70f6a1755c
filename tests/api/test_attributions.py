"""Attributions: an event tells which message led to it."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import NOW, Api
from people import event

from headrace.clock import VirtualClock
from headrace.ids import bucket_of, event_id, parse_event_id
from headrace.storage.conversions import Candidate
from headrace.storage.database import Connection
from headrace.storage.interactions import Kind, Recorder
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials
from report_factories import Sent, Shop, minutes


def shop_of(api: Api) -> Shop:
    """Return the account of these tests with what records its messages."""
    database, clock = api.services.database, VirtualClock(NOW)
    metrics, serials = api.services.metrics, Serials(database)
    return Shop(database, api.account, metrics, serials, Recorder(metrics, serials, Partitions(database, clock)))


async def opened(shop: Shop, profile_id: str, message_id: str, variation: str = "") -> tuple[Sent, str]:
    """Send a message that is opened half an hour before NOW; return it and the id of the event that says so."""
    half_past = NOW - minutes(30)
    sent = await shop.send(half_past, profile_id=profile_id, message_id=message_id, variation=variation)
    await shop.record(sent.interaction(Kind.OPENED, half_past))
    [[number]] = await shop.rows("interaction", "number", f"message_id = '{message_id}' DESC LIMIT 1")
    return sent, event_id(number)


async def order(api: Api, shop: Shop, email: str = "sarah@example.com", variation: str = "") -> dict[str, Any]:
    """Post an order that follows an opened message; return the ids of both events and of the profile."""
    person = {"attributes": {"email": email}}
    assert 202 == (await api.post("/api/events", event("Placed Order", person=person, value=5))).status_code
    [posted] = [
        one
        for one in (await api.get("/api/events?include=profile&sort=-datetime")).json()["data"]
        if one["relationships"]["metric"]["data"]["id"] == await shop.metric()
        and not one["relationships"]["attributions"]["data"]
    ]
    profile_id = posted["relationships"]["profile"]["data"]["id"]
    _, open_id = await opened(shop, profile_id, f"M{email[:5]}", variation)
    number = parse_event_id(posted["id"]) or 0
    metric_id = await shop.metric()
    await shop.attribute(Candidate(bucket_of(profile_id), profile_id, metric_id, number, NOW))
    return {"order": posted["id"], "open": open_id, "message": f"M{email[:5]}"}


async def test_an_event_names_and_includes_its_attribution(api: Api) -> None:
    """The attribution leads to both events, the flow and the message; there is no campaign and no variation."""
    made = await order(api, shop_of(api))
    answer = (await api.get(f"/api/events/{made['order']}?include=attributions")).json()
    [linkage] = answer["data"]["relationships"]["attributions"]["data"]
    [included] = answer["included"]
    assert linkage == {"type": "attribution", "id": included["id"]}
    assert (32, set()) == (len(included["id"]), set(included["id"]) - set("0123456789abcdef"))
    assert {
        "event": {"data": {"type": "event", "id": made["order"]}},
        "attributed-event": {"data": {"type": "event", "id": made["open"]}},
        "flow": {"data": {"type": "flow", "id": "FLOW01"}},
        "flow-message": {"data": {"type": "flow-message", "id": made["message"]}},
    } == included["relationships"]


async def test_a_variation_is_named(api: Api) -> None:
    """Where the message was a variation of a test, the attribution says so."""
    made = await order(api, shop_of(api), variation="VARIA1")
    answer = (await api.get(f"/api/events/{made['order']}?include=attributions&fields[attribution]=id")).json()
    named = answer["included"][0]["relationships"]["flow-message-variation"]
    assert {"data": {"type": "flow-message", "id": "VARIA1"}} == named


async def test_a_list_of_events_shows_attributions_without_being_asked(api: Api) -> None:
    """Two orders have one each, the opens none, and the same ones at every look."""
    shop = shop_of(api)
    orders = {(await order(api, shop))["order"], (await order(api, shop, "tom@example.com"))["order"]}
    first, second = [(await api.get("/api/events")).json()["data"] for _ in range(2)]
    shown = {one["id"]: one["relationships"]["attributions"]["data"] for one in first}
    assert (4, orders) == (len(shown), {key for key, found in shown.items() if found})
    assert 2 == len({found[0]["id"] for found in shown.values() if found})
    assert first == second


async def test_another_accounts_attributions_stay_its_own(api: Api) -> None:
    """A row of another account under the same bucket and number is not shown."""
    made = await order(api, shop_of(api))
    await api.services.database.fetch("UPDATE conversion SET account_id = 'OTHER1' RETURNING 1")
    answer = (await api.get(f"/api/events/{made['order']}?include=attributions")).json()
    assert ([], []) == (answer["data"]["relationships"]["attributions"]["data"], answer["included"])


@pytest.mark.parametrize("asked", [False, True])
async def test_an_old_revision_shows_attributions_when_asked(api: Api, asked: bool) -> None:
    """Before 2026-04-15 relationships have data only where they are included; an attribution's own are all it has."""
    made = await order(api, shop_of(api))
    path = f"/api/events/{made['order']}/{'?include=attributions' if asked else ''}"
    answer = (await api.get(path, revision="2024-02-15")).json()
    assert asked == ("attributions" in answer["data"]["relationships"])
    kept = [set(one["relationships"]) for one in answer.get("included", ())]
    assert asked * [{"event", "attributed-event", "flow", "flow-message"}] == kept


async def test_attributions_take_one_statement_however_many_events(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of one event and a page of six take two statements each: the events, and their attributions."""
    for number in range(6):
        await api.post("/api/events", event(unique_id=str(number)))
    counted: list[str] = []
    fetch = Connection.fetch

    async def counting(self: Connection, query: Any, *args: Any) -> Any:
        counted.append(str(query))
        return await fetch(self, query, *args)

    monkeypatch.setattr(Connection, "fetch", counting)
    counts = []
    for size in (1, 6):
        counted.clear()
        assert size == len((await api.get(f"/api/events?page[size]={size}")).json()["data"])
        counts.append(len(counted))
    assert [2, 2] == counts
