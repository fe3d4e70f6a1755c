"""What browsers are told: pages of any origin may call `/client/*`, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from api_client import NEWEST, Api
from client_calls import call
from httpx import Response
from people import event

from headrace.api.app import create_app
from headrace.config import Config

SHARING = {"access-control-allow-origin": "*"}
ORIGIN = {"Origin": "https://shop.example"}
ASKS = {
    **ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,revision",
}


def sharing(answer: Response) -> dict[str, str]:
    """Return the headers of an answer that speak of other origins, but for the list of headers to be read."""
    found = {name: value for name, value in answer.headers.items() if name.startswith("access-control")}
    return {name: value for name, value in found.items() if name != "access-control-expose-headers"}


@pytest.mark.parametrize("path", ["/client/events", "/client/events/?company_id=ABC123", "/client/unheard-of"])
async def test_a_preflight_is_answered(api: Api, path: str) -> None:
    """Without a public id, for browsers ask before they say who they are."""
    answer = await api.http.options(path, headers=ASKS)
    assert (204, b"") == (answer.status_code, answer.content)
    assert {
        **SHARING,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "accept, content-type, revision",
        "access-control-max-age": "86400",
    } == sharing(answer)


async def test_every_answer_may_be_read(api: Api) -> None:
    """Successes and mistakes of every kind, so that a page can tell what went wrong."""
    large = event(properties={"text": "x" * 6_000_000})
    found = {
        202: await call(api, "events", event()),
        400: await call(api, "events", {}),
        401: await call(api, "events", event(), company_id=None),
        403: await call(api, "events", event(), headers={"Authorization": f"Klaviyo-API-Key {api.key}"}),
        404: await call(api, "unheard-of", event()),
        405: await api.http.put("/client/events", json={}),
        406: await call(api, "events", event(), headers={"Accept": "text/html"}),
        413: await call(api, "events", large),
        415: await call(api, "events", event(), headers={"Content-Type": "text/plain"}),
    }
    assert list(found) == [answer.status_code for answer in found.values()]
    assert [SHARING] * len(found) == [sharing(answer) for answer in found.values()]


async def test_a_refusal_for_haste_may_be_read(api: Api) -> None:
    """With the time after which to come back."""
    services = replace(api.services, config=Config(rate_limits="klaviyo"))
    transport = httpx.ASGITransport(app=create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as client:
        limited = replace(api, http=client)
        answers = [await call(limited, "push-token-unregister", {}) for _ in range(11)]
    assert (400, 429) == (answers[0].status_code, answers[-1].status_code)
    assert "149" == answers[0].headers["ratelimit-remaining"]
    assert SHARING == sharing(answers[-1])
    assert "Retry-After" in answers[-1].headers["access-control-expose-headers"]
    assert "retry-after" in answers[-1].headers


async def test_a_bug_may_be_read(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 is an answer like every other."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("headrace.engine.ingest.Ingest.submit", fail)
    answer = await call(api, "events", event())
    assert (500, SHARING) == (answer.status_code, sharing(answer))


@pytest.mark.parametrize("path", ["/api/events", "/api/accounts", "/inbox", "/health", "/clients", "/headrace/runs"])
async def test_nothing_else_is_shared(api: Api, path: str) -> None:
    """No page of another origin may use a private key, or read what is not for it."""
    for answer in (
        await api.http.options(path, headers=ASKS),
        await api.http.get(path, headers=ORIGIN),
        await api.get(path, headers=ORIGIN),
        await api.post(path, event(), headers={**ORIGIN, "revision": NEWEST}),
    ):
        assert {} == sharing(answer)
        assert "access-control-expose-headers" not in answer.headers
