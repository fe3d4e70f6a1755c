"""Requests about consent, a worker that does what they ask for, and what came of it; for tests of the API."""

from __future__ import annotations

import re
from typing import Any

from api_client import Api

from headrace.engine.core import Core
from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.messages.rendered import Workshop

SHOP = "http://headrace.test"
YES = {"consent": "SUBSCRIBED"}
NO = {"consent": "UNSUBSCRIBED"}
EMAIL = {"email": {"marketing": YES}}
SMS = {"sms": {"marketing": YES}}
ROWS = "/data/attributes/profiles/data"
SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "/api/profile-subscription-bulk-delete-jobs"


def row(subscriptions: Any = None, **attributes: Any) -> dict[str, Any]:
    """Return a row of a job; `id` names a profile."""
    named = {"id": attributes.pop("id")} if "id" in attributes else {}
    told = {} if subscriptions is None else {"subscriptions": subscriptions}
    return {"type": "profile", **named, "attributes": {**attributes, **told}}


def job(kind: str, *rows: Any, list_id: str | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body of a job that subscribes (`create`) or unsubscribes (`delete`)."""
    related = {"relationships": {"list": {"data": {"type": "list", "id": list_id}}}} if list_id else {}
    told = {"profiles": {"data": list(rows)}, **attributes}
    return {"data": {"type": f"profile-subscription-bulk-{kind}-job", "attributes": told, **related}}


def engine(api: Api) -> Core:
    """Return an engine over the database of the API, with its signer."""
    services = api.services
    workshop = Workshop(services.signer, SHOP)
    return build_core(services.database, workshop, clock=services.system_clock, ids=services.ids, name="test")


async def work(api: Api) -> None:
    """Do all that is to be done."""
    await Worker(engine(api)).drain()


async def subscribe(api: Api, *rows: Any, list_id: str | None = None, **attributes: Any) -> None:
    """Subscribe people and let the job be done."""
    answer = await api.post(SUBSCRIBE, job("create", *rows, list_id=list_id, **attributes))
    assert (202, "") == (answer.status_code, answer.text)
    await work(api)


async def unsubscribe(api: Api, *rows: Any, list_id: str | None = None) -> None:
    """Unsubscribe people and let the job be done."""
    answer = await api.post(UNSUBSCRIBE, job("delete", *rows, list_id=list_id))
    assert (202, "") == (answer.status_code, answer.text)
    await work(api)


async def list_of(api: Api, opt_in_process: str = "single_opt_in", name: str = "News") -> str:
    """Make a list and return its id."""
    body = {"data": {"type": "list", "attributes": {"name": name, "opt_in_process": opt_in_process}}}
    return str((await api.post("/api/lists", body)).json()["data"]["id"])


async def consents(api: Api) -> list[tuple[str, int, int, str]]:
    """Return (e-mail or number, channel, purpose, subscription) of everybody."""
    rows = await api.services.database.fetch(
        "SELECT coalesce(email, phone_number, '') AS name, channel, purpose, subscription"
        " FROM consent JOIN profile USING (bucket, account_id, profile_id) ORDER BY 1, 2, 3"
    )
    return [tuple(one.values()) for one in rows]  # type: ignore[attr-defined]


async def metrics(api: Api) -> list[str]:
    """Return the names of the recorded events' metrics, in order."""
    rows = await api.services.database.fetch(
        "SELECT name FROM event JOIN metric USING (account_id, metric_id) ORDER BY name"
    )
    return [one["name"] for one in rows]


async def members(api: Api, list_id: str) -> list[str]:
    """Return the addresses of those on a list."""
    rows = await api.services.database.fetch(
        "SELECT email FROM membership JOIN profile USING (bucket, account_id, profile_id) WHERE group_id = $1"
        " ORDER BY email",
        list_id,
    )
    return [one["email"] for one in rows]


async def mails(api: Api) -> list[Any]:
    """Return the messages that the inbox kept, in order."""
    return await api.services.database.fetch("SELECT * FROM inbox_message ORDER BY number")


def link_in(text: str) -> str:
    """Return the first address in a text, without its host."""
    found = re.search(r"http://[^/\s]+(/\S+)", text)
    assert found is not None
    return found[1]
