"""Bodies and shortcuts for tests about people."""

from __future__ import annotations

from typing import Any

from api_client import Api
from httpx import Response


def profile(**attributes: Any) -> dict[str, Any]:
    """Return the body of a profile."""
    return {"data": {"type": "profile", "attributes": attributes}}


def event(name: str = "Viewed Product", *, person: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body of an event of sarah@example.com, or of somebody else."""
    described = {"attributes": {"email": "sarah@example.com"}} if person is None else person
    return {
        "data": {
            "type": "event",
            "attributes": {
                "properties": {},
                "metric": {"data": {"type": "metric", "attributes": {"name": name}}},
                "profile": {"data": {"type": "profile", **described}},
                **attributes,
            },
        }
    }


def bulk(*people: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a bulk job; each of `people` holds `email` and `events`, bodies as `event` makes them."""
    return {
        "data": {
            "type": "event-bulk-create-job",
            "attributes": {"events-bulk-create": {"data": [_persons_events(one) for one in people]}},
        }
    }


def _persons_events(one: dict[str, Any]) -> dict[str, Any]:
    events = []
    for body in one["events"]:
        attributes = {name: value for name, value in body["data"]["attributes"].items() if name != "profile"}
        events.append({"type": "event", "attributes": attributes})
    person = {"data": {"type": "profile", "attributes": {"email": one["email"]}}}
    return {"type": "event-bulk-create", "attributes": {"profile": person, "events": {"data": events}}}


def members(*ids: str) -> dict[str, Any]:
    """Return the body that names profiles."""
    return {"data": [{"type": "profile", "id": one} for one in ids]}


async def made_profile(api: Api, **attributes: Any) -> str:
    """Make a profile and return its id."""
    answer = await api.post("/api/profiles", profile(**attributes))
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def made_list(api: Api, name: str = "VIP") -> str:
    """Make a list and return its id."""
    answer = await api.post("/api/lists", {"data": {"type": "list", "attributes": {"name": name}}})
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def shown(api: Api, profile_id: str) -> dict[str, Any]:
    """Return the attributes of a profile."""
    attributes: dict[str, Any] = (await api.get(f"/api/profiles/{profile_id}")).json()["data"]["attributes"]
    return attributes


async def counted(api: Api, table: str) -> int:
    """Return the number of rows of a table."""
    count: int = await api.services.database.fetch_value(f"SELECT count(*) FROM {table}")
    return count


def refusals(answer: Response) -> list[tuple[int, str, dict[str, Any]]]:
    """Return status, code and source of every error in an answer, having checked that each is complete."""
    errors = answer.json()["errors"]
    for one in errors:
        assert {"id", "status", "code", "title", "detail", "source", "links", "meta"} == set(one)
        assert all(isinstance(one[name], str) and one[name] for name in ("id", "code", "title", "detail"))
    return [(one["status"], one["code"], one["source"]) for one in errors]


def pointers(answer: Response) -> list[str]:
    """Return where the errors of an answer point to: a pointer or a parameter each."""
    return [source.get("pointer") or source.get("parameter") or "" for _, _, source in refusals(answer)]


def ids(answer: Response) -> list[str]:
    """Return the ids of a list, in its order."""
    return [one["id"] for one in answer.json()["data"]]
