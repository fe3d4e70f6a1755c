"""Rate limits: off by default, the published tiers when switched on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
from api_client import Api, FixedClock
from people import made_list

from headrace.api.app import create_app
from headrace.config import Config


def limited(api: Api) -> Api:
    """Return the client of an application that applies the published tiers."""
    services = replace(api.services, config=Config(rate_limits="klaviyo"))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(services)), base_url="http://headrace.test")
    return replace(api, http=client, services=services)


async def test_nothing_is_limited_by_default(api: Api) -> None:
    """A self-hosted account has no limits and no headers about them."""
    answers = [await api.get("/api/accounts") for _ in range(20)]
    assert {200} == {answer.status_code for answer in answers}
    assert "ratelimit-limit" not in answers[0].headers


async def test_the_second_request_of_a_second_is_throttled(api: Api, machine_clock: FixedClock) -> None:
    """GET /api/accounts is of tier XS: 1 a second. A 429 says when to come back, in whole seconds, and nothing else."""
    client = limited(api)
    first, second = await client.get("/api/accounts"), await client.get("/api/accounts")
    assert [200, 429] == [first.status_code, second.status_code]
    assert ("15", "14", "60") == tuple(first.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset"))
    assert "1" == second.headers["retry-after"]
    assert "ratelimit-limit" not in second.headers
    [error] = second.json()["errors"]
    assert ("throttled", "Request was throttled.", {"pointer": "/data/"}) == (
        error["code"],
        error["title"],
        error["source"],
    )
    machine_clock.moment += timedelta(seconds=1)
    assert 200 == (await client.get("/api/accounts")).status_code


async def test_the_sixteenth_request_of_a_minute_is_throttled(api: Api, machine_clock: FixedClock) -> None:
    """Fifteen requests a minute are admitted; the next waits for the minute to end."""
    client = limited(api)
    for _ in range(15):
        assert 200 == (await client.get("/api/accounts")).status_code
        machine_clock.moment += timedelta(seconds=2)
    refused = await client.get("/api/accounts")
    assert (429, "30") == (refused.status_code, refused.headers["retry-after"])


async def test_operations_and_accounts_are_counted_apart(api: Api) -> None:
    """What one operation used up does not concern another."""
    client = limited(api)
    await client.get("/api/accounts")
    assert 200 == (await client.get(f"/api/accounts/{api.account.account_id}")).status_code


async def test_what_is_costly_has_a_limit_of_its_own(api: Api) -> None:
    """A list is read 75 times a second, its size once, and neither counts for the other."""
    client = limited(api)
    path = f"/api/lists/{await made_list(api)}"
    counting = f"{path}?fields[list]=name&additional-fields[list]=profile_count"
    answers = [await client.get(one) for one in (counting, path, counting, path)]
    assert [200, 200, 429, 200] == [one.status_code for one in answers]
    assert ["15", "700"] == [one.headers["ratelimit-limit"] for one in answers[:2]]
