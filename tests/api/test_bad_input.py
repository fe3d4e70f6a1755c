"""Bad input, item by item: each is a JSON:API error with the right status and source, and nothing is half-written.

Source: reference 7.2. Mistakes within flow definitions and templates are tested with flows.
"""

from __future__ import annotations

import orjson
import pytest
from api_client import Api
from people import counted, event, made_profile, pointers, profile, refusals

JSON = {"content-type": "application/json"}


async def test_an_unknown_field_is_pointed_to(api: Api) -> None:
    """A field that the body does not have is a 400, wherever it stands; several give several errors."""
    body = profile(email="a@b.co", nickname="x")
    body["extra"] = 1
    answer = await api.post("/api/profiles", body)
    assert 400 == answer.status_code
    assert {"/extra", "/data/attributes/nickname"} == set(pointers(answer))


async def test_a_wrong_type_is_pointed_to(api: Api) -> None:
    """A value of the wrong type, and a resource of the wrong type, are 400s."""
    body = profile(email="a@b.co", first_name=["x"])
    body["data"]["type"] = "event"
    answer = await api.post("/api/profiles", body)
    assert {"/data/type", "/data/attributes/first_name"} == set(pointers(answer))


@pytest.mark.parametrize("path", ["/api/profiles/nope", "/api/lists/nope", "/api/metrics/nope", "/api/accounts/nope"])
async def test_an_unknown_id_is_not_found(api: Api, path: str) -> None:
    """An id that names nothing is a 404 that repeats it."""
    answer = await api.get(path)
    assert [(404, "not_found", {})] == refusals(answer)
    assert "nope" in answer.json()["errors"][0]["detail"]


async def test_an_unknown_path_is_not_found(api: Api) -> None:
    """A path that does not exist is a 404, inside and outside of /api."""
    for path in ("/api/nothing", "/nothing", "/api"):
        assert (404, "not_found") == refusals(await api.get(path))[0][:2]


async def test_a_wrong_method_is_not_allowed(api: Api) -> None:
    """A method that the path does not have is a 405 that lists the others."""
    answer = await api.patch("/api/profiles", {})
    assert [(405, "method_not_allowed", {})] == refusals(answer)
    assert 'Method "PATCH" not allowed.' == answer.json()["errors"][0]["detail"]
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "text",
    [
        'equals(nickname,"x")',
        'contains(email,"x")',
        'equals(email,"x"',
        "equals(email,5)",
        "equals(email)",
        'equals(email,"x") trailing',
        "greater-than(created,yesterday)",
        'and(equals(email,"x"),)',
        "any(id,[])",
        "less-than(created,2100-01-01T00:00:00Z)",
    ],
)
async def test_a_bad_filter_names_the_parameter(api: Api, text: str) -> None:
    """Unknown fields and operators, wrong operands and broken syntax are 400s of the parameter `filter`."""
    answer = await api.get("/api/profiles", params={"filter": text})
    assert [(400, "invalid", {"parameter": "filter"})] == refusals(answer)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("sort", "first_name"),
        ("page[size]", "0"),
        ("page[size]", "101"),
        ("page[size]", "many"),
        ("fields[profile]", "nickname"),
        ("fields[flow]", "name"),
        ("additional-fields[profile]", "email"),
        ("include", "lists"),
        ("page[cursor]", "bm9uc2Vuc2U"),
        ("colour", "red"),
    ],
)
async def test_a_bad_parameter_is_named(api: Api, parameter: str, value: str) -> None:
    """Whatever a list does not offer is a 400 that names the parameter."""
    answer = await api.get("/api/profiles", params={parameter: value})
    assert [(400, "invalid", {"parameter": parameter})] == refusals(answer)


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    """A cursor is good for the path, filter and sort that it was made for."""
    for number in range(3):
        await made_profile(api, email=f"p{number}@example.com")
    following = (await api.get("/api/profiles?page[size]=1&sort=email")).json()["links"]["next"]
    cursor = following.partition("page%5Bcursor%5D=")[2]
    assert 200 == (await api.get(f"/api/profiles?page[size]=1&sort=email&page[cursor]={cursor}")).status_code
    answer = await api.get(f"/api/profiles?page[size]=1&sort=-email&page[cursor]={cursor}")
    assert [(400, "invalid", {"parameter": "page[cursor]"})] == refusals(answer)


async def test_a_sort_beside_a_date_filter_is_refused(api: Api) -> None:
    """A list bounded by a date is sorted by that date or not at all."""
    answer = await api.get("/api/profiles?filter=greater-than(created,2026-01-01)&sort=email")
    assert [(400, "invalid", {"parameter": "sort"})] == refusals(answer)


async def test_several_mistakes_give_several_errors(api: Api) -> None:
    """Every mistake of a query is reported at once."""
    answer = await api.get("/api/profiles?sort=x&page[size]=0&include=y")
    assert {"sort", "page[size]", "include"} == set(pointers(answer))


@pytest.mark.parametrize(
    ("raw", "media_type", "expected"),
    [
        (b"", "application/json", (400, "invalid")),
        (b"{", "application/json", (400, "invalid")),
        (b"[]", "application/json", (400, "invalid")),
        (b"null", "application/vnd.api+json", (400, "invalid")),
        (b'{"data": NaN}', "application/json", (400, "invalid")),
        (b'{"data": "\xff"}', "application/json", (400, "invalid")),
        (b'{"data": "\\ud800"}', "application/json", (400, "invalid")),
        (b"[" * 5000, "application/json", (400, "invalid")),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "application/json", (400, "invalid")),
        (b"{}", "text/plain", (415, "unsupported_media_type")),
        (b"{}", "application/json; charset=latin-1", (415, "unsupported_media_type")),
    ],
)
async def test_unreadable_bodies_are_refused(api: Api, raw: bytes, media_type: str, expected: tuple[int, str]) -> None:
    """Malformed JSON, invalid UTF-8, too much nesting and other media types never reach a command."""
    answer = await api.send("POST", "/api/events", content=raw, headers={"content-type": media_type})
    assert expected == refusals(answer)[0][:2]


async def test_an_answer_nobody_accepts_is_refused(api: Api) -> None:
    """An Accept header without JSON is a 406."""
    answer = await api.get("/api/profiles", headers={"accept": "text/html"})
    assert (406, "not_acceptable") == refusals(answer)[0][:2]


async def test_nul_characters_are_pointed_to(api: Api) -> None:
    """NUL cannot be stored, in values, names, queries or paths, and is refused wherever it comes."""
    answer = await api.post("/api/events", event(properties={"a": ["x\x00"]}))
    assert (400, ["/data/attributes/properties/a/0"]) == (answer.status_code, pointers(answer))
    assert 400 == (await api.post("/api/events", event(properties={"\x00": 1}))).status_code
    assert 400 == (await api.get("/api/profiles", params={"filter": 'equals(email,"\x00")'})).status_code
    assert 404 == (await api.get("/api/profiles/%00")).status_code
    assert 0 == await counted(api, "event")


async def test_invalid_utf8_in_the_address_is_refused(api: Api) -> None:
    """A query or path that is not UTF-8 is a 400 or a 404, never a 500."""
    assert 400 == (await api.get("/api/profiles?filter=%ff")).status_code
    assert 404 == (await api.get("/api/profiles/%ff")).status_code


async def test_a_body_over_5_megabytes_is_too_large(api: Api) -> None:
    """The limit holds for a declared length and for a body that streams in without one; nothing is written."""
    raw = orjson.dumps(event(properties={str(n): "x" * 100_000 for n in range(54)}))
    assert len(raw) > 5 * 1024 * 1024

    async def chunks():  # type: ignore[no-untyped-def]
        for start in range(0, len(raw), 65_536):
            yield raw[start : start + 65_536]

    declared = await api.send("POST", "/api/events", content=raw, headers=JSON)
    streamed = await api.send("POST", "/api/events", content=chunks(), headers=JSON)
    assert [(413, "payload_too_large", {})] == refusals(declared) == refusals(streamed)
    assert 0 == await counted(api, "event")


async def test_a_profile_over_100_kilobytes_is_too_large(api: Api) -> None:
    """Profiles have a smaller limit of their own."""
    answer = await api.post("/api/profiles", profile(email="a@b.co", properties={"s": "x" * 102_400}))
    assert (413, "payload_too_large") == refusals(answer)[0][:2]


async def test_numbers_beyond_64_bits_are_taken_or_refused(api: Api) -> None:
    """A huge whole number is no reason for a 500: properties keep it as a float, values have a limit."""
    assert 202 == (await api.post("/api/events", event(properties={"n": 10**30}))).status_code
    answer = await api.post("/api/events", event(value=10**30))
    assert (400, ["/data/attributes/value"]) == (answer.status_code, pointers(answer))


async def test_an_id_that_is_far_too_long_is_not_found(api: Api) -> None:
    """A path of thousands of letters is a 404 whose detail stays short."""
    answer = await api.get(f"/api/profiles/{'x' * 5000}")
    assert 404 == answer.status_code
    assert len(answer.json()["errors"][0]["detail"]) < 400


async def test_a_scope_of_one_resource_opens_no_other(api: Api) -> None:
    """A key with profiles:read neither writes profiles nor reads events, and is told which scope it lacks."""
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['profiles:read'])}"}
    assert 200 == (await api.get("/api/profiles", headers=headers)).status_code
    for answer, scope in (
        (await api.post("/api/profiles", profile(email="a@b.co"), headers=headers), "profiles:write"),
        (await api.get("/api/events", headers=headers), "events:read"),
        (await api.get("/headrace/messages", headers=headers), "headrace:messages:read"),
    ):
        assert (403, "permission_denied") == refusals(answer)[0][:2]
        assert scope in answer.json()["errors"][0]["detail"]
    assert 0 == await counted(api, "profile")
