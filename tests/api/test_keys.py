"""Private keys at work: schemes, scopes, when they were last used, and what the log says of refused requests."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from api_client import NOW, Api, FixedClock
from people import profile, refusals

from headrace.api.app import create_app
from headrace.storage.keys import find_caller, list_keys

SECRET_NAME = "Rumpelstiltskin"


@pytest.mark.parametrize("scheme", ["Klaviyo-API-Key", "Bearer", "bearer", "KLAVIYO-API-KEY"])
async def test_a_key_is_taken_under_both_schemes(api: Api, scheme: str) -> None:
    """The scheme's letters may be large or small."""
    answer = await api.get("/api/accounts", headers={"Authorization": f"{scheme} {api.key}"})
    assert 200 == answer.status_code


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "not_authenticated"),
        ("   ", "not_authenticated"),
        ("Basic cGtfYTpi", "authentication_failed"),
        ("Klaviyo-API-Key", "authentication_failed"),
        ("Klaviyo-API-Key pk_unknown", "authentication_failed"),
        ("Bearer sk_unknown", "authentication_failed"),
        ("Bearer pk_\u00e9\u00ff", "authentication_failed"),
    ],
)
async def test_what_is_no_key_is_refused(api: Api, header: str, code: str) -> None:
    """Without credentials the code is another than with wrong ones; the header is named and a key never repeated."""
    answer = await api.http.get("/api/accounts", headers={"authorization": header.encode("latin-1"), "revision": ""})
    assert [(401, code, {"parameter": "Authorization"})] == refusals(answer)
    assert 'unknown"' not in answer.text


async def test_each_scope_opens_its_operations_only(api: Api) -> None:
    """A key of two scopes does what either allows, and is told which one it lacks for the rest."""
    client = replace(api, key=await api.another_key(["flows:read", "tags:read"]))
    answers = [await client.get(path) for path in ("/api/flows", "/api/tags", "/api/lists")]
    assert [200, 200, 403] == [one.status_code for one in answers]
    assert [(403, "permission_denied", {})] == refusals(answers[2])
    assert "lists:read" in answers[2].json()["errors"][0]["detail"]


async def last_used(api: Api) -> datetime | None:
    """Return when the account's first key was last used, as the list of keys shows it."""
    return (await list_keys(api.services.database, api.account.account_id))[0].last_used_at


async def test_a_keys_use_is_written_down_once_a_minute(api: Api, machine_clock: FixedClock) -> None:
    """Within a minute nothing is written; after it the next look at the key is."""
    seen = []
    for seconds in (0, 59, 1):
        machine_clock.moment += timedelta(seconds=seconds)
        assert await find_caller(api.services.database, api.key, machine_clock.now()) is not None
        seen.append(await last_used(api))
    assert [NOW, NOW, NOW + timedelta(minutes=1)] == seen


async def test_an_unused_key_stays_so(api: Api) -> None:
    """A wrong key leaves no trace on a right one."""
    await api.get("/api/accounts", headers={"Authorization": f"Bearer {api.key}x"})
    assert await last_used(api) is None


async def test_every_error_is_found_in_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """One line per refused request: the ids of its errors, and who asked for what."""
    caplog.set_level(logging.INFO, logger="headrace.jsonapi")
    body = profile(email="a@b.co", nickname=SECRET_NAME)
    body["extra"] = SECRET_NAME
    answer = await api.post(
        "/api/profiles/?additional-fields%5Bprofile%5D=x", body, headers={"X-Request-Id": "proxy-42"}
    )
    [line] = [one.getMessage() for one in caplog.records]
    assert 3 == len(answer.json()["errors"])
    assert all(one["id"] in line for one in answer.json()["errors"])
    expected = (
        f"refused POST /api/profiles/ (create_profile, account {api.account.account_id}, request proxy-42) with 400"
    )
    assert line.startswith(expected)
    assert "invalid /data/attributes/nickname" in line
    assert [SECRET_NAME in caplog.text, api.key in caplog.text] == [False, False]


async def test_the_log_names_requests_that_nobody_named(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A request has an id of its own, and an id that could break a line is not taken."""
    caplog.set_level(logging.INFO, logger="headrace.jsonapi")
    for given in ({}, {"X-Request-Id": "a b"}, {"X-Request-Id": "x" * 65}):
        await api.get("/api/flows/NOPE01", headers=given)
    ids = [one.getMessage().partition(", request ")[2].partition(")")[0] for one in caplog.records]
    process, _, numbers = zip(*(one.partition("-") for one in ids), strict=True)
    assert 1 == len(set(process))
    assert ("1", "2", "3") == numbers


async def test_requests_that_lead_nowhere_are_in_the_log_too(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown paths and methods and callers are told without an account; the path stays on its line."""
    caplog.set_level(logging.INFO, logger="headrace.jsonapi")
    answers = [
        await api.get("/api/no%0Athing"),
        await api.get("/no%0Awhere?email=a@b.co"),
        await api.patch("/api/flows", {}),
        await api.get("/api/flows", headers={"Authorization": "Bearer pk_no"}),
    ]
    lines = [one.getMessage() for one in caplog.records]
    assert ["GET /api/no%0Athing", "GET /no%0Awhere", "PATCH /api/flows", "GET /api/flows"] == [
        " ".join(line.split()[1:3]) for line in lines
    ]
    for answer, line in zip(answers, lines, strict=True):
        assert answer.json()["errors"][0]["id"] in line
        assert "account -" in line
    assert "pk_no" not in caplog.text


async def test_a_bug_is_in_the_log_with_its_trace(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer tells an id and nothing else; the log has the exception under it."""

    async def breaks(*_: object) -> None:
        raise RuntimeError("the bug")

    monkeypatch.setattr("headrace.storage.database.Database.fetch", breaks)
    transport = httpx.ASGITransport(app=create_app(api.services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as http:
        answer = await replace(api, http=http).get("/api/flows/ABC123")
    [error] = answer.json()["errors"]
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert (500, "error", "A server error occurred.") == (error["status"], error["code"], error["title"])
    assert "the bug" not in answer.text
    assert error["id"] in record.getMessage()
    assert f"GET /api/flows/ABC123 (get_flow, account {api.account.account_id}" in record.getMessage()
    assert record.exc_info is not None
    assert "RuntimeError('the bug')" == repr(record.exc_info[1])
