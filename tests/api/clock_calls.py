"""A test account whose clock is moved over the API, with a small flow and an event that starts it."""

from __future__ import annotations

from typing import Any

from api_client import Api
from flow_samples import creation, definition, delay, email, metric, status_change, template

from headrace.clock import VirtualClock
from headrace.model import Account
from headrace.model.account import Settings
from headrace.storage.accounts import create_account


async def of_test_account(api: Api, clock: VirtualClock | None = None) -> Api:
    """Return a client of a test account that follows the machine's clock, or stands where `clock` does."""
    services = api.services
    blank = Account("", "Test", settings=Settings(test=True))
    account = await create_account(services.database, services.ids, blank, clock or services.system_clock)
    return Api(api.http, services, account, await api.another_key(["*"], account))


def asks(action: str, **rest: Any) -> dict[str, Any]:
    """Return the body of a request to a clock."""
    return {"data": {"type": "headrace-clock", "attributes": {"action": action, **rest}}}


async def live_flow(api: Api) -> str:
    """Make a flow of two e-mails, four hours apart, and let it go live."""
    mails = [email("first", await template(api), "later"), email("second", await template(api))]
    for one in mails:
        one["data"]["message"]["smart_sending_enabled"] = False
    parts = (delay("wait", "first"), mails[0], delay("later", "second"), mails[1])
    answer = await api.post("/api/flows", creation("Cart", definition(await metric(api), *parts)))
    flow_id = str(answer.json()["data"]["id"])
    answer = await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "live"))
    assert 200 == answer.status_code, answer.text
    return flow_id


async def post_event(api: Api, email_address: str = "ana@example.com") -> None:
    """Post the event that starts the flow."""
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Started Checkout"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": email_address}}},
        "properties": {},
    }
    answer = await api.post("/api/events", {"data": {"type": "event", "attributes": attributes}})
    assert 202 == answer.status_code, answer.text
