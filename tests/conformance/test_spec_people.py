"""Answers about people in each revision of which a description is at hand; each is held against it (`held_answers`)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from served import Served

from published import REVISIONS

READS = (
    ("/api/accounts", ""),
    ("/api/accounts/{id}", "account"),
    ("/api/profiles", ""),
    ("/api/profiles/{id}", "profile"),
    ("/api/profiles/{id}/lists", "profile"),
    ("/api/profiles/{id}/relationships/lists", "profile"),
    ("/api/lists", ""),
    ("/api/lists/{id}", "list"),
    ("/api/lists/{id}/profiles", "list"),
    ("/api/lists/{id}/relationships/profiles", "list"),
    ("/api/metrics", ""),
    ("/api/metrics/{id}", "metric"),
    ("/api/events", ""),
    ("/api/events/{id}", "event"),
    ("/api/events/{id}/metric", "event"),
    ("/api/events/{id}/relationships/metric", "event"),
    ("/api/events/{id}/profile", "event"),
    ("/api/events/{id}/relationships/profile", "event"),
)


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    """A client with a key."""
    headers = {"Authorization": f"Klaviyo-API-Key {served.key}"}
    with httpx.Client(base_url=served.url, headers=headers) as made:
        yield made


def _fill(client: httpx.Client) -> dict[str, str]:
    """Make one of everything and return the ids by type."""
    client.headers["revision"] = "2026-07-15"
    person = {"data": {"type": "profile", "attributes": {"email": "sarah@example.com"}}}
    found = {"profile": client.post("/api/profiles", json=person).json()["data"]["id"]}
    made = client.post("/api/lists", json={"data": {"type": "list", "attributes": {"name": "VIP"}}})
    found["list"] = made.json()["data"]["id"]
    members = {"data": [{"type": "profile", "id": found["profile"]}]}
    assert 204 == client.post(f"/api/lists/{found['list']}/relationships/profiles", json=members).status_code
    attributes = {
        "properties": {"a": 1},
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "profile": person,
    }
    happened = {"data": {"type": "event", "attributes": attributes}}
    assert 202 == client.post("/api/events", json=happened).status_code
    for name, path in (("event", "/api/events"), ("metric", "/api/metrics"), ("account", "/api/accounts")):
        found[name] = client.get(path).json()["data"][0]["id"]
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_reads_keep_the_description(client: httpx.Client, revision: str) -> None:
    """Every read answers members, types and enums as the description of its revision has them."""
    found = _fill(client)
    client.headers["revision"] = revision
    paths = [path.format(id=found.get(kind, "")) for path, kind in READS]
    assert dict.fromkeys(paths, 200) == {path: client.get(path).status_code for path in paths}


@pytest.mark.parametrize("revision", REVISIONS)
def test_writes_keep_the_description(client: httpx.Client, revision: str) -> None:
    """What was made and changed is answered as the description of its revision has it."""
    found = _fill(client)
    client.headers["revision"] = revision
    profile = {"type": "profile", "attributes": {"email": "tom@example.com"}}
    changed = {"type": "profile", "id": found["profile"], "attributes": {"title": "x"}}
    named = {"type": "list", "attributes": {"name": "B"}}
    renamed = {**named, "id": found["list"]}
    calls = (
        ("post", "/api/profiles", profile, 201),
        ("post", "/api/profile-import", profile, 200),
        ("patch", "/api/profiles/{id}", changed, 200),
        ("post", "/api/lists", named, 201),
        ("patch", "/api/lists/{id}", renamed, 200),
    )
    for method, path, data, status in calls:
        answer = client.request(method, path.format(id=data.get("id", "")), json={"data": data})
        assert status == answer.status_code, (path, answer.text)
