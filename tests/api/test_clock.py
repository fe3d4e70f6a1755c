"""The clock of a test account over the API."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_client import NOW, Api
from clock_calls import asks, live_flow, of_test_account, post_event

from headrace.clock import VirtualClock
from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.messages.rendered import Workshop


def shown(answer: httpx.Response) -> dict[str, Any]:
    """Return the attributes of an answer."""
    assert 200 == answer.status_code, answer.text
    attributes: dict[str, Any] = answer.json()["data"]["attributes"]
    return attributes


async def messages(api: Api) -> list[str]:
    """Return when the messages in the inbox were sent, oldest first."""
    answer = await api.get("/headrace/messages?sort=number")
    return [one["attributes"]["sent_at"] for one in answer.json()["data"]]


async def test_a_frozen_clock_is_moved_and_what_falls_due_happens(api: Api) -> None:
    """Freeze, post an event, move on by a day: both messages stand in the inbox with their own moments."""
    shop = await of_test_account(api)
    await live_flow(shop)
    frozen = shown(await shop.post("/headrace/clock", asks("freeze")))
    await post_event(shop)

    moved = shown(await shop.post("/headrace/clock", asks("advance", by="1d")))

    assert ("frozen", NOW.isoformat()) == (frozen["mode"], frozen["now"])
    assert ((NOW + timedelta(days=1)).isoformat(), True) == (moved["now"], moved["complete"])
    assert moved["work"] > 0
    expected = [(NOW + timedelta(hours=hours)).isoformat() for hours in (4, 8)]
    assert expected == await messages(shop)


async def test_a_worker_beside_a_moved_clock_does_no_harm(api: Api) -> None:
    """Somebody else works on the same runs meanwhile: every message goes out once, with its own moment."""
    shop = await of_test_account(api, VirtualClock(NOW))
    await live_flow(shop)
    for number in range(5):
        await post_event(shop, f"person{number}@example.com")
    services = shop.services
    worker = Worker(build_core(services.database, Workshop(services.signer, "http://headrace.test"), name="beside"))
    working = asyncio.create_task(worker.run())

    moved = shown(await shop.post("/headrace/clock", asks("advance", by="3d")))
    worker.stop()
    await working

    assert moved["complete"]
    expected = [(NOW + timedelta(hours=hours)).isoformat() for hours in (4, 8) for _ in range(5)]
    assert expected == sorted(await messages(shop))
    doubled = "SELECT count(*) - count(DISTINCT (run_id, action_id)) FROM delivery WHERE state = 2"
    assert 0 == await services.database.fetch_value(doubled)


async def test_a_clock_runs_to_the_next_thing_that_is_due(api: Api) -> None:
    """Each call ends exactly at the next moment; without any it stays."""
    shop = await of_test_account(api, VirtualClock(NOW))
    await live_flow(shop)
    await post_event(shop)

    stops = [shown(await shop.post("/headrace/clock", asks("run-to-next")))["now"] for _ in range(3)]

    expected = [(NOW + timedelta(hours=hours)).isoformat() for hours in (4, 8, 8)]
    assert expected == stops


async def test_the_clock_tells_when_something_is_due_next(api: Api) -> None:
    """GET shows where the clock stands, and what comes."""
    shop = await of_test_account(api, VirtualClock(NOW))
    before = shown(await shop.get("/headrace/clock"))
    await live_flow(shop)
    await post_event(shop)
    await shop.post("/headrace/clock", asks("advance", by="0s"))

    after = shown(await shop.get("/headrace/clock"))

    assert ("frozen", None, True) == (before["mode"], before["next_at"], before["test"])
    assert (NOW + timedelta(hours=4)).isoformat() == after["next_at"]


async def test_waiting_runs_come_along_when_a_clock_is_frozen_and_let_go(api: Api) -> None:
    """Runs that began on the machine's clock are moved by the account's own, and go on on the machine's."""
    shop = await of_test_account(api)
    await live_flow(shop)
    await post_event(shop)
    for action in ("freeze", "advance", "follow"):
        shown(await shop.post("/headrace/clock", asks(action, **({"by": "5h"} if action == "advance" else {}))))

    assert [(NOW + timedelta(hours=4)).isoformat()] == await messages(shop)
    rows = await shop.services.database.fetch("SELECT clock, resume_at FROM run")
    assert [(0, NOW + timedelta(hours=8))] == [(row["clock"], row["resume_at"]) for row in rows]
    assert "system" == shown(await shop.get("/headrace/clock"))["mode"]


async def test_the_clock_of_a_production_account_is_left_alone(api: Api) -> None:
    """An account that was not made for tests is refused whatever is asked, and may look at its clock."""
    bodies = (asks("freeze"), asks("follow"), asks("advance", by="1d"), asks("run-to-next"))
    answers = [await api.post("/headrace/clock", body) for body in bodies]

    assert [403] * 4 == [answer.status_code for answer in answers]
    assert "is not a test account" in answers[0].json()["errors"][0]["detail"]
    clock = shown(await api.get("/headrace/clock"))
    assert ("system", False) == (clock["mode"], clock["test"])


async def test_a_clock_that_follows_the_machines_cannot_be_moved(api: Api) -> None:
    """It is to be frozen first: a conflict."""
    shop = await of_test_account(api)
    answer = await shop.post("/headrace/clock", asks("advance", by="1d"))
    assert 409 == answer.status_code
    assert "freeze it first" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (asks("advance"), "/data/attributes"),
        (asks("advance", by="3d", to="2027-01-01"), "/data/attributes"),
        (asks("advance", by="three days"), "/data/attributes/by"),
        (asks("advance", to="soon"), "/data/attributes/to"),
        (asks("advance", to="2020-01-01"), "/data/attributes/to"),
        (asks("freeze", by="3d"), "/data/attributes"),
        (asks("stop"), "/data/attributes/action"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_pointer(api: Api, body: dict[str, Any], pointer: str) -> None:
    """Wrong actions, durations and moments are 400s that name the place."""
    shop = await of_test_account(api, VirtualClock(NOW))
    answer = await shop.post("/headrace/clock", body)
    assert (400, pointer) == (answer.status_code, answer.json()["errors"][0]["source"]["pointer"])


async def test_looking_at_a_clock_and_moving_it_are_scopes_of_their_own(api: Api) -> None:
    """Who may look may not move."""
    key = await api.another_key(["headrace:clock:read"])
    headers = {"Authorization": f"Klaviyo-API-Key {key}"}
    assert 200 == (await api.get("/headrace/clock", headers=headers)).status_code
    assert 403 == (await api.post("/headrace/clock", asks("freeze"), headers=headers)).status_code
