"""Every kind of error that the API answers, each provoked as a client would.

Source: reference 7.2. What each operation refuses is tested with it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from api_client import Api
from flow_samples import creation, definition, delay
from people import made_profile, profile

from headrace.api.app import create_app
from headrace.config import Config
from headrace.jsonapi.operation import MAX_BODY
from headrace.storage.database import Database

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
JSON_API = "application/vnd.api+json"


@asynccontextmanager
async def served_with(api: Api, **services: Any) -> AsyncIterator[Api]:
    """Lend a client of another application that differs in some of its services."""
    changed = replace(api.services, **services)
    transport = httpx.ASGITransport(app=create_app(changed), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as http:
        yield replace(api, http=http, services=changed)


async def bad_query(api: Api) -> httpx.Response:
    """Sort by what is not there."""
    return await api.get("/api/flows?sort=size")


async def bad_body(api: Api) -> httpx.Response:
    """Send a field that does not exist."""
    return await api.post("/api/profiles", profile(email="a@b.co", nickname="Al"))


async def bad_revision(api: Api) -> httpx.Response:
    """Ask for a revision that does not have the operation yet."""
    return await api.post("/api/flow-actions", {}, revision="2024-02-15")


async def no_key(api: Api) -> httpx.Response:
    """Send no credentials."""
    return await api.http.get("/api/flows", headers={"revision": "2026-07-15"})


async def wrong_key(api: Api) -> httpx.Response:
    """Send a key that nobody has."""
    return await api.get("/api/flows", headers={"Authorization": "Klaviyo-API-Key pk_wrong"})


async def no_scope(api: Api) -> httpx.Response:
    """Send a key that may do something else."""
    return await replace(api, key=await api.another_key(["tags:read"])).get("/api/flows")


async def unknown_id(api: Api) -> httpx.Response:
    """Name a flow that is not there."""
    return await api.get("/api/flows/NOPE01")


async def unknown_path(api: Api) -> httpx.Response:
    """Ask for a path that leads nowhere."""
    return await api.get("/api/flights")


async def wrong_method(api: Api) -> httpx.Response:
    """Use a method that the path does not have."""
    return await api.patch("/api/flows", {})


async def wrong_accept(api: Api) -> httpx.Response:
    """Want a web page."""
    return await api.get("/api/flows", headers={"Accept": "text/html"})


async def taken(api: Api) -> httpx.Response:
    """Make a profile that is there."""
    await made_profile(api, email="a@b.co")
    return await api.post("/api/profiles", profile(email="a@b.co"))


async def retired(api: Api) -> httpx.Response:
    """Ask for a retired revision and for nothing else."""
    headers = {"X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    return await api.get("/api/flows", revision="2022-10-17", headers=headers)


async def too_large(api: Api) -> httpx.Response:
    """Send a byte more than is read."""
    return await api.send("POST", "/api/profiles", content=b" " * (MAX_BODY + 1))


async def wrong_type(api: Api) -> httpx.Response:
    """Send XML."""
    return await api.send("POST", "/api/profiles", content=b"<a/>", headers={"Content-Type": "text/xml"})


async def too_often(api: Api) -> httpx.Response:
    """Read the accounts twice in a second."""
    async with served_with(api, config=Config(rate_limits="klaviyo")) as client:
        await client.get("/api/accounts")
        return await client.get("/api/accounts")


async def broken(api: Api) -> httpx.Response:
    """Come upon a bug."""

    def breaks() -> object:
        raise RuntimeError("a bug")

    class Broken:
        now = staticmethod(breaks)

    await api.get("/api/accounts")
    async with served_with(api) as client:
        await client.get("/api/accounts")
        object.__setattr__(client.services, "system_clock", Broken())
        return await client.get("/api/accounts")


async def database_away(api: Api) -> httpx.Response:
    """Ask while the database is away."""
    database = await Database.connect(api.services.database.dsn)
    await database.close()
    async with served_with(api, database=database) as client:
        return await client.get("/api/accounts")


@dataclass(frozen=True)
class Expected:
    """What an error must look like; `told` is in its detail."""

    provoke: Callable[[Api], Awaitable[httpx.Response]]
    status: int
    code: str
    title: str
    told: str
    source: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = JSON_API


INVALID = "Invalid input."
ERRORS = [
    Expected(bad_query, 400, "invalid", INVALID, '"size" is not a sort key', {"parameter": "sort"}),
    Expected(bad_body, 400, "invalid", INVALID, '"nickname"', {"pointer": "/data/attributes/nickname"}),
    Expected(
        bad_revision,
        400,
        "invalid",
        INVALID,
        "precedes 2026-10-15, the earliest",
        {"parameter": "revision"},
        media_type="application/json",
    ),
    Expected(
        no_key,
        401,
        "not_authenticated",
        "Authentication credentials were not provided.",
        "The header Authorization is missing",
        {"parameter": "Authorization"},
    ),
    Expected(
        wrong_key,
        401,
        "authentication_failed",
        "Incorrect authentication credentials.",
        "unknown or revoked",
        {"parameter": "Authorization"},
    ),
    Expected(
        no_scope, 403, "permission_denied", "You do not have permission to perform this action.", "the scope flows:read"
    ),
    Expected(unknown_id, 404, "not_found", "Not found.", 'no flow with the id "NOPE01"'),
    Expected(unknown_path, 404, "not_found", "Not found.", '"/api/flights"'),
    Expected(
        wrong_method,
        405,
        "method_not_allowed",
        "Method not allowed.",
        'Method "PATCH" not allowed.',
        headers={"allow": "GET, HEAD, OPTIONS, POST"},
    ),
    Expected(wrong_accept, 406, "not_acceptable", "Not acceptable.", '"text/html"', {"parameter": "Accept"}),
    Expected(taken, 409, "duplicate_profile", "Conflict.", "a@b.co", {"pointer": "/data/attributes/email"}),
    Expected(retired, 410, "gone", "Gone.", '"2022-10-17" is retired', {"parameter": "revision"}),
    Expected(too_large, 413, "payload_too_large", "Request body too large.", "larger than 102400 bytes (100 KB)"),
    Expected(
        wrong_type,
        415,
        "unsupported_media_type",
        "Unsupported media type.",
        '"text/xml"',
        {"parameter": "Content-Type"},
    ),
    Expected(
        too_often,
        429,
        "throttled",
        "Request was throttled.",
        "Request was throttled. Expected available in 1 second.",
        {"pointer": "/data/"},
        {"retry-after": "1"},
    ),
    Expected(broken, 500, "error", "A server error occurred.", "not your doing"),
    Expected(
        database_away,
        503,
        "service_unavailable",
        "Service unavailable.",
        "The database does not answer",
        headers={"retry-after": "5"},
    ),
]


@pytest.mark.parametrize("expected", ERRORS, ids=lambda one: f"{one.status} {one.provoke.__name__}")
async def test_an_error_is_a_document_of_the_published_form(
    api: Api, expected: Expected, caplog: pytest.LogCaptureFixture
) -> None:
    """Status, code, title, source and headers are as published, the detail names the thing, and the log has the id."""
    caplog.set_level(logging.INFO)
    answer = await expected.provoke(api)
    [error] = answer.json()["errors"]
    assert (expected.status, expected.status, expected.code, expected.title) == (
        answer.status_code,
        error["status"],
        error["code"],
        error["title"],
    )
    assert expected.told in error["detail"]
    assert expected.source == error["source"]
    assert {"id", "status", "code", "title", "detail", "source", "links", "meta"} == set(error)
    assert UUID4.fullmatch(error["id"])
    assert error["id"] in caplog.text
    assert expected.media_type == answer.headers["content-type"]
    assert expected.headers == {name: answer.headers.get(name) for name in expected.headers}
    assert expected.status in (429, 503) or "retry-after" not in answer.headers


async def test_a_taken_profile_is_named(api: Api) -> None:
    """The 409 of a profile that exists says which one it is."""
    profile_id = await made_profile(api, email="a@b.co")
    [error] = (await api.post("/api/profiles", profile(email="a@b.co"))).json()["errors"]
    assert {"duplicate_profile_id": profile_id} == error["meta"]


async def test_limits_are_told_with_every_answer_but_a_429(api: Api) -> None:
    """An answer tells of the minute's window whether it is a success or a refusal."""
    async with served_with(api, config=Config(rate_limits="klaviyo")) as client:
        answers = [await client.get(path) for path in ("/api/flows", "/api/flows?sort=no", "/api/flows/NOPE01")]
    assert [(200, "59"), (400, "58"), (404, "59")] == [
        (one.status_code, one.headers["ratelimit-remaining"]) for one in answers
    ]


async def test_mistakes_of_query_and_body_and_definition_are_told_at_once(api: Api) -> None:
    """One answer names an unknown parameter, a wrong field, a missing one, and what is wrong inside the definition."""
    document = definition("NOPE01", delay("one", "nowhere"))
    document["actions"][0]["data"]["unit"] = "years"
    body = creation("x", document)
    del body["data"]["attributes"]["name"]
    body["data"]["extra"] = 1
    answer = await api.post("/api/flows?sort=name&additional-fields[flow]=size", body)
    assert 400 == answer.status_code
    places = [next(iter(one["source"].values())) for one in answer.json()["errors"]]
    assert {
        "sort",
        "additional-fields[flow]",
        "/data/extra",
        "/data/attributes/name",
        "/data/attributes/definition/actions/0/data/unit",
        "/data/attributes/definition/actions/0/links/next",
    } == set(places)
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    ("method", "path", "type_name"),
    [
        ("POST", "/api/segments", "segment"),
        ("PATCH", "/api/segments/ABC123", "segment"),
        ("POST", "/api/flow-actions", "flow-action"),
        ("PATCH", "/api/flow-actions/123", "flow-action"),
    ],
)
async def test_mistakes_of_a_definition_are_told_with_the_others(
    api: Api, method: str, path: str, type_name: str
) -> None:
    """Segments and actions are looked through as flows are."""
    attributes = {"definition": {"type": "nothing", "condition_groups": 5}, "color": "red"}
    answer = await api.send(method, path, {"data": {"type": type_name, "id": "5", "attributes": attributes}})
    pointers = [one["source"]["pointer"] for one in answer.json()["errors"]]
    assert "/data/attributes/color" in pointers
    assert any(one.startswith("/data/attributes/definition") for one in pointers)


async def test_there_are_never_more_errors_than_can_be_read(api: Api) -> None:
    """A body with a thousand mistakes is answered with fifty."""
    answer = await api.post("/api/profiles", profile(**{f"wrong{number}": 1 for number in range(1000)}))
    assert (400, 50) == (answer.status_code, len(answer.json()["errors"]))
