"""A real application to throw requests at, and what to throw: sample bodies of every operation, and their mutations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
from hypothesis import strategies as st
from pydantic import BaseModel

from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.ids import SeededIds
from headrace.jsonapi.operation import Operation
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.keys import create_key

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REVISION = "2026-10-15"
LONGEST = 30.0
"""Seconds that any answer may take on a busy machine; what grows out of bounds takes longer."""
DEEPEST = 12
UNKNOWN = "NOPE01"
FILLER = "xxxx"
BY_NAME: dict[str, Any] = {
    "email": "p0@example.com",
    "phone_number": "+4917012345678",
    "from": "+4917012345678",
    "to": "+4917012345679",
    "endpoint_url": "https://example.com/hook",
    "filter": "equals(flow_id,'x')",
}
"""What a part of a sample is that its schema does not tell."""
ERROR_FIELDS = {"id": str, "status": int, "code": str, "title": str, "detail": str, "source": dict}

T = TypeVar("T")


class Standing:
    """A machine's clock that stands still."""

    def now(self) -> datetime:
        """Return the moment it stands at."""
        return NOW


@dataclass(frozen=True)
class Target:
    """The application on a loop of its own, an account's key, and ids of things that exist, by what they are."""

    loop: asyncio.AbstractEventLoop
    http: httpx.AsyncClient
    services: Services
    account_id: str
    key: str
    ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def over(cls, dsn: str) -> Target:
        """Return the application over a migrated database."""
        loop = asyncio.new_event_loop()
        return loop.run_until_complete(cls._made(loop, dsn))

    @classmethod
    async def _made(cls, loop: asyncio.AbstractEventLoop, dsn: str) -> Target:
        database = await Database.connect(dsn)
        services = Services.of(database, ids=SeededIds(7), system_clock=Standing())
        account = await create_account(database, services.ids, Account("", "Sample Shop"), services.system_clock)
        key, _ = await create_key(database, services.ids, services.system_clock, account.account_id, "all", ["*"])
        transport = httpx.ASGITransport(app=create_app(services), raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url="http://headrace.test")
        return cls(loop, http, services, account.account_id, key)

    def close(self) -> None:
        """Close the application, its database and its loop."""

        async def closing() -> None:
            await self.http.aclose()
            await self.services.close()
            await self.services.database.close()

        self.run(closing())
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry something out on the loop."""
        return self.loop.run_until_complete(asyncio.wait_for(work, LONGEST))

    def send(
        self, method: str, path: str, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a request as it is given; `path` may hold a query string. Everything that is answered is checked."""
        private = {} if path.startswith("/client/") else {"Authorization": f"Bearer {self.key}"}
        given = {**private, "revision": REVISION, **(headers or {})}
        raw = {name: value.encode("latin-1", "replace") for name, value in given.items()}
        if content is not None:
            raw.setdefault("Content-Type", b"application/json")
        answer = self.run(self.http.request(method, path, content=content, headers=raw))
        check(answer, f"{method} {path} {headers or ''} {(content or b'')[:2000]!r}")
        return answer

    def path(self, operation: Operation, given: str | None = None) -> str:
        """Return an operation's path with an id, of a thing that exists where none is given, and what else it needs."""
        path = operation.path.replace("{id}", self.known(operation) if given is None else given)
        return f"{path}?company_id={self.account_id}" if operation.public else path

    def known(self, operation: Operation) -> str:
        """Return the id of a thing that the operation's path may name, or one that nothing has."""
        return self.ids.get(operation.path.split("/")[2].removesuffix("s"), UNKNOWN)

    def remember(self, *collections: str) -> None:
        """Look up the id of one thing of each collection."""
        for one in collections:
            found = self.send("GET", f"/api/{one}").json()["data"]
            self.ids[one.removesuffix("s")] = found[0]["id"] if found else UNKNOWN

    def fitted(self, operation: Operation, body: Any) -> Any:
        """Return a sample body that names the thing in the path and others that exist."""
        fitting = self._fitted(body)
        data = fitting.get("data") if isinstance(fitting, dict) else None
        if isinstance(data, dict) and "id" in data and "{id}" in operation.path:
            data["id"] = self.known(operation)
        return fitting

    def _fitted(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fitted(one) for one in value]
        if not isinstance(value, dict):
            return self.ids.get("metric", value) if value == UNKNOWN else value
        named = {name: self._fitted(one) for name, one in value.items()}
        if named.get("id") == FILLER:
            named["id"] = self.ids.get(str(named.get("type")), FILLER)
        return named


def check(answer: httpx.Response, told: str) -> None:
    """Fail for a server error, and for an error that is not a document of the published form."""
    assert answer.status_code < 500, f"{told}\n{answer.status_code} {answer.text}"
    if answer.status_code < 400:
        return
    assert answer.headers["content-type"] in ("application/vnd.api+json", "application/json"), told
    errors = answer.json()["errors"]
    assert 1 <= len(errors) <= 50, told
    for error in errors:
        assert {**ERROR_FIELDS, "links": dict, "meta": dict} == {name: type(value) for name, value in error.items()}, (
            f"{told}\n{error}"
        )
        assert set(error["source"]) <= {"pointer", "parameter"}, f"{told}\n{error}"


def sample_of(model: type[BaseModel]) -> Any:
    """Return a body that fits a model's schema, as far as schemas tell: of every union its first member."""
    schema = model.model_json_schema()
    return _sample(schema, schema.get("$defs", {}), 0)


def _sample(schema: dict[str, Any], known: dict[str, Any], depth: int) -> Any:
    if "$ref" in schema:
        return _sample(known[schema["$ref"].rpartition("/")[2]], known, depth + 1)
    for word in ("const", "default"):
        if word in schema and schema[word] is not None:
            return schema[word]
    if "enum" in schema:
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _sample(schema[word][0], known, depth + 1)
    return _plain(schema, known, depth)


def _plain(schema: dict[str, Any], known: dict[str, Any], depth: int) -> Any:
    match schema.get("type"):
        case "object":
            wanted = schema.get("properties", {}) if depth < DEEPEST else {}
            return {name: BY_NAME.get(name) or _sample(part, known, depth + 1) for name, part in wanted.items()}
        case "array":
            return [_sample(schema.get("items", {}), known, depth + 1)] if depth < DEEPEST else []
        case "string":
            return _text(schema)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
    return {}


def _text(schema: dict[str, Any]) -> str:
    match schema.get("format"):
        case "date-time":
            return NOW.isoformat()
        case "date":
            return NOW.date().isoformat()
        case _:
            return FILLER * max(1, schema.get("minLength", 0) // 4)


class Literally(str):
    """Text that goes into a body as it is, such as a number that no Python value writes."""

    __slots__ = ()


def write(value: Any) -> bytes:
    """Return a body as JSON; `Literally` stands as it is, and a list of pairs under a `Doubled` is an object."""
    match value:
        case Literally():
            return value.encode()
        case Doubled():
            return b"{" + b",".join(write(name) + b":" + write(one) for name, one in value.pairs) + b"}"
        case dict():
            return b"{" + b",".join(write(str(name)) + b":" + write(one) for name, one in value.items()) + b"}"
        case list():
            return b"[" + b",".join(map(write, value)) + b"]"
        case _:
            return json.dumps(value).encode()


@dataclass(frozen=True)
class Doubled:
    """An object of which one name stands twice."""

    pairs: list[tuple[str, Any]]


STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**19,
    10**400,
    "",
    " ",
    "x",
    "x" * 5000,
    "\u0000",
    "\ud800",
    "\U0001f600",
    "'; --",
    "%s {} {{ x }} {% x %}",
    "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "+491701234567",
    "a@b.co",
    "ABC123",
    "1" * 30,
    "00000000-0000-0000-0000-000000000000",
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"type": 5},
    {"type": "profile", "id": "x"},
    {"$ref": "x"},
    Literally("NaN"),
    Literally("-Infinity"),
    Literally("1e999"),
    Literally("-0"),
    Literally("1" * 5000),
    Literally("[" * 99 + "]" * 99),
    Literally("[" * 5000 + "]" * 5000),
    Literally('"\\ud800"'),
    Literally('"\\u0000"'),
    Doubled([("type", "a"), ("type", 5)]),
]

plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=20)
    | st.sampled_from(STRANGE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where parts of a body stand, the whole first."""
    yield at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*at, name))


def changed(value: Any, at: tuple[Any, ...], how: str, by: Any) -> Any:
    """Return a body with one change at a place: another value, nothing, a further name, or a name twice."""
    if not at:
        return by if how != "drop" else {}
    name, rest = at[0], at[1:]
    if rest or how in ("put", "add"):
        part = changed(value[name], rest, how, by) if rest else (by if how == "put" else [value[name], by])
        return {**value, name: part} if isinstance(value, dict) else [*value[:name], part, *value[name + 1 :]]
    if isinstance(value, list):
        return [one for index, one in enumerate(value) if index != name] if how == "drop" else [*value, by]
    if how == "drop":
        return {key: one for key, one in value.items() if key != name}
    return Doubled([*value.items(), (name, by)])


@st.composite
def mutations(draw: st.DrawFn, body: Any) -> bytes:
    """Draw a body that was good and then changed in one to three places."""
    value = body
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(value, dict | list):
            break
        at = draw(st.sampled_from(list(places(value))))
        how = draw(st.sampled_from(["put", "drop", "add", "double"]))
        value = changed(value, at, how, draw(plain_json))
    return write(value)
