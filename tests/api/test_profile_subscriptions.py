"""What the API shows of a person's consents, suppressions and devices, and finding people by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from api_client import NOW, Api
from people import ids, made_list, made_profile, pointers

from headrace.messages.tokens import Kind, Payload
from headrace.model import Channel
from headrace.storage.consents import ConsentChange, Purpose, set_consent
from headrace.storage.push_tokens import Token, set_token
from headrace.storage.suppressions import Suppression, suppress

EARLIER, LATER = NOW - timedelta(days=400), NOW - timedelta(days=2)
GLOBAL = "subscriptions.email.marketing.suppression"
ON_LIST = "subscriptions.email.marketing.list_suppressions"


async def consent(api: Api, profile_id: str, channel: Channel, state: str, **more: Any) -> None:
    """Write a consent as of `LATER`."""
    change = ConsentChange(profile_id, channel, state, more.pop("at", LATER), more.pop("method", "form"), **more)
    async with api.services.database.transaction() as transaction:
        await set_consent(transaction, api.account.account_id, change)


async def suppressed(api: Api, *rows: tuple[str, str, datetime] | tuple[str, str, datetime, str]) -> None:
    """Suppress people: profile id, reason, moment, and a list's id."""
    async with api.services.database.transaction() as transaction:
        await suppress(transaction, api.account.account_id, [Suppression(*one) for one in rows])


async def subscriptions(api: Api, profile_id: str) -> dict[str, Any]:
    """Return what the API shows of a person's consents."""
    answer = await api.get(f"/api/profiles/{profile_id}?additional-fields[profile]=subscriptions")
    shown: dict[str, Any] = answer.json()["data"]["attributes"]["subscriptions"]
    return shown


async def found(api: Api, text: str, sort: str | None = None) -> Sequence[str]:
    """Return the ids of the profiles that a filter finds."""
    params = {"filter": text} if sort is None else {"filter": text, "sort": sort}
    answer = await api.get("/api/profiles", params=params)
    assert 200 == answer.status_code, answer.text
    return ids(answer)


async def test_whoever_never_said_anything_may_get_email_alone(api: Api) -> None:
    """Without any consent e-mail may be sent and nothing else; every channel and purpose is there."""
    shown = await subscriptions(api, await made_profile(api, email="a@b.co", phone_number="+15005550006"))
    email, sms, whatsapp = shown["email"]["marketing"], shown["sms"], shown["whatsapp"]
    assert (True, "NEVER_SUBSCRIBED", [], []) == (
        email["can_receive_email_marketing"],
        email["consent"],
        email["suppression"],
        email["list_suppressions"],
    )
    assert (False, False) == (
        sms["marketing"]["can_receive_sms_marketing"],
        sms["transactional"]["can_receive_sms_transactional"],
    )
    assert {"marketing": False, "transactional": False, "conversational": False} == {
        purpose: each["can_receive"] for purpose, each in whatsapp.items()
    }
    assert (False, "NEVER_SUBSCRIBED") == (
        shown["mobile_push"]["marketing"]["can_receive_push_marketing"],
        shown["mobile_push"]["marketing"]["consent"],
    )


async def test_a_consent_is_shown_with_how_and_when(api: Api) -> None:
    """Method, details, double opt-in and both moments of a consent are shown."""
    profile_id = await made_profile(api, email="a@b.co")
    await consent(
        api,
        profile_id,
        Channel.EMAIL,
        "SUBSCRIBED",
        method="preference_page",
        detail="https://shop.test/p",
        custom_source="spring fair",
        double_opt_in=True,
        at=EARLIER,
        recorded_at=LATER,
    )
    marketing = (await subscriptions(api, profile_id))["email"]["marketing"]
    expected = {
        "consent": "SUBSCRIBED",
        "consent_timestamp": "2025-10-16T12:00:00+00:00",
        "last_updated": "2026-11-18T12:00:00+00:00",
        "method": "PREFERENCE_PAGE",
        "method_detail": "https://shop.test/p",
        "custom_method_detail": "spring fair",
        "double_optin": True,
    }
    assert expected == {name: marketing[name] for name in expected}


async def test_marketing_consent_covers_transactional_texts_unless_refused(api: Api) -> None:
    """Consent to marketing texts allows transactional ones; having unsubscribed from these does not."""
    profile_id = await made_profile(api, phone_number="+15005550006")
    await consent(api, profile_id, Channel.SMS, "SUBSCRIBED")
    both = (await subscriptions(api, profile_id))["sms"]
    await consent(api, profile_id, Channel.SMS, "UNSUBSCRIBED", purpose=Purpose.TRANSACTIONAL)
    refused = (await subscriptions(api, profile_id))["sms"]
    assert (True, "NEVER_SUBSCRIBED") == (
        both["transactional"]["can_receive_sms_transactional"],
        both["transactional"]["consent"],
    )
    assert (False, "UNSUBSCRIBED", True) == (
        refused["transactional"]["can_receive_sms_transactional"],
        refused["transactional"]["consent"],
        refused["marketing"]["can_receive_sms_marketing"],
    )


async def test_whatsapp_shows_the_number_that_consented(api: Api) -> None:
    """A consent to WhatsApp is shown under its purpose with the phone number."""
    profile_id = await made_profile(api, phone_number="+15005550006")
    await consent(api, profile_id, Channel.WHATSAPP, "SUBSCRIBED", purpose=Purpose.CONVERSATIONAL)
    shown = (await subscriptions(api, profile_id))["whatsapp"]
    assert ("SUBSCRIBED", True, "+15005550006") == (
        shown["conversational"]["consent"],
        shown["conversational"]["can_receive"],
        shown["conversational"]["phone_number"],
    )
    assert ("NEVER_SUBSCRIBED", None) == (shown["marketing"]["consent"], shown["marketing"]["phone_number"])


async def test_an_allowed_device_is_consent_to_push(api: Api) -> None:
    """A token that is allowed lets push messages through; a denied one does not."""
    profile_id = await made_profile(api, email="a@b.co")
    seen = []
    for enabled in (False, True):
        async with api.services.database.transaction() as transaction:
            token = Token("t1", "ios", "apns", enabled)
            await set_token(transaction, api.account.account_id, profile_id, token, LATER)
        shown = (await subscriptions(api, profile_id))["mobile_push"]["marketing"]
        seen.append((shown["can_receive_push_marketing"], shown["consent"]))
    assert [(False, "UNSUBSCRIBED"), (True, "SUBSCRIBED")] == seen


async def test_suppressions_are_shown_everywhere_and_by_list(api: Api) -> None:
    """Every reason not to mail somebody is shown; those of single lists keep nothing else back."""
    profile_id, list_id = await made_profile(api, email="a@b.co"), await made_list(api)
    await suppressed(api, (profile_id, "USER_SUPPRESSED", LATER, list_id))
    before = (await subscriptions(api, profile_id))["email"]["marketing"]
    await suppressed(api, (profile_id, "HARD_BOUNCE", EARLIER))
    after = (await subscriptions(api, profile_id))["email"]["marketing"]
    on_list = {"list_id": list_id, "reason": "USER_SUPPRESSED", "timestamp": "2026-11-18T12:00:00+00:00"}
    assert (True, [], [on_list]) == (
        before["can_receive_email_marketing"],
        before["suppression"],
        before["list_suppressions"],
    )
    assert (False, [{"reason": "HARD_BOUNCE", "timestamp": "2025-10-16T12:00:00+00:00"}]) == (
        after["can_receive_email_marketing"],
        after["suppression"],
    )


async def test_people_are_found_by_their_suppressions(api: Api) -> None:
    """Filters by reason, moment and list find whoever has one suppression of which all is true."""
    list_id = await made_list(api)
    ana, ben, cem, dua = [await made_profile(api, email=f"{name}@b.co") for name in ("ana", "ben", "cem", "dua")]
    await suppressed(
        api,
        (ana, "HARD_BOUNCE", EARLIER),
        (ana, "USER_SUPPRESSED", LATER),
        (ben, "HARD_BOUNCE", LATER),
        (dua, "UNSUBSCRIBE", EARLIER, list_id),
    )
    await consent(api, cem, Channel.EMAIL, "UNSUBSCRIBED")
    day = "2026-11-01T00:00:00Z"
    expected = {
        f'equals({GLOBAL}.reason,"HARD_BOUNCE")': {ana, ben},
        f'equals({GLOBAL}.reason,"UNSUBSCRIBE")': {cem},
        f"less-than({GLOBAL}.timestamp,{day})": {ana},
        f'equals({GLOBAL}.reason,"HARD_BOUNCE"),greater-than({GLOBAL}.timestamp,{day})': {ben},
        f'equals({ON_LIST}.reason,"UNSUBSCRIBE")': {dua},
        f'equals({ON_LIST}.list_id,"{list_id}"),less-or-equal({ON_LIST}.timestamp,{day})': {dua},
        f'equals({ON_LIST}.list_id,"other")': set(),
    }
    assert expected == {text: set(await found(api, text)) for text in expected}


async def test_people_are_sorted_by_their_latest_suppression(api: Api) -> None:
    """Sorting by suppression puts whoever has none last, page by page in both directions."""
    ana, ben, cem = [await made_profile(api, email=f"{name}@b.co") for name in ("ana", "ben", "cem")]
    await suppressed(api, (cem, "HARD_BOUNCE", EARLIER), (ana, "HARD_BOUNCE", LATER))
    seen, url = [], f"/api/profiles?sort={GLOBAL}.timestamp&page[size]=1"
    while url:
        answer = await api.get(url)
        seen += ids(answer)
        url = answer.json()["links"]["next"]
    assert [cem, ana, ben] == seen
    assert [ana, cem] == ids(await api.get(f"/api/profiles?sort=-{GLOBAL}.timestamp"))[1:]
    assert ben == ids(await api.get(f"/api/profiles?sort=-{GLOBAL}.timestamp"))[0]


async def test_an_unknown_reason_is_refused(api: Api) -> None:
    """A reason that does not exist is a 400 that names the filter."""
    answer = await api.get("/api/profiles", params={"filter": f'equals({GLOBAL}.reason,"BORED")'})
    assert (400, ["filter"]) == (answer.status_code, pointers(answer))


async def test_people_are_found_by_the_identity_of_their_links(api: Api) -> None:
    """`_kx` finds whom a tracked link was made for; one that was not made here finds nobody."""
    ana = await made_profile(api, email="ana@b.co")
    await made_profile(api, email="ben@b.co")
    signer = api.services.signer
    own = signer.sign(Payload(Kind.IDENTITY, api.account.account_id, ana))
    foreign = signer.sign(Payload(Kind.IDENTITY, "AAAAAA", ana))
    assert ([ana], [], []) == (
        await found(api, f'equals(_kx,"{own}")'),
        await found(api, f'equals(_kx,"{foreign}")'),
        await found(api, 'equals(_kx,"nonsense")'),
    )


@pytest.mark.parametrize("spelling", ["+15005550006", "+1 (500) 555-0006"])
async def test_a_number_is_found_however_it_is_written(api: Api, spelling: str) -> None:
    """A filter by phone number compares numbers, not spellings."""
    profile_id = await made_profile(api, phone_number="+1 500 555 0006")
    assert [profile_id] == await found(api, f'equals(phone_number,"{spelling}")')


async def test_single_parts_of_subscriptions_can_be_asked_for(api: Api) -> None:
    """`fields[profile]` names parts of subscriptions, of WhatsApp and open tracking, too."""
    profile_id = await made_profile(api, email="a@b.co")
    names = "subscriptions.email.open_tracking.can_receive,subscriptions.whatsapp.marketing.consent"
    answer = await api.get(f"/api/profiles/{profile_id}?fields[profile]={names}")
    assert {
        "subscriptions": {
            "email": {"open_tracking": {"can_receive": True}},
            "whatsapp": {"marketing": {"consent": "NEVER_SUBSCRIBED"}},
        }
    } == answer.json()["data"]["attributes"]
