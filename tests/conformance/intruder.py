"""Somebody of another account who tries whatever the owner does, a moment before it is done.

What is here: `Intruder`, which stands before the application of the tests with the official SDK. Each request that a
test sends with its own key is sent once more beforehand, as it is, with a key of another account, which has nothing.
Whatever the owner's ids name must not be there for it, and no answer may hold anything of the owner's that the request
did not say itself. What is not: the requests; the tests with the SDK call every operation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass, field
from typing import Any

from headrace.api.resources import OPERATIONS
from headrace.jsonapi.tree import build_tree, find
from headrace.storage.database import Database
from headrace.storage.tables import metadata

TREE = build_tree(OPERATIONS)
SHARED = frozenset({"mapped-metric", "push-token", "webhook-topic"})
"""Types whose ids say what they are, in every account: names of mappings, topics, and hashes of devices' tokens."""
ACCEPTED = frozenset(
    {
        "bulk_create_events",
        "bulk_import_profiles",
        "bulk_subscribe_profiles",
        "bulk_suppress_profiles",
        "bulk_unsubscribe_profiles",
        "bulk_unsuppress_profiles",
        "create_or_update_profile",
        "create_template",
        "request_profile_deletion",
        "update_profile",
    }
)
"""Operations that may take a body with an unknown id: jobs look later for the people that they name, at home; a
template may name any block in its text, and shows none that is not of its account."""
GONE = (400, 404, 410)


@dataclass
class Intruder:
    """Stands before an application. `key` is the other account's, `own` the header of the test's own key.

    `found` are the mistakes, a line each.
    """

    app: Any
    key: str
    own: str
    found: MutableSequence[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Try the request as somebody else, then let it through."""
        if scope["type"] != "http" or not self._is_own(scope):
            await self.app(scope, receive, send)
            return
        body = await _whole(receive)
        await self._intrude(scope, body)
        kept = bytearray()

        async def keep(message: Any) -> None:
            kept.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, _once(body, receive), keep)
        self._learn(bytes(kept))

    def _is_own(self, scope: Any) -> bool:
        return dict(scope["headers"]).get(b"authorization", b"").decode() == self.own

    async def _intrude(self, scope: Any, body: bytes) -> None:
        others = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        headers = [*others, (b"authorization", f"Klaviyo-API-Key {self.key}".encode())]
        status, answer = 0, bytearray()

        async def take(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        await self.app({**scope, "headers": headers, "state": {}}, _once(body), take)
        self._judge(scope, body, status, bytes(answer))

    def _judge(self, scope: Any, body: bytes, status: int, answer: bytes) -> None:
        said = scope["path"] + scope["query_string"].decode() + body.decode(errors="replace")
        match = find(TREE, scope["path"].encode())
        operation = match.operations.get(scope["method"]) if match else None
        name = operation.id if operation else f"{scope['method']} {scope['path']}"
        told = sorted(one for one in self.known if one not in said and one.encode() in answer)
        named = sorted(one for one in self.known if one in said)
        if status >= 500:
            self.found.append(f"{name} answered {status} to somebody else")
        if told:
            self.found.append(f"{name} told somebody else of {told[0]}")
        if match and any(one in self.known for one in match.path.values()) and status not in GONE:
            self.found.append(f"{name} answered {status} to somebody else who named {named}")
        elif named and status < 400 and answer and name not in ACCEPTED and not _is_empty(answer):
            self.found.append(f"{name} took {named[0]} of somebody else: {status}")

    def _learn(self, answer: bytes) -> None:
        self.known |= {one["id"] for one in _resources(answer) if one["type"] not in SHARED and len(one["id"]) > 4}


def _is_empty(answer: bytes) -> bool:
    """Tell whether an answer holds no data: a list that was filtered by an unknown id."""
    try:
        return json.loads(answer).get("data") == []
    except ValueError:
        return False


def _resources(answer: bytes) -> Iterator[dict[str, Any]]:
    try:
        document = json.loads(answer)
    except ValueError:
        return
    if isinstance(document, dict):
        data = document.get("data") or []
        for one in [*(data if isinstance(data, list) else [data]), *document.get("included", [])]:
            if isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("type"), str):
                yield one


async def mixed_up(database: Database) -> list[str]:
    """Return a line per table that holds rows of one account about a person of another."""
    found = []
    for table in (one for one in metadata.sorted_tables if {"account_id", "profile_id"} <= set(one.columns.keys())):
        query = f"""
            SELECT count(*) FROM {table.name} t JOIN profile p USING (profile_id)
            WHERE t.account_id <> p.account_id"""
        if count := await database.fetch_value(query):
            found.append(f"{table.name} holds {count} rows about people of another account")
    return found


async def _whole(receive: Any) -> bytes:
    message = await receive()
    body = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        body.extend(message.get("body", b""))
    return bytes(body)


def _once(body: bytes, after: Any = None) -> Any:
    """Return a `receive` that gives a body, and then what `after` gives."""
    given = False

    async def receive() -> Any:
        nonlocal given
        if not given or after is None:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await after()

    return receive
