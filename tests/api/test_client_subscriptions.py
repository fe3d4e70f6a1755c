"""What pages and apps do about subscriptions and devices with an account's public id."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from client_calls import accepted, call, kx, named, stored, subscription, unregister
from consent_calls import EMAIL, SMS, consents, link_in, list_of, mails, members, row, unsubscribe, work
from people import counted, made_profile, pointers, refusals
from test_push_tokens import body as token_body

from headrace.model import Account
from headrace.storage.accounts import create_account

# --- subscriptions ------------------------------------------------------------------------------------------------


async def test_a_page_subscribes_to_a_list(api: Api) -> None:
    """At once where the list says so; what it told of the person and its own word for the source are kept."""
    list_id = await list_of(api)
    body = subscription(list_id, EMAIL, email="sarah@example.com", first_name="Sarah", custom_source="Footer")
    await accepted(api, "subscriptions", body)
    await work(api)
    assert ["sarah@example.com"] == await members(api, list_id)
    [kept] = await api.services.database.fetch(
        "SELECT subscription, custom_source, first_name FROM consent"
        " JOIN profile USING (bucket, account_id, profile_id)"
    )
    assert ["SUBSCRIBED", "Footer", "Sarah"] == list(kept.values())


async def test_a_list_may_ask_for_confirmation(api: Api) -> None:
    """Then nobody is on it before they pressed the button in the mail."""
    list_id = await list_of(api, "double_opt_in")
    await accepted(api, "subscriptions", subscription(list_id, email="sarah@example.com"))
    await work(api)
    assert ([], []) == (await members(api, list_id), await consents(api))
    [mail] = await mails(api)
    await api.http.post(link_in(mail["text"]), data={"confirm": "yes"})
    assert ["sarah@example.com"] == await members(api, list_id)


async def test_without_channels_marketing_is_meant(api: Api) -> None:
    """On those of the identifiers that are given."""
    list_id = await list_of(api)
    await accepted(api, "subscriptions", subscription(list_id, email="s@example.com", phone_number="+15005550006"))
    await work(api)
    assert [("s@example.com", 1, 0, "SUBSCRIBED"), ("s@example.com", 2, 0, "SUBSCRIBED")] == await consents(api)


async def test_an_identifier_without_its_channel_is_only_stored(api: Api) -> None:
    """With `subscriptions` only its channels are subscribed to."""
    list_id = await list_of(api)
    body = subscription(list_id, SMS, email="s@example.com", phone_number="+15005550006")
    await accepted(api, "subscriptions", body)
    await work(api)
    assert [("s@example.com", 2, 0, "SUBSCRIBED")] == await consents(api)


async def test_consent_belongs_to_the_address_that_was_typed(api: Api) -> None:
    """An address that is not the recognized person's own stands for somebody of its own."""
    list_id = await list_of(api)
    profile_id = await made_profile(api, email="sarah@example.com", external_id="63")
    body = subscription(list_id, email="other@example.com", external_id="63", _kx=kx(api, profile_id))
    await accepted(api, "subscriptions", body)
    await work(api)
    assert ["other@example.com"] == await members(api, list_id)
    assert [("other@example.com", 1, 0, "SUBSCRIBED")] == await consents(api)
    assert ("sarah@example.com", None, "63") in await stored(api)


async def test_nobody_is_unsubscribed(api: Api) -> None:
    """Consent is only ever given."""
    list_id = await list_of(api)
    body = subscription(list_id, {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}, email="s@example.com")
    answer = await call(api, "subscriptions", body)
    assert ["/data/attributes/profile/data/attributes/subscriptions/email/marketing/consent"] == pointers(answer)


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"first_name": "S"}, ""),
        ({"email": "s@example.com", "subscriptions": SMS}, "/phone_number"),
        ({"email": "s@example.com", "subscriptions": {}}, "/subscriptions"),
        (
            {
                "email": "s@example.com",
                "subscriptions": {
                    "email": {"marketing": {"consent": "SUBSCRIBED", "consented_at": "2020-01-01T00:00:00Z"}}
                },
            },
            "/subscriptions/email/marketing/consented_at",
        ),
    ],
)
async def test_what_a_subscription_lacks_is_told(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """By its place."""
    list_id = await list_of(api)
    answer = await call(api, "subscriptions", subscription(list_id, **attributes))
    assert [f"/data/attributes/profile/data/attributes{pointer}"] == pointers(answer)


async def test_the_list_must_be_there(api: Api) -> None:
    """And be one of this account."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    theirs = await list_of(api)
    for list_id, account in (("NOLIST", api.account), (theirs, other)):
        body = subscription(list_id, email="s@example.com")
        answer = await call(api, "subscriptions", body, company_id=account.account_id)
        assert [(404, "not_found", {"pointer": "/data/relationships/list/data/id"})] == refusals(answer)
    assert 0 == await counted(api, "profile")


async def test_an_app_subscribes_its_device(api: Api) -> None:
    """Somebody with an anonymous id alone is enough."""
    list_id = await list_of(api)
    token = {"token": "t-9", "platform": "ios", "vendor": "apns"}
    push = {"push": {"marketing": {"consent": "SUBSCRIBED"}, "tokens": [token], "anonymous_id": "a-9"}}
    await accepted(api, "subscriptions", subscription(list_id, push))
    await work(api)
    assert ["t-9"] == [one["token"] for one in await api.services.database.fetch("SELECT token FROM push_token")]


async def test_whoever_unsubscribed_subscribes_again(api: Api) -> None:
    """On a list that asks for no confirmation that is enough, as in every form."""
    list_id = await list_of(api)
    await unsubscribe(api, row({"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}, email="s@example.com"))
    await accepted(api, "subscriptions", subscription(list_id, email="s@example.com"))
    await work(api)
    assert [("s@example.com", 1, 0, "SUBSCRIBED")] == await consents(api)


# --- devices ------------------------------------------------------------------------------------------------------


async def test_an_app_registers_and_forgets_its_device(api: Api) -> None:
    """Only the person who is named loses it, and nobody is made for that."""
    await accepted(api, "push-tokens", token_body("t-1", named(email="sarah@example.com", first_name="Sarah")))
    await accepted(api, "push-token-unregister", unregister("t-1", named(email="other@example.com")))
    await accepted(api, "push-token-unregister", unregister("t-2"))
    assert (1, 1) == (await counted(api, "push_token"), await counted(api, "profile"))
    await accepted(api, "push-token-unregister", unregister("t-1"))
    assert (0, 1) == (await counted(api, "push_token"), await counted(api, "profile"))


async def test_a_device_needs_somebody(api: Api) -> None:
    """The body of a push token is bounded, too."""
    answer = await call(api, "push-token-unregister", unregister("t-1", {"attributes": {}}))
    assert ["/data/attributes/profile/data/attributes"] == pointers(answer)
    large = unregister("t-1", named(email="s@example.com", properties={"x": ["y" * 90_000] * 2}))
    assert 413 == (await call(api, "push-token-unregister", large)).status_code
