"""Whatever is sent, the answer is no server error, and a refusal is a document of the published form."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import asyncpg
import pytest
from fuzz_bodies import GOOD
from fuzzing import REVISION, STRANGE, Target, changed, mutations, places, plain_json, sample_of, write
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.types import NullType

from headrace.api.resources import OPERATIONS
from headrace.api.revisions import SERVED
from headrace.jsonapi.cursor import _checksum
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.query import offered_parameters
from headrace.storage.embedded import Server

WITH_BODY = [one for one in OPERATIONS if one.body is not None and not one.form]
LISTS = [one for one in OPERATIONS if one.page is not None]
FILTERED = [one for one in OPERATIONS if one.filters]
NAMED = [one for one in OPERATIONS if "{id}" in one.path]
EVERY = 20
"""Of the strange values, one in so many is tried at each place, another one at the next."""
BODIES = {one.id: GOOD.get(one.id) or sample_of(one.body) for one in WITH_BODY if one.body is not None}
IDS = [
    "NOPE01",
    "0",
    "1" * 18,
    "1" * 40,
    "-1",
    "01HZXJ5Z6Z6Z6Z6Z6Z6Z6Z6Z6Z",
    "00000000-0000-0000-0000-000000000000",
    "zzzzzzzzzzz",
    "0000000000A",
    "A1b2C3:x",
    "email:x:y:z",
    "%00",
    "%ff",
    "%F0%9F%98%80",
    "%2F",
    "..",
    "%20",
    "x" * 3000,
    "{id}",
    "%ED%A0%80",
]


@pytest.fixture(scope="module")
def target(server: Server, migrated_template: str) -> Iterator[Target]:
    """The application over a database that all examples share, with a few things in it."""
    asyncio.run(_statement(server.dsn, f"CREATE DATABASE fuzzed TEMPLATE {migrated_template}"))
    made = Target.over(server.dsn.replace("/headrace?", "/fuzzed?", 1))
    for number in range(3):
        person = {"type": "profile", "attributes": {"email": f"p{number}@example.com"}}
        made.send("POST", "/api/profiles", write({"data": person}))
        made.send("POST", "/api/lists", write({"data": {"type": "list", "attributes": {"name": f"List {number}"}}}))
        made.send("POST", "/api/tags", write({"data": {"type": "tag", "attributes": {"name": f"Tag {number}"}}}))
        metric = {"data": {"type": "metric", "attributes": {"name": f"Metric {number}"}}}
        event = {"type": "event", "attributes": {"metric": metric, "profile": {"data": person}, "properties": {}}}
        assert 202 == made.send("POST", "/api/events", write({"data": event})).status_code
    for name in ("create_flow", "create_segment", "create_template"):
        [operation] = [one for one in OPERATIONS if one.id == name]
        assert 201 == made.send("POST", operation.path, write(GOOD[name])).status_code
    made.remember("profiles", "lists", "tags", "events", "metrics", "flows", "segments", "templates", "tag-groups")
    yield made
    made.close()


async def _statement(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_strange_values_at_every_place_of_every_body(target: Target) -> None:
    """Each operation's sample body, with another strange value at each of its places in turn."""
    for operation in WITH_BODY:
        body, path = target.fitted(operation, BODIES[operation.id]), target.path(operation)
        for number, at in enumerate(list(places(body))[:100]):
            for strange in STRANGE[number % EVERY :: EVERY]:
                target.send(operation.method, path, write(changed(body, at, "put", strange)))


@given(st.data())
def test_mutated_bodies(target: Target, data: st.DataObject) -> None:
    """Bodies that were good and were then changed, of every operation that takes one."""
    operation = data.draw(st.sampled_from(WITH_BODY))
    content = data.draw(mutations(target.fitted(operation, BODIES[operation.id])))
    target.send(operation.method, target.path(operation), content)


@given(st.sampled_from(WITH_BODY), plain_json | st.fixed_dictionaries({"data": plain_json}), st.sampled_from(SERVED))
def test_arbitrary_json(target: Target, operation: Operation, value: Any, revision: str) -> None:
    """Any JSON, or what looks like it, in every revision: what older ones do to a body must bear it, too."""
    target.send(operation.method, target.path(operation), write(value), {"revision": revision})


@given(st.sampled_from(WITH_BODY), st.binary(max_size=60))
def test_arbitrary_bytes(target: Target, operation: Operation, content: bytes) -> None:
    """Any bytes as a body."""
    target.send(operation.method, target.path(operation), content)


FILTER_WORDS = st.sampled_from(
    [
        "(",
        ")",
        ",",
        "[",
        "]",
        "'",
        '"',
        "\\",
        "and",
        "or",
        "not",
        "null",
        "true",
        "1",
        "-1e5",
        "2026-01-01",
        " ",
        "\x00",
    ]
)
VALUES = st.sampled_from(
    [
        "null",
        "true",
        "5",
        "-9223372036854775809",
        "1e308",
        "2026-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "[]",
        "['a','b']",
        "[1,null]",
        "''",
        "'x'",
        "'\U0001f600'",
        "'%_\\\\'",
        "'" + "9" * 400 + "'",
        "'+491701234567'",
        "'a@b.co'",
        "['NOPE01','0000000000A']",
        "'00000000-0000-0000-0000-000000000000'",
    ]
)


@st.composite
def filters(draw: st.DrawFn, operation: Operation) -> str:
    """Draw a filter of the operation's fields with any operator and value, or a heap of words."""
    fields = st.sampled_from(sorted(operation.filters))
    words = ["equals", "any", "has", "contains", "contains-any", "contains-all", "starts-with", "ends-with"]
    operators = st.sampled_from([*words, "less-than", "less-or-equal", "greater-than", "greater-or-equal"])
    one = st.tuples(operators, fields, VALUES).map(lambda parts: f"{parts[0]}({parts[1]},{parts[2]})")
    heap = st.lists(FILTER_WORDS | fields | VALUES, max_size=12).map("".join)
    return draw(st.lists(one | one | heap, min_size=1, max_size=3).map(",".join))


@given(st.data())
def test_filters(target: Target, data: st.DataObject) -> None:
    """Every filterable field with every operator and values of every kind, and what is no filter at all."""
    operation = data.draw(st.sampled_from(FILTERED))
    asked = urlencode({"filter": data.draw(filters(operation))})
    path = target.path(operation, data.draw(st.sampled_from(IDS[:12])))
    target.send(operation.method, f"{path}?{asked}")


def test_every_field_with_every_operator_and_value(target: Target) -> None:
    """Of every list: each of its fields with each of its operators, and strange values in turn."""
    values = ["'x'", "null", "['a']", "5", "true", "0001-01-01T00:00:00+14:00", "9999-12-31", "-9223372036854775808"]
    for operation in FILTERED:
        for field, rule in operation.filters.items():
            for name in rule.operators:
                for value in values:
                    asked = urlencode({"filter": f"{name}({field}{'' if name == 'has' else ',' + value})"})
                    target.send(operation.method, f"{target.path(operation)}?{asked}")


def real_cursor(target: Target, path: str) -> str:
    """Return the cursor of a list's second page."""
    following = target.send("GET", path).json()["links"]["next"]
    return parse_qs(urlsplit(following).query)["page[cursor]"][0]


def forged(payload: Any) -> str:
    """Return a cursor with a right checksum and any content."""
    raw = write(payload)
    return base64.urlsafe_b64encode(_checksum(raw) + raw).decode().rstrip("=")


PAGED = ["/api/profiles?page[size]=1", "/api/lists?page[size]=1", "/api/events?page[size]=1&sort=-datetime"]
SORTED = [
    f"{one.path}?page[size]=1&sort={sign}{key}"
    for one in LISTS
    if "{id}" not in one.path and not (one.page and one.page.fixed)
    for key in one.sorts
    for sign in ("", "-")
]
MARKS = [None, True, 5, 2**70, 1.5, "", "x", "\u0000", [], {}, ["d", "2026-01-01T00:00:00"], ["d", "x"], ["u", "x"]]
MARKS += [["d", "2026-01-01T00:00:00+00:00"], ["n", "NaN"], ["n", "1e999999"], ["q", 5], ["d"], [["d"], "x"]]
MARKS += [["d", "0001-01-01T00:00:00+14:00"], ["n", "5"], ["u", "00000000-0000-0000-0000-000000000000"], "\ud800"]


def test_cursors_can_be_held_against_every_list() -> None:
    """The type of whatever a list is sorted by is known, so that a cursor's values can be checked."""
    unknown = [one.id for one in LISTS if one.table is not None and isinstance(one.table.key.type, NullType)]
    unknown += [
        f"{one.id} {key}" for one in LISTS for key, by in one.sorts.items() if isinstance(by.column.type, NullType)
    ]
    assert [] == unknown


def test_forged_cursors_on_every_list(target: Target) -> None:
    """A cursor that is bound to the right list, but holds values of any other kind than the list is sorted by."""
    for number, path in enumerate(SORTED):
        plain = target.send("GET", path.replace("page[size]=1", "page[size]=2"))
        bound = bound_of(path)
        if bound is None or plain.status_code != 200:
            continue
        for mark in MARKS[number % 4 :: 4]:
            for payload in ([1, bound, 0, mark, "x"], [1, bound, 1, "x", mark], [1, bound, 0, mark, mark]):
                target.send("GET", f"{path}&page[cursor]={forged(payload)}")


def bound_of(path: str) -> str | None:
    """Return what a cursor of a list is bound to."""
    parts = urlsplit(path)
    sort = parse_qs(parts.query)["sort"][0]
    return hashlib.blake2b(f"{parts.path}\n\n{sort}".encode(), digest_size=6).hexdigest()


@given(st.data())
def test_cursors(target: Target, data: st.DataObject) -> None:
    """Random text, real cursors with letters changed, and forged ones."""
    path = data.draw(st.sampled_from(PAGED))
    real = real_cursor(target, path)
    raw = base64.urlsafe_b64decode(real + "=" * (-len(real) % 4))[4:]
    mutated = st.builds(
        lambda at, letter: real[:at] + letter + real[at + 1 :], st.integers(0, len(real)), st.characters()
    )
    content = json.loads(raw)
    marks = st.sampled_from(MARKS) | plain_json
    forgeries = st.tuples(marks, marks, st.booleans()).map(lambda one: forged([1, content[1], one[2], one[0], one[1]]))
    cursor = data.draw(st.text(max_size=60) | mutated | forgeries | marks.map(forged))
    target.send("GET", f"{path}&{urlencode({'page[cursor]': cursor.encode('utf-8', 'replace')})}")


@given(st.sampled_from(OPERATIONS), st.text(max_size=30) | st.sampled_from([*SERVED, "2025-02-30", "٢٠٢٦-٠١-٠١"]))
def test_revisions(target: Target, operation: Operation, revision: str) -> None:
    """Any text in the revision's header."""
    target.send(operation.method, target.path(operation), None, {"revision": revision})


@given(st.data())
def test_parameters(target: Target, data: st.DataObject) -> None:
    """Every parameter that an operation offers, and others, with any value."""
    operation = data.draw(st.sampled_from(OPERATIONS))
    names = st.sampled_from([*offered_parameters(operation), "sort", "fields[x]", "page", "page[size]"])
    texts = st.text(max_size=20) | st.sampled_from(["-", ",", "id", "-created", "name,,x", "0", "1" * 50, "\x00", "."])
    pairs = data.draw(st.lists(st.tuples(names | st.text(max_size=10), texts), max_size=5))
    path = target.path(operation)
    encoded = urlencode([(name.encode("utf-8", "replace"), text.encode("utf-8", "replace")) for name, text in pairs])
    target.send(operation.method, f"{path}{'&' if '?' in path else '?'}{encoded}")


@given(st.sampled_from(OPERATIONS), st.binary(max_size=40))
def test_query_strings(target: Target, operation: Operation, raw: bytes) -> None:
    """Any bytes after the question mark, escaped as they must be."""
    path = target.path(operation)
    target.send(operation.method, f"{path}{'&' if '?' in path else '?'}{quote(raw, safe='=&[],%+')}")


def test_every_path_with_every_strange_id(target: Target) -> None:
    """Ids of every kind and none, in the path of every operation that takes one."""
    for number, operation in enumerate(NAMED):
        body = write(BODIES[operation.id]) if operation.id in BODIES else None
        for given_id in IDS[number % 4 :: 4]:
            target.send(operation.method, target.path(operation, given_id), body)


@given(st.sampled_from(NAMED), st.text(min_size=1, max_size=30))
def test_ids(target: Target, operation: Operation, given_id: str) -> None:
    """Any text as an id."""
    escaped = quote(given_id.encode("utf-8", "replace"), safe="")
    target.send(operation.method, target.path(operation, escaped))


@given(
    st.lists(st.sampled_from(["api", "client", "headrace", "flows", "..", ".", "%2e", "%", "", "é", "relationships"]))
)
def test_paths(target: Target, parts: list[str]) -> None:
    """Any path at all."""
    target.send("GET", "/" + "/".join(quote(one, safe="%.") for one in parts))


@given(
    st.sampled_from(["Authorization", "Accept", "Content-Type", "Content-Length-Of", "X-Request-Id", "Host"]),
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40),
)
def test_headers(target: Target, name: str, value: str) -> None:
    """Any text in the headers that are read."""
    target.send("GET", "/api/flows", None, {name: value, "revision": REVISION})
