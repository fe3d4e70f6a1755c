"""Requests to the toy API other than reading lists: writes, headers, paths, and every kind of refusal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from toy_api import Toy

from headrace.errors import TooLarge
from headrace.jsonapi.reading import read_body

NEW = {"data": {"type": "flow", "attributes": {"name": "Fresh"}}}


def changed(**attributes: Any) -> dict[str, Any]:
    """Return a body that creates a flow with other attributes."""
    return {"data": {"type": "flow", "attributes": {"name": "Fresh", **attributes}}}


async def test_create_answers_the_new_resource(api: Toy) -> None:
    """A creation is a 201 with the resource read back, linked to itself."""
    answer = await api.client.post("/api/flows?fields[flow]=name", json=NEW)

    assert answer.status_code == 201
    document = answer.json()
    assert (document["data"]["id"], document["data"]["attributes"]) == ("NEW", {"name": "Fresh"})
    assert document["links"] == {"self": "http://test/api/flows/NEW"}


async def test_update_answers_the_changed_resource(api: Toy) -> None:
    """A change is a 200 with all attributes as they are now."""
    body = {"data": {"type": "flow", "id": "F1", "attributes": {"status": "manual"}}}
    answer = await api.client.patch("/api/flows/F1", json=body)
    assert (answer.status_code, answer.json()["data"]["attributes"]["status"]) == (200, "manual")


async def test_delete_answers_nothing(api: Toy) -> None:
    """A deletion is a 204 without body, and a second one a 404."""
    answer = await api.client.delete("/api/flows/F1")
    assert (answer.status_code, answer.content, answer.headers.get("content-type")) == (204, b"", None)
    assert (await api.client.delete("/api/flows/F1")).status_code == 404


async def test_a_relationship_is_changed(api: Toy) -> None:
    """A relationship write checks the parent, runs the command and answers 204."""
    body = {"data": [{"type": "flow-action", "id": "3"}]}
    path = "/api/flows/{}/relationships/flow-actions"
    assert (await api.client.post(path.format("F1"), json=body)).status_code == 204
    assert api.state.done == [("F1", ["3"])]
    assert (await api.client.post(path.format("NOPE"), json=body)).status_code == 404


async def test_a_job_is_accepted_with_an_empty_body(api: Toy) -> None:
    """An operation whose command says nothing answers its status and nothing else."""
    answer = await api.client.post("/api/jobs", json=NEW)
    assert (answer.status_code, answer.content) == (202, b"")


async def test_plain_parameters(api: Toy) -> None:
    """Plain parameters reach the command; a missing or illegal one is a 400 that names it."""
    answer = await api.client.post("/api/reports?page_cursor=x&unit=day")
    assert answer.json()["data"]["parameters"] == {"page_cursor": "x", "unit": "day"}
    _, errors = await api.errors("POST", "/api/reports?unit=year")
    assert errors[0]["detail"] == '"unit" is "year"; it must be one of day, week.'
    _, errors = await api.errors("POST", "/api/reports")
    assert errors[0]["source"] == {"parameter": "unit"}


async def test_a_reply_may_be_no_document(api: Toy) -> None:
    """A command may answer bytes of another media type, on a path with text around its parameter."""
    answer = await api.client.get("/flow/abc.json")
    assert (
        answer.text,
        answer.headers["content-type"],
        answer.headers["x-kind"],
    ) == ("abc", "text/plain; charset=utf-8", "plain")
    assert (await api.client.get("/flow/abc.xml")).status_code == 404


@pytest.mark.parametrize("path", ["/api/flows", "/api/flows/", "/api/flows/F1", "/api/flows/F1/", "/api/flows//"])
async def test_both_slash_forms_answer_without_redirect(api: Toy, path: str) -> None:
    """A slash at the end makes no difference."""
    assert (await api.client.get(path)).status_code == 200


async def test_links_follow_the_style_of_the_revision(api: Toy) -> None:
    """With the trailing slash of old revisions every link has one, before its query string."""
    document = await api.get("/api/flows?page[size]=1", revision="2024-02-15")
    assert document["data"][0]["links"]["self"] == "http://test/api/flows/F1/"
    assert document["links"]["next"].startswith("http://test/api/flows/?page%5Bsize%5D=1")


async def test_escaped_paths_and_parameters(api: Toy) -> None:
    """Brackets and letters may be escaped or not; a space may be `+` or `%20`."""
    assert len((await api.get("/api/flows?page%5Bsize%5D=1"))["data"]) == 1
    for query in ('filter=equals(name,"Flow+1")', "filter=equals%28name%2C%22Flow%201%22%29"):
        assert [one["id"] for one in (await api.get(f"/api/flows?{query}"))["data"]] == ["F1"]
    assert (await api.get("/api/flows/%461"))["data"]["id"] == "F1"
    assert (await api.client.get("/api/flows/F1%2Fflow-actions")).status_code == 404


async def test_head_and_options(api: Toy) -> None:
    """HEAD answers like GET without a body; OPTIONS names the methods."""
    head = await api.client.head("/api/flows")
    assert (head.status_code, head.content) == (200, b"")
    options = await api.client.options("/api/flows")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_a_wrong_method_is_a_document(api: Toy) -> None:
    """A wrong method is a 405 document that names it, with the right ones in Allow."""
    answer = await api.client.patch("/api/flows")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    error = answer.json()["errors"][0]
    assert (error["code"], error["detail"]) == ("method_not_allowed", 'Method "PATCH" not allowed.')


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/api/nowhere", "/api/flows/F1/nowhere", "/api/flows/%00", "/api/%ff"]
)
async def test_an_unknown_path_is_a_document(api: Toy, path: str) -> None:
    """A path that leads nowhere is a 404 document that names the path and the method."""
    status, errors = await api.errors("GET", path)
    assert (status, errors[0]["code"]) == (404, "not_found")
    assert errors[0]["detail"].startswith('There is nothing for GET at the path "/')
    assert path[:5] in errors[0]["detail"]


async def test_an_error_has_every_member(api: Toy) -> None:
    """An error has a string id, status, code, title, detail, and objects for source, links and meta."""
    _, errors = await api.errors("POST", "/api/flows", json=changed(name="twin"))
    error_id = errors[0].pop("id")
    assert isinstance(error_id, str)
    expected = {
        "status": 409,
        "code": "duplicate_flow",
        "title": "Conflict.",
        "detail": "A flow of this name exists.",
        "source": {},
        "links": {},
        "meta": {"duplicate_flow_id": "F1"},
    }
    assert [expected] == errors


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [("none", 401, "not_authenticated"), ("busy", 429, "throttled"), ("scopeless", 403, "permission_denied")],
)
async def test_callers_are_refused(api: Toy, authorization: str, status: int, code: str) -> None:
    """Missing keys, spent limits and missing scopes are documents with their own status."""
    found, errors = await api.errors("GET", "/api/flows", headers={"authorization": authorization})
    assert (status, code) == (found, errors[0]["code"])


async def test_a_missing_scope_is_named(api: Toy) -> None:
    """The refusal says which scope the key lacks."""
    _, errors = await api.errors("GET", "/api/flows", headers={"authorization": "scopeless"})
    assert errors[0]["detail"] == "The API key lacks the scope flows:read, which get_flows needs."


async def test_limit_headers(api: Toy) -> None:
    """The context's headers go on answers and refusals; a 429 has Retry-After and none of them."""
    assert (await api.client.get("/api/flows")).headers["ratelimit-limit"] == "60"
    assert (await api.client.get("/api/flows/NOPE")).headers["ratelimit-limit"] == "60"
    busy = await api.client.get("/api/flows", headers={"authorization": "busy"})
    assert (busy.headers["retry-after"], busy.headers.get("ratelimit-limit")) == ("7", None)


async def test_an_operation_has_a_first_and_a_last_revision(api: Toy) -> None:
    """A revision before or after the operation's life is a 400 that names both."""
    status, errors = await api.errors("POST", "/api/flows", json=NEW, headers={"revision": "2024-02-15"})
    assert (status, errors[0]["source"]) == (400, {"parameter": "revision"})
    assert "precedes 2025-01-15" in errors[0]["detail"]
    status, _ = await api.errors("DELETE", "/api/flows/F1", headers={"revision": "2030-01-01"})
    assert status == 400


async def test_a_bug_is_a_500_whose_id_is_logged(api: Toy, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that is no problem tells its id, which the log holds, and nothing of itself."""
    with caplog.at_level(logging.ERROR):
        status, errors = await api.errors("GET", "/api/fail")
    assert (status, errors[0]["code"]) == (500, "error")
    assert "secret" not in str(errors)
    assert errors[0]["id"] in caplog.text


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/vnd.api+json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
    ],
)
async def test_both_media_types_are_read(api: Toy, content_type: str) -> None:
    """Bodies of either media type are read, with a charset or without."""
    body = b'{"data": {"type": "flow", "attributes": {"name": "Fresh"}}}'
    answer = await api.client.post("/api/flows", content=body, headers={"content-type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/vnd.api+json")


async def test_a_body_without_media_type_is_read(api: Toy) -> None:
    """A body that does not say what it is is taken for JSON."""
    body = b'{"data": {"type": "flow", "attributes": {"name": "Fresh"}}}'
    assert (await api.client.post("/api/flows", content=body)).status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json; charset=latin-1"])
async def test_other_media_types_are_refused(api: Toy, content_type: str) -> None:
    """A body of another media type or charset is a 415."""
    status, errors = await api.errors("POST", "/api/flows", content=b"{}", headers={"content-type": content_type})
    assert (status, errors[0]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("", 200),
        ("application/json", 200),
        ("text/html, application/vnd.api+json;q=0.5", 200),
        ("application/*", 200),
        ("text/html", 406),
        ("text/html, application/json;q=0", 406),
    ],
)
async def test_accept(api: Toy, accept: str, status: int) -> None:
    """An Accept header is refused only when it admits neither media type."""
    assert status == (await api.client.get("/api/flows", headers={"accept": accept})).status_code


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        (b"", "/", "empty"),
        (b"{", "/", "not valid JSON"),
        (b'{"data": "\xff"}', "/", "not valid UTF-8"),
        (b'{"data": {"type": "a\\u0000b"}}', "/data/type", "NUL"),
        (b'{"data": {"a\\u0000b": 1}}', "/data/ab", "NUL"),
        (b'{"data": ["x", "\\u0000"]}', "/data/1", "NUL"),
        (b'{"data":' + b"[" * 200 + b"]" * 200 + b"}", "/", "nests more than 100"),
        (b'{"data":' + b"[" * 2000 + b"]" * 2000 + b"}", "/", "not valid JSON"),
        (b"[]", "/", "must be an object"),
        (b"{}", "/data", '"data" is required'),
        (b'{"data": null}', "/data", "null"),
    ],
)
async def test_malformed_bodies(api: Toy, body: bytes, pointer: str, words: str) -> None:
    """Each way of not being a proper body is a 400 that says which and where."""
    status, errors = await api.errors("POST", "/api/flows", content=body)
    assert (400, {"pointer": pointer}) == (status, errors[0]["source"])
    assert words in errors[0]["detail"]


async def test_an_escaped_backslash_is_no_nul(api: Toy) -> None:
    """A backslash followed by u0000 is ordinary text."""
    answer = await api.client.post("/api/flows", content=b'{"data":{"type":"flow","attributes":{"name":"a\\\\u0000"}}}')
    assert answer.status_code == 201


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused(api: Toy, declared: bool) -> None:
    """A body over the limit is a 413, whether it declares its length or streams on."""
    read = []

    async def stream() -> Any:
        for _ in range(100):
            read.append(1)
            yield b" " * 100

    content: Any = b" " * 10_000 if declared else stream()
    status, errors = await api.errors("POST", "/api/jobs", content=content)
    assert (status, errors[0]["code"]) == (413, "payload_too_large")
    assert "larger than 1000 bytes" in errors[0]["detail"]


@pytest.mark.parametrize(
    ("declared", "waits", "read"),
    [
        (None, False, 40),
        ("10000", False, 0),
        ("4000", False, 40),
        ("4000", True, 0),
    ],
)
async def test_a_body_that_is_too_large_is_thrown_away_up_to_four_times_the_limit(
    declared: str | None, waits: bool, read: int
) -> None:
    """What may be read before the refusal is read, so that clients come to hear it, and no more."""
    taken = []

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(100):
            taken.append(1)
            yield b" " * 100

    with pytest.raises(TooLarge):
        await read_body(stream(), 1000, declared, waits=waits)
    assert read == len(taken)


async def test_a_body_that_stands_still_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends too much and then nothing more is refused when patience ends."""
    monkeypatch.setattr("headrace.jsonapi.reading.PATIENCE", 0.0)

    async def stream() -> AsyncIterator[bytes]:
        yield b" " * 1001
        await asyncio.Event().wait()

    with pytest.raises(TooLarge):
        await read_body(stream(), 1000)


async def test_several_mistakes_are_several_errors(api: Toy) -> None:
    """Mistakes in the query and in the body are told together, each with its place, value and rule."""
    body = {"data": {"type": "list", "attributes": {"name": 5, "status": "on", "colour": 1}, "extra": True}}
    status, errors = await api.errors("POST", "/api/flows?sort=x&fields[flow]=nope", json=body)

    assert status == 400
    expected = [
        ({"parameter": "sort"}, '"sort" is not a query parameter here; allowed parameters: '),
        ({"parameter": "fields[flow]"}, '"nope" is not a field that fields[flow] offers; allowed: archived, created'),
        ({"pointer": "/data/type"}, '"type" is "list"; it must be \'flow\'.'),
        ({"pointer": "/data/attributes/name"}, '"name" is 5: it must be text.'),
        ({"pointer": "/data/attributes/status"}, "\"status\" is \"on\"; it must be 'draft' or 'live'."),
        ({"pointer": "/data/attributes/colour"}, '"colour" is not a field of data/attributes.'),
        ({"pointer": "/data/extra"}, '"extra" is not a field of data.'),
    ]
    assert [source for source, _ in expected] == [one["source"] for one in errors]
    for (_, words), one in zip(expected, errors, strict=True):
        assert one["detail"].startswith(words)


async def test_a_validators_own_sentence_is_told(api: Toy) -> None:
    """What a model's own check says is in the detail, with the value."""
    _, errors = await api.errors("POST", "/api/flows", json=changed(name="  "))
    assert errors[0]["detail"] == '"name" is "  ": a name must have letters.'


async def test_ids_of_path_and_body_must_agree(api: Toy) -> None:
    """A body that names another id than the path is a 400 that names both."""
    body = {"data": {"type": "flow", "id": "F2", "attributes": {"status": "manual"}}}
    status, errors = await api.errors("PATCH", "/api/flows/F1", json=body)
    assert (status, errors[0]["source"]) == (400, {"pointer": "/data/id"})
    assert '"F2"' in errors[0]["detail"]
    assert '"F1"' in errors[0]["detail"]


async def test_what_is_created_cannot_be_given_an_id(api: Toy) -> None:
    """An id in the body of a creation would do nothing, so it is refused."""
    status, errors = await api.errors("POST", "/api/flows", json={"data": {**NEW["data"], "id": "MINE"}})
    assert (status, errors[0]["source"]) == (400, {"pointer": "/data/id"})


@pytest.mark.parametrize("query", ["filter=%ff", "&".join(["a=1"] * 300)])
async def test_a_query_string_that_cannot_be_read(api: Toy, query: str) -> None:
    """Invalid UTF-8 and hundreds of parameters are a 400."""
    status, errors = await api.errors("GET", f"/api/flows?{query}")
    assert (status, errors[0]["source"]) == (400, {"parameter": "query"})


async def test_an_id_that_cannot_exist_is_not_found(api: Toy) -> None:
    """An id that no row can have is a 404 like an unknown one."""
    assert (await api.client.get("/api/flow-actions/abc")).status_code == 404
