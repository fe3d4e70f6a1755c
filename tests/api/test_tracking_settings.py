"""Tracking settings: reading and changing them, and what they mean for the links of messages."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from api_client import Api
from consent_calls import mails, work
from flow_samples import creation, definition, email, metric, status_change, template
from httpx import Response
from people import event, ids, pointers

from headrace.messages.links import follow
from headrace.model import Account
from headrace.storage.accounts import create_account

PATH = "/api/tracking-settings"


def dynamic(value: str) -> dict[str, str]:
    """Return a value that is filled in."""
    return {"type": "dynamic", "value": value}


def static(value: str) -> dict[str, str]:
    """Return a value that is always the same."""
    return {"type": "static", "value": value}


async def changed(api: Api, account_id: str | None = None, **attributes: Any) -> Response:
    """Change settings, the account's own unless another is named."""
    named = account_id or api.account.account_id
    body = {"data": {"type": "tracking-setting", "id": named, "attributes": attributes}}
    return await api.patch(f"{PATH}/{named}", body)


async def settings(api: Api) -> Any:
    """Return the attributes of the account's settings."""
    return (await api.get(f"{PATH}/{api.account.account_id}")).json()["data"]["attributes"]


async def test_an_account_that_chose_nothing_has_the_defaults(api: Api) -> None:
    """As a list of one, whose id is the account's."""
    answer = await api.get(PATH)
    assert [api.account.account_id] == ids(answer)
    [one] = answer.json()["data"]
    assert {
        "auto_add_parameters": False,
        "utm_source": {"flow": dynamic("flow_name"), "campaign": dynamic("group_name")},
        "utm_medium": {"flow": dynamic("message_type"), "campaign": dynamic("message_type")},
        "utm_campaign": {"flow": dynamic("message_name_id"), "campaign": dynamic("campaign_name_id")},
        "utm_id": None,
        "utm_term": None,
        "custom_parameters": [],
    } == one["attributes"]
    assert one["attributes"] == await settings(api)


async def test_what_is_not_named_stays(api: Api) -> None:
    """Parameters, and their sides; null takes one away."""
    custom = [{"name": "shop", "flow": static("north")}]
    first = await changed(api, auto_add_parameters=True, utm_source={"flow": static("mail")}, custom_parameters=custom)
    assert (200, True) == (first.status_code, first.json()["data"]["attributes"]["auto_add_parameters"])
    second = await changed(api, utm_id={"flow": dynamic("flow_id")}, utm_campaign=None)
    told = second.json()["data"]["attributes"]
    assert told == await settings(api)
    assert (True, {"flow": static("mail"), "campaign": dynamic("group_name")}, None) == (
        told["auto_add_parameters"],
        told["utm_source"],
        told["utm_campaign"],
    )
    assert {"flow": dynamic("flow_id"), "campaign": None} == told["utm_id"]
    assert [{"name": "shop", "flow": static("north"), "campaign": None}] == told["custom_parameters"]
    assert [] == (await changed(api, custom_parameters=None)).json()["data"]["attributes"]["custom_parameters"]


async def test_fields_may_be_asked_for_by_parts(api: Api) -> None:
    """With dotted names."""
    answer = await api.get(PATH, params={"fields[tracking-setting]": "utm_source.flow.value,auto_add_parameters"})
    [one] = answer.json()["data"]
    assert {"auto_add_parameters": False, "utm_source": {"flow": {"value": "flow_name"}}} == one["attributes"]


async def test_settings_of_others_are_unknown(api: Api) -> None:
    """To be read and to be changed."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    assert 404 == (await api.get(f"{PATH}/{other.account_id}")).status_code
    assert 404 == (await changed(api, other.account_id, auto_add_parameters=True)).status_code
    assert 0 == await services.database.fetch_value("SELECT count(*) FROM tracking_setting")


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"auto_add_parameters": None}, "auto_add_parameters"),
        ({"utm_source": None}, "utm_source"),
        ({"utm_medium": {"flow": None}}, "utm_medium/flow"),
        ({"utm_source": {"flow": dynamic("campaign_name")}}, "utm_source/flow/value"),
        ({"utm_source": {"campaign": dynamic("flow_name")}}, "utm_source/campaign/value"),
        ({"utm_source": {"flow": {"type": "other", "value": "x"}}}, "utm_source/flow"),
        ({"utm_id": {"flow": static("")}}, "utm_id/flow/value"),
        ({"utm_id": {"flow": static("x" * 256)}}, "utm_id/flow/value"),
        ({"utm_content": None}, "utm_content"),
        ({"custom_parameters": [{"name": f"p{n}"} for n in range(6)]}, "custom_parameters"),
        ({"custom_parameters": [{"flow": static("x")}]}, "custom_parameters/0/name"),
        ({"custom_parameters": [{"name": "a b"}]}, "custom_parameters/0/name"),
        ({"custom_parameters": [{"name": "UTM_source"}]}, "custom_parameters/0/name"),
        ({"custom_parameters": [{"name": "_kx"}]}, "custom_parameters/0/name"),
        ({"custom_parameters": [{"name": "a"}, {"name": "A"}]}, ""),
    ],
)
async def test_what_breaks_a_rule_is_refused(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """By its place, and nothing is stored."""
    answer = await changed(api, **attributes)
    assert (400, [f"/data/attributes/{pointer}".rstrip("/")]) == (answer.status_code, pointers(answer))
    assert 0 == await api.services.database.fetch_value("SELECT count(*) FROM tracking_setting")


# --- what they mean -----------------------------------------------------------------------------------------------


async def live_flow(api: Api, **message: Any) -> None:
    """Make a flow that mails a link to whoever views something; its message says what is given."""
    body = await template(api, html='<a href="https://shop.example/?a=1&utm_term=own">Shop</a>')
    action = email("mail", body)
    told = action["data"]["message"]
    del told["add_tracking_params"]
    told.update(message, smart_sending_enabled=False)
    action["data"]["status"] = "live"
    document = definition(await metric(api, "Viewed Product"), action)
    flow_id = (await api.post("/api/flows", creation("Views & more", document))).json()["data"]["id"]
    assert 200 == (await api.patch(f"/api/flows/{flow_id}", status_change(flow_id, "live"))).status_code


async def linked(api: Api, number: int) -> dict[str, str]:
    """Let somebody view something and return the parameters of the link in the mail that they get."""
    person = {"attributes": {"email": f"p{number}@example.com", "external_id": f"x-{number}"}}
    assert 202 == (await api.post("/api/events", event(person=person))).status_code
    await work(api)
    html = (await mails(api))[-1]["html"]
    found = re.search(r'href="[^"]*/t/c/([^"]+)"', html)
    assert found is not None
    destination = follow(api.services.signer, found[1])
    assert destination is not None
    return dict(parse_qsl(urlsplit(destination.payload.url).query))


OWN = {"a": "1", "utm_term": "own"}


async def test_the_account_decides_for_messages_that_say_nothing(api: Api) -> None:
    """From the next message on; what the link has already is kept."""
    await live_flow(api)
    assert OWN == await linked(api, 1)
    await changed(api, auto_add_parameters=True)
    first = await linked(api, 2)
    assert ("Views & more", "email") == (first["utm_source"], first["utm_medium"])
    assert first["utm_campaign"].startswith("Reminder (")
    await changed(
        api,
        utm_source={"flow": static("flow_name")},
        utm_campaign=None,
        utm_id={"flow": dynamic("profile_external_id")},
        utm_term={"flow": static("theirs")},
        custom_parameters=[{"name": "subject", "flow": dynamic("email_subject")}, {"name": "none"}],
    )
    assert {
        **OWN,
        "utm_source": "flow_name",
        "utm_medium": "email",
        "utm_id": "x-3",
        "subject": "You left something",
    } == await linked(api, 3)


async def test_a_message_decides_for_itself(api: Api) -> None:
    """One that wants no parameters has none, whatever the account says."""
    await changed(api, auto_add_parameters=True)
    await live_flow(api, add_tracking_params=False)
    assert OWN == await linked(api, 1)


async def test_a_message_has_a_list_of_its_own(api: Api) -> None:
    """Then the account's is passed over."""
    await live_flow(api, add_tracking_params=True, custom_tracking_params=[{"param": "utm_source", "value": "mine"}])
    assert {**OWN, "utm_source": "mine"} == await linked(api, 1)
