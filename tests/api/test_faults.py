"""Faults that a tester lets happen: which requests meet them, how often, and how they are answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_client import Api, FixedClock
from clock_calls import of_test_account

from headrace.api.app import create_app
from headrace.api.faults import meet_fault
from headrace.api.resources import OPERATIONS
from headrace.api.state import Services, State
from headrace.engine.chores import clean_up
from headrace.engine.setup import build_core
from headrace.ids import SeededIds
from headrace.jsonapi.context import Context
from headrace.messages.rendered import Workshop
from headrace.storage.database import Database


def fault(**attributes: Any) -> dict[str, Any]:
    """Return the body of a new fault."""
    return {"data": {"type": "headrace-fault", "attributes": attributes}}


async def made(api: Api, **attributes: Any) -> str:
    """Make a fault and return its id."""
    answer = await api.post("/headrace/faults", fault(**attributes))
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def test_the_next_requests_of_an_operation_are_throttled(api: Api) -> None:
    """Two requests get what a used-up rate limit would answer; other operations and the third get their answers."""
    shop = await of_test_account(api)
    await made(shop, operation="get_flows", status=429, retry_after=7, count=2)
    answers = [await shop.get(path) for path in ("/api/flows", "/api/tags", "/api/flows", "/api/flows")]
    assert [429, 200, 429, 200] == [one.status_code for one in answers]
    assert "7" == answers[0].headers["retry-after"]
    [error] = answers[0].json()["errors"]
    assert {
        "id": error["id"],
        "status": 429,
        "code": "throttled",
        "title": "Request was throttled.",
        "detail": "Request was throttled. Expected available in 7 seconds.",
        "source": {"pointer": "/data/"},
        "links": {},
        "meta": {"retry_after": 7},
    } == error


async def test_a_fault_without_an_operation_meets_every_one(api: Api) -> None:
    """Whatever comes next under /api/ is refused; what is under /headrace/ never is."""
    shop = await of_test_account(api)
    await made(shop, status=503, retry_after=3)
    spared = await shop.get("/headrace/faults")
    first, second = await shop.get("/api/tags"), await shop.get("/api/tags")
    assert [200, 503, 200] == [one.status_code for one in (spared, first, second)]
    [error] = first.json()["errors"]
    assert ("service_unavailable", "Service unavailable.", "3") == (
        error["code"],
        error["title"],
        first.headers["retry-after"],
    )


async def test_a_server_error_looks_like_one(api: Api) -> None:
    """A 500 has the code and title of a real one."""
    shop = await of_test_account(api)
    await made(shop, operation="get_accounts", status=500)
    answer = await shop.get("/api/accounts")
    [error] = answer.json()["errors"]
    assert (500, 500, "error", "A server error occurred.") == (
        answer.status_code,
        error["status"],
        error["code"],
        error["title"],
    )
    assert "application/vnd.api+json" == answer.headers["content-type"]


async def test_faults_happen_in_the_order_in_which_they_were_made(api: Api, machine_clock: FixedClock) -> None:
    """A script of answers: first a 503, then two 429, then as usual."""
    shop = await of_test_account(api)
    await made(shop, operation="get_flows", status=503)
    machine_clock.moment += timedelta(seconds=1)
    await made(shop, status=429, count=2)
    assert [503, 429, 429, 200] == [(await shop.get("/api/flows")).status_code for _ in range(4)]


async def test_latency_delays_an_answer_that_is_as_usual(api: Api) -> None:
    """The fault is used up by the request that it delays."""
    shop = await of_test_account(api)
    fault_id = await made(shop, operation="get_flows", latency_ms=1)
    assert 200 == (await shop.get("/api/flows")).status_code
    shown = (await shop.get(f"/headrace/faults/{fault_id}")).json()["data"]["attributes"]
    assert (0, 1, None) == (shown["remaining"], shown["latency_ms"], shown["status"])


async def test_latency_is_waited_for_in_full(api: Api) -> None:
    """A request of a test account waits as many seconds as the fault says, one without a fault not at all."""
    shop = await of_test_account(api)
    await made(shop, latency_ms=2500)
    [operation] = [one for one in OPERATIONS if one.id == "get_flows"]
    state = State(shop.services, shop.account, shop.services.system_clock)
    ctx: Context[State] = Context(state, shop.account.account_id, shop.services.database.fetch)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    for _ in range(2):
        await meet_fault(ctx, operation, pause)
    assert [2.5] == waited


async def test_a_fault_is_never_used_more_often_than_it_says(api: Api, database_dsn: str) -> None:
    """Of 40 requests at once over two processes exactly ten meet a fault of ten, whichever process made it."""
    shop = await of_test_account(api)
    database = await Database.connect(database_dsn)
    services = Services.of(database, ids=SeededIds(8), system_clock=shop.services.system_clock)
    transport = httpx.ASGITransport(app=create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as http:
        beside = replace(shop, http=http, services=services)
        await made(beside, operation="get_flows", status=503, count=4)
        await made(shop, status=503, count=6)
        answers = await asyncio.gather(*(one.get("/api/flows") for _ in range(20) for one in (shop, beside)))
    await database.close()
    assert {503: 10, 200: 30} == dict(Counter(one.status_code for one in answers))


async def test_only_test_accounts_have_faults(api: Api) -> None:
    """Any other account is told what to do instead, and its requests are not looked at."""
    answer = await api.post("/headrace/faults", fault(status=503))
    [error] = answer.json()["errors"]
    assert (403, "permission_denied") == (answer.status_code, error["code"])
    assert "is not a test account" in error["detail"]


async def test_faults_of_one_account_do_not_concern_another(api: Api) -> None:
    """Another account neither meets, nor sees, nor removes them."""
    one, other = await of_test_account(api), await of_test_account(api)
    fault_id = await made(one, status=503)
    assert 200 == (await other.get("/api/flows")).status_code
    assert [] == (await other.get("/headrace/faults")).json()["data"]
    answers = [await other.get(f"/headrace/faults/{fault_id}"), await other.delete(f"/headrace/faults/{fault_id}")]
    assert [404, 404, 204] == [*(a.status_code for a in answers), (await other.delete("/headrace/faults")).status_code]
    assert 503 == (await one.get("/api/flows")).status_code


async def test_faults_are_taken_back_one_by_one_or_all_at_once(api: Api) -> None:
    """What is taken back happens no more, in any process, from the next request on."""
    shop = await of_test_account(api)
    first = await made(shop, status=429, count=10)
    for status in (503, 500):
        await made(shop, status=status, count=10)
    assert 204 == (await shop.delete(f"/headrace/faults/{first}")).status_code
    assert {500, 503} == {one["attributes"]["status"] for one in (await shop.get("/headrace/faults")).json()["data"]}
    assert 204 == (await shop.delete("/headrace/faults")).status_code
    assert ([], 200) == (
        (await shop.get("/headrace/faults")).json()["data"],
        (await shop.get("/api/flows")).status_code,
    )


@pytest.mark.parametrize(
    ("attributes", "pointer", "told"),
    [
        ({"status": 404}, "/data/attributes/status", "429, 500 or 503"),
        ({}, "/data/attributes", "a fault has a status"),
        ({"retry_after": 3, "latency_ms": 5}, "/data/attributes", "retry_after goes with a status"),
        ({"latency_ms": 30_001}, "/data/attributes/latency_ms", "30000 or less"),
        ({"status": 429, "count": 0}, "/data/attributes/count", "1 or greater"),
        ({"status": 429, "operation": "get_flow_s"}, "/data/attributes/operation", '"get_flow_s"'),
        ({"status": 429, "operation": "get_headrace_clock"}, "/data/attributes/operation", "under /api/"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused(api: Api, attributes: dict[str, Any], pointer: str, told: str) -> None:
    """The answer names the place, the value and the rule."""
    shop = await of_test_account(api)
    answer = await shop.post("/headrace/faults", fault(**attributes))
    [error] = answer.json()["errors"]
    assert (400, pointer) == (answer.status_code, error["source"]["pointer"])
    assert told in error["detail"]


async def test_there_are_so_many_faults_and_no_more(api: Api) -> None:
    """The 101st that is not used up is refused with the way out."""
    shop = await of_test_account(api)
    answers = [(await shop.post("/headrace/faults", fault(status=503))).status_code for _ in range(101)]
    assert [201] * 100 + [400] == answers


async def test_faults_that_were_used_up_are_removed_after_a_day(api: Api, machine_clock: FixedClock) -> None:
    """One that is still to happen stays."""
    shop = await of_test_account(api)
    await made(shop, operation="get_flows", status=503)
    kept = await made(shop, operation="get_tags", status=503)
    assert 503 == (await shop.get("/api/flows")).status_code
    machine_clock.moment += timedelta(days=1, seconds=1)
    services = shop.services
    workshop = Workshop(services.signer, "http://headrace.test")
    await clean_up(build_core(services.database, workshop, clock=machine_clock, ids=services.ids))
    assert [kept] == [one["id"] for one in (await shop.get("/headrace/faults")).json()["data"]]


async def test_faults_have_a_scope_of_their_own(api: Api) -> None:
    """A key that may do other things may not let anything go wrong."""
    shop = await of_test_account(api)
    key = await shop.another_key(["headrace:faults:read", "flows:read"], shop.account)
    reader = replace(shop, key=key)
    answers = [await reader.post("/headrace/faults", fault(status=503)), await reader.get("/headrace/faults")]
    assert [403, 200] == [one.status_code for one in answers]
