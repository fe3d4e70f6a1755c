"""Rate limits over several API processes: one count, in the database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest_asyncio
from api_client import Api, FixedClock
from people import made_list

from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.config import Config
from headrace.engine.chores import clean_up
from headrace.engine.setup import build_core
from headrace.ids import SeededIds
from headrace.messages.rendered import Workshop
from headrace.storage.database import Database
from headrace.storage.rate_windows import clean

LIMITED = Config(rate_limits="klaviyo")


@pytest_asyncio.fixture
async def two(api: Api, database_dsn: str, machine_clock: FixedClock) -> AsyncIterator[list[Api]]:
    """Clients of two applications with a pool each over one database, as two processes have."""
    clients = []
    for seed in (8, 9):
        database = await Database.connect(database_dsn)
        services = Services.of(database, LIMITED, ids=SeededIds(seed), system_clock=machine_clock)
        transport = httpx.ASGITransport(app=create_app(services))
        http = httpx.AsyncClient(transport=transport, base_url="http://headrace.test")
        clients.append(Api(http, services, api.account, api.key))
    yield clients
    for one in clients:
        await one.http.aclose()
        await one.services.close()
        await one.services.database.close()


async def statuses(two: list[Api], path: str, count: int) -> list[httpx.Response]:
    """Send `count` requests at once to each application."""
    return list(await asyncio.gather(*(one.get(path) for _ in range(count) for one in two)))


async def test_two_processes_admit_exactly_what_the_burst_allows(two: list[Api]) -> None:
    """Flows are read 3 times a second; of 40 requests at once over both processes 3 are let in."""
    answers = await statuses(two, "/api/flows", 20)
    assert {200: 3, 429: 37} == dict(Counter(one.status_code for one in answers))


async def test_exactly_half_of_twice_the_limit_is_admitted(two: list[Api], api: Api) -> None:
    """Of 150 requests of a list at once, 75 are let in, and each is told another remainder of the minute's window."""
    path = f"/api/lists/{await made_list(api)}"
    answers = await statuses(two, path, 75)
    admitted = [one for one in answers if one.status_code == 200]
    assert 75 == len(admitted)
    assert list(range(625, 700)) == sorted(int(one.headers["ratelimit-remaining"]) for one in admitted)
    assert {"1"} == {one.headers["retry-after"] for one in answers if one.status_code == 429}


async def test_a_refused_request_counts_nothing(two: list[Api], machine_clock: FixedClock) -> None:
    """After 37 refusals in one second the minute's window has 3 requests in it."""
    await statuses(two, "/api/flows", 20)
    machine_clock.moment += timedelta(seconds=1)
    answer = await two[0].get("/api/flows")
    assert (200, "56") == (answer.status_code, answer.headers["ratelimit-remaining"])


async def test_a_process_whose_clock_lags_cannot_begin_a_window_anew(two: list[Api], api: Api) -> None:
    """A window that another machine's clock has begun is used up by both."""
    ahead = FixedClock(two[0].services.system_clock.now() + timedelta(seconds=1))
    services = Services.of(two[0].services.database, LIMITED, ids=SeededIds(3), system_clock=ahead)
    transport = httpx.ASGITransport(app=create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as http:
        early = Api(http, services, api.account, api.key)
        answers = [(await early.get("/api/flows")).status_code for _ in range(3)]
    assert [200, 200, 200, 429] == [*answers, (await two[1].get("/api/flows")).status_code]


async def test_the_longest_full_window_says_when_to_come_back(two: list[Api], machine_clock: FixedClock) -> None:
    """With second and minute both full, a client is told the rest of the minute."""
    for _ in range(15):
        answer = await two[0].get("/api/accounts")
        machine_clock.moment += timedelta(seconds=1)
    machine_clock.moment -= timedelta(seconds=1)
    refused = await two[1].get("/api/accounts")
    assert (200, "0", "46") == (
        answer.status_code,
        answer.headers["ratelimit-remaining"],
        answer.headers["ratelimit-reset"],
    )
    assert (429, "46") == (refused.status_code, refused.headers["retry-after"])


async def test_many_keys_at_once_are_counted_apart(two: list[Api], api: Api) -> None:
    """Requests of different operations that share a statement take nothing from one another."""
    paths = ["/api/flows", "/api/accounts", "/api/tags", "/api/templates"]
    answers = await asyncio.gather(*(one.get(path) for path in paths * 10 for one in two))
    admitted = Counter(one.url.path for one in answers if one.status_code == 200)
    assert {"/api/flows": 3, "/api/accounts": 1, "/api/tags": 3, "/api/templates": 20} == dict(admitted)


async def test_windows_that_are_long_over_are_removed(two: list[Api], machine_clock: FixedClock) -> None:
    """A round of chores a day later leaves no rows; one at once leaves what still counts."""
    await two[0].get("/api/flows")
    services = two[0].services
    core = build_core(
        services.database, Workshop(services.signer, "http://headrace.test"), clock=machine_clock, ids=services.ids
    )
    await clean_up(core)
    kept = await services.database.fetch_value("SELECT count(*) FROM rate_window")
    machine_clock.moment += timedelta(days=1, minutes=2)
    await clean_up(core)
    assert (2, 0) == (kept, await services.database.fetch_value("SELECT count(*) FROM rate_window"))


async def test_removing_windows_waits_for_nobody_who_counts(two: list[Api], machine_clock: FixedClock) -> None:
    """Two that wait for each other's windows would end as an error of one request; a window in use stays."""
    await two[0].get("/api/flows")
    database, over = two[0].services.database, machine_clock.moment + timedelta(days=1, minutes=2)
    async with database.transaction() as counting, database.transaction() as transaction:
        await counting.fetch("SELECT FROM rate_window WHERE seconds = 60 FOR UPDATE")
        await transaction.execute("SET LOCAL lock_timeout = '1s'")
        await clean(transaction, over)
    assert [60] == [row["seconds"] for row in await database.fetch("SELECT seconds FROM rate_window")]
