"""Requests that a page of a shop sends, for tests of the API."""

from __future__ import annotations

from typing import Any

from api_client import NEWEST, Api
from httpx import Response

from headrace.messages.tokens import Kind, Payload

SARAH = {"attributes": {"email": "sarah@example.com"}}


async def call(api: Api, path: str, body: Any, **options: Any) -> Response:
    """Post a body to a path of `/client` as a page does, with the public id and without a key."""
    headers = {"revision": NEWEST, "Origin": "https://shop.example", **options.pop("headers", {})}
    company = options.pop("company_id", api.account.account_id)
    params = {} if company is None else {"company_id": company}
    return await api.http.post(f"/client/{path}", json=body, params=params, headers=headers, **options)


async def accepted(api: Api, path: str, body: Any, **options: Any) -> None:
    """Post a body and see that it was taken in, and that the answer says nothing else."""
    answer = await call(api, path, body, **options)
    assert (202, b"") == (answer.status_code, answer.content), answer.text


def visitor(person: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return `{data}` of a visitor, sarah@example.com unless described."""
    return {"data": {"type": "profile", **(SARAH if person is None else person)}}


def named(**attributes: Any) -> dict[str, Any]:
    """Return a visitor described by attributes."""
    return {"attributes": attributes}


def profile(person: dict[str, Any]) -> dict[str, Any]:
    """Return the body that tells of a visitor."""
    return visitor(person)


def events(*names: str, person: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body of several events of a visitor."""
    rows = [{"type": "event", "attributes": occurrence(name, unique_id=str(n))} for n, name in enumerate(names)]
    told = {"profile": visitor(person), "events": {"data": rows}, **attributes}
    return {"data": {"type": "event-bulk-create", "attributes": told}}


def occurrence(name: str, **attributes: Any) -> dict[str, Any]:
    """Return what happened."""
    metric = {"data": {"type": "metric", "attributes": {"name": name}}}
    return {"properties": {}, "metric": metric, **attributes}


def subscription(list_id: str, subscriptions: Any = None, person_id: str | None = None, **attributes: Any) -> Any:
    """Return the body that subscribes a visitor; `custom_source` belongs to the subscription."""
    source = {"custom_source": attributes.pop("custom_source")} if "custom_source" in attributes else {}
    told = {} if subscriptions is None else {"subscriptions": subscriptions}
    data = {"type": "profile", "attributes": {**attributes, **told}, **({"id": person_id} if person_id else {})}
    return {
        "data": {
            "type": "subscription",
            "attributes": {**source, "profile": {"data": data}},
            "relationships": {"list": {"data": {"type": "list", "id": list_id}}},
        }
    }


def unregister(token: str, person: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the body that takes a device from a visitor."""
    told = {"token": token, "platform": "ios", "vendor": "apns", "profile": visitor(person)}
    return {"data": {"type": "push-token-unregister", "attributes": told}}


def kx(api: Api, profile_id: str, account_id: str = "") -> str:
    """Return the identity that a tracked link carries."""
    return api.services.signer.sign(Payload(Kind.IDENTITY, account_id or api.account.account_id, profile_id))


async def stored(api: Api) -> list[tuple[Any, ...]]:
    """Return the identifiers that everybody's row shows, in order."""
    rows = await api.services.database.fetch("SELECT email, phone_number, external_id FROM profile ORDER BY 1, 2, 3")
    return [tuple(one.values()) for one in rows]
