"""Profiles: making, changing, importing, finding and listing them."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from people import counted, ids, made_list, made_profile, members, pointers, profile, shown

from headrace.clock import VirtualClock
from headrace.ids import bucket_of
from headrace.model import Account, Channel
from headrace.storage import tables as t
from headrace.storage.accounts import create_account
from headrace.storage.consents import ConsentChange, set_consent


def change(profile_id: str, *, meta: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body that changes a profile."""
    body = profile(**attributes)
    body["data"]["id"] = profile_id
    if meta is not None:
        body["data"]["meta"] = {"patch_properties": meta}
    return body


async def test_a_profile_is_read_back_as_it_was_made(api: Api) -> None:
    """Every attribute of a new profile is stored and shown; absent ones are null."""
    given = {
        "email": "sarah@example.com",
        "phone_number": "+15005550006",
        "external_id": "4711",
        "first_name": "Sarah",
        "last_name": "Mason",
        "organization": "Example",
        "locale": "en-US",
        "title": "Engineer",
        "image": "https://images.example.com/1.png",
        "properties": {"plan": "gold", "nested": {"a": [1, 2.5, None, True]}},
    }
    location = {"city": "Boston", "latitude": "42.36", "longitude": -71.06, "timezone": "America/New_York"}
    profile_id = await made_profile(api, **given, location=location)
    attributes = await shown(api, profile_id)
    assert given == {name: attributes[name] for name in given}
    assert location == {name: attributes["location"][name] for name in location}
    assert attributes["location"]["region"] is None
    assert "2026-11-20T12:00:00+00:00" == attributes["created"] == attributes["updated"]


async def test_a_duplicate_is_refused_and_named(api: Api) -> None:
    """An address that is taken, in whatever case, is a 409 whose meta names the profile; nothing is written."""
    first = await made_profile(api, email="sarah@example.com")
    answer = await api.post("/api/profiles", profile(email=" Sarah@Example.com ", external_id="9"))
    [error] = answer.json()["errors"]
    assert (409, "duplicate_profile") == (answer.status_code, error["code"])
    assert {"duplicate_profile_id": first} == error["meta"]
    assert 1 == await counted(api, "profile") == await counted(api, "identifier")


async def test_a_profile_needs_an_identifier(api: Api) -> None:
    """A profile that nothing identifies is refused."""
    answer = await api.post("/api/profiles", profile(first_name="Nobody"))
    assert (400, ["/data/attributes"]) == (answer.status_code, pointers(answer))


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"email": "not an address"}, "/data/attributes/email"),
        ({"email": ""}, "/data/attributes/email"),
        ({"email": 5}, "/data/attributes/email"),
        ({"phone_number": "5551234"}, "/data/attributes/phone_number"),
        ({"email": "a@b.co", "location": {"planet": "Mars"}}, "/data/attributes/location/planet"),
        ({"email": "a@b.co", "properties": []}, "/data/attributes/properties"),
        ({"email": "a@b.co", "nickname": "S"}, "/data/attributes/nickname"),
        ({"email": "a@b.co", "location": {"latitude": True}}, "/data/attributes/location/latitude"),
        ({"email": "a@b.co", "properties": {"a": [0] * 4001}}, "/data/attributes/properties/a"),
    ],
)
async def test_bad_attributes_are_pointed_to(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """Each bad attribute is a 400 that points to it, and nothing is written."""
    answer = await api.post("/api/profiles", profile(**attributes))
    assert (400, [pointer]) == (answer.status_code, pointers(answer))
    assert 0 == await counted(api, "profile")


async def test_a_change_leaves_what_it_does_not_name(api: Api, machine_clock: FixedClock) -> None:
    """Null clears, what is not named stays, properties are merged key by key."""
    profile_id = await made_profile(
        api,
        email="sarah@example.com",
        first_name="Sarah",
        last_name="Mason",
        location={"city": "Boston", "country": "US"},
        properties={"a": 1, "b": 2},
    )
    machine_clock.moment += timedelta(minutes=5)
    body = change(profile_id, last_name=None, location={"city": None}, properties={"b": 3})
    assert 200 == (await api.patch(f"/api/profiles/{profile_id}", body)).status_code
    attributes = await shown(api, profile_id)
    assert ("Sarah", None) == (attributes["first_name"], attributes["last_name"])
    assert (None, "US") == (attributes["location"]["city"], attributes["location"]["country"])
    assert {"a": 1, "b": 3} == attributes["properties"]
    assert "2026-11-20T12:05:00+00:00" == attributes["updated"]


async def test_list_properties_grow_and_shrink(api: Api) -> None:
    """`patch_properties` adds to lists, takes from them and removes properties."""
    profile_id = await made_profile(api, email="a@b.co", properties={"tags": ["x"], "gone": 1, "one": "y"})
    meta = {"append": {"tags": ["x", "z"], "one": "w"}, "unappend": {"tags": "x"}, "unset": ["gone"]}
    await api.patch(f"/api/profiles/{profile_id}", change(profile_id, meta=meta))
    assert {"tags": ["z"], "one": ["y", "w"]} == (await shown(api, profile_id))["properties"]


async def test_a_changed_address_is_free_again(api: Api) -> None:
    """The address that a profile gives up can be taken by another; the one it takes cannot."""
    profile_id = await made_profile(api, email="old@example.com")
    await api.patch(f"/api/profiles/{profile_id}", change(profile_id, email="new@example.com"))
    assert 409 == (await api.post("/api/profiles", profile(email="new@example.com"))).status_code
    assert 201 == (await api.post("/api/profiles", profile(email="old@example.com"))).status_code


async def test_a_change_to_another_profiles_address_is_refused(api: Api) -> None:
    """A profile cannot take what belongs to another; neither changes."""
    first = await made_profile(api, email="first@example.com")
    second = await made_profile(api, email="second@example.com")
    answer = await api.patch(f"/api/profiles/{second}", change(second, email="first@example.com", title="x"))
    assert (409, first) == (answer.status_code, answer.json()["errors"][0]["meta"]["duplicate_profile_id"])
    assert ("second@example.com", None) == (
        (await shown(api, second))["email"],
        (await shown(api, second))["title"],
    )


async def test_an_unknown_profile_is_not_found(api: Api) -> None:
    """Reading and changing a profile that does not exist are 404s."""
    assert 404 == (await api.get("/api/profiles/01GDDKASAP8TKDDA2GRZDSVP4H")).status_code
    body = change("01GDDKASAP8TKDDA2GRZDSVP4H", title="x")
    assert 404 == (await api.patch("/api/profiles/01GDDKASAP8TKDDA2GRZDSVP4H", body)).status_code
    answer = await api.post("/api/profile-import", change("01GDDKASAP8TKDDA2GRZDSVP4H", email="a@b.co"))
    assert 404 == answer.status_code
    assert 0 == await counted(api, "identifier")


async def test_ids_of_path_and_body_must_agree(api: Api) -> None:
    """A body that names another profile than the path is refused."""
    profile_id = await made_profile(api, email="a@b.co")
    answer = await api.patch(f"/api/profiles/{profile_id}", change("other", title="x"))
    assert (400, ["/data/id"]) == (answer.status_code, pointers(answer))


async def test_an_import_makes_or_changes(api: Api) -> None:
    """profile-import answers 201 for a new person and 200 for one that an identifier names."""
    made = await api.post("/api/profile-import", profile(email="sarah@example.com"))
    changed = await api.post("/api/profile-import", profile(email="SARAH@example.com", external_id="1"))
    by_id = await api.post("/api/profile-import", change(made.json()["data"]["id"], title="x"))
    assert [201, 200, 200] == [made.status_code, changed.status_code, by_id.status_code]
    assert 1 == await counted(api, "profile")
    assert ("1", "x") == (
        by_id.json()["data"]["attributes"]["external_id"],
        by_id.json()["data"]["attributes"]["title"],
    )


async def test_one_person_imported_many_times_at_once_is_one_profile(api: Api) -> None:
    """Racing imports of the same address meet in one profile."""
    answers = await asyncio.gather(
        *(api.post("/api/profile-import", profile(email="sarah@example.com")) for _ in range(12))
    )
    assert 1 == len({answer.json()["data"]["id"] for answer in answers})
    assert [200] * 11 + [201] == sorted(answer.status_code for answer in answers)


async def test_profiles_are_found_by_their_identifiers(api: Api) -> None:
    """Filters by id, address, number and external id find one or several, and combine."""
    first = await made_profile(api, email="First@example.com", external_id="1")
    second = await made_profile(api, email="second@example.com", phone_number="+15005550006")
    expected = {
        'equals(email,"first@EXAMPLE.com")': [first],
        "any(email,['first@example.com','second@example.com'])": sorted([first, second]),
        'equals(phone_number,"+15005550006")': [second],
        'equals(external_id,"1")': [first],
        f'any(id,["{second}"])': [second],
        'equals(email,"first@example.com"),equals(phone_number,"+15005550006")': [],
        "greater-than(created,2026-11-20T11:59:59Z)": sorted([first, second]),
    }
    found = {
        text: ids(await api.get("/api/profiles", params={"filter": text, "sort": "id"}))
        if "created" not in text
        else ids(await api.get("/api/profiles", params={"filter": text}))
        for text in expected
    }
    assert expected == found


async def test_pages_of_profiles_hold_each_once(api: Api) -> None:
    """Following `links.next` and then `links.prev` shows every profile once in each direction."""
    made = sorted([await made_profile(api, email=f"p{number}@example.com") for number in range(5)])
    url, seen, last = "/api/profiles?page[size]=2&sort=id", [], ""
    while url:
        answer = await api.get(url)
        seen += ids(answer)
        last, url = url, answer.json()["links"]["next"]
    assert made == seen
    back = await api.get((await api.get(last)).json()["links"]["prev"])
    assert made[2:4] == ids(back)


async def test_consent_is_shown_on_request(api: Api) -> None:
    """`additional-fields[profile]=subscriptions` shows what a person consented to; unasked it stays away."""
    profile_id = await made_profile(api, email="a@b.co", phone_number="+15005550006")
    gone = ConsentChange(
        profile_id, Channel.EMAIL, "UNSUBSCRIBED", NOW + timedelta(microseconds=5), "one_click_unsubscribe"
    )
    async with api.services.database.transaction() as transaction:
        assert await set_consent(transaction, api.account.account_id, gone)
    plain = await shown(api, profile_id)
    answer = await api.get(f"/api/profiles/{profile_id}?additional-fields[profile]=subscriptions")
    marketing = answer.json()["data"]["attributes"]["subscriptions"]["email"]["marketing"]
    assert "subscriptions" not in plain
    assert ("UNSUBSCRIBED", False, "ONE_CLICK_UNSUBSCRIBE") == (
        marketing["consent"],
        marketing["can_receive_email_marketing"],
        marketing["method"],
    )
    assert marketing["suppression"] == [{"reason": "UNSUBSCRIBE", "timestamp": marketing["consent_timestamp"]}]
    assert re.fullmatch(r"[-0-9]{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00", marketing["consent_timestamp"])


async def test_the_lists_of_a_profile_are_read(api: Api) -> None:
    """A profile's lists are related, linked and included."""
    profile_id, list_id = await made_profile(api, email="a@b.co"), await made_list(api)
    await api.post(f"/api/lists/{list_id}/relationships/profiles", members(profile_id))
    assert [list_id] == ids(await api.get(f"/api/profiles/{profile_id}/lists/"))
    assert [list_id] == ids(await api.get(f"/api/profiles/{profile_id}/relationships/lists"))
    document = (await api.get(f"/api/profiles/{profile_id}?include=lists&fields[list]=name")).json()
    assert [{"type": "list", "id": list_id}] == document["data"]["relationships"]["lists"]["data"]
    assert [{"name": "VIP"}] == [one["attributes"] for one in document["included"]]


async def test_accounts_do_not_see_each_other(api: Api) -> None:
    """The same address in two accounts is two profiles; neither key reads the other's."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    mine = await made_profile(api, email="a@b.co")
    theirs = await api.post("/api/profiles", profile(email="a@b.co"), headers=headers)
    assert 201 == theirs.status_code
    assert [mine] == ids(await api.get("/api/profiles"))
    assert 404 == (await api.get(f"/api/profiles/{mine}", headers=headers)).status_code


async def test_a_virtual_account_stamps_profiles_with_its_own_time(api: Api) -> None:
    """In an account with a clock of its own, `created` is that clock's time."""
    services = api.services
    clock = VirtualClock(NOW - timedelta(days=400))
    test = await create_account(services.database, services.ids, Account("", "Test"), clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], test)}"}
    answer = await api.post("/api/profiles", profile(email="a@b.co"), headers=headers)
    assert "2025-10-16T12:00:00+00:00" == answer.json()["data"]["attributes"]["created"]


async def test_rows_carry_the_bucket_of_their_profile(api: Api) -> None:
    """A profile's row lies in the bucket that its id hashes to."""
    profile_id = await made_profile(api, email="a@b.co")
    assert bucket_of(profile_id) == await api.services.database.fetch_value("SELECT bucket FROM profile")


async def test_an_old_id_leads_to_the_person_of_today(api: Api) -> None:
    """Reading and changing a profile by an id that was merged away answers for the profile that it is now."""
    kept, old = await made_profile(api, email="a@b.co"), "01OLDPROFILE"
    async with api.services.database.transaction() as transaction:
        await transaction.execute(
            t.profile_alias.insert().values(
                bucket=bucket_of(old),
                account_id=api.account.account_id,
                profile_id=old,
                into_profile_id=kept,
                merged_at=NOW,
            )
        )
    answers = [
        await api.get(f"/api/profiles/{old}"),
        await api.patch(f"/api/profiles/{old}", change(old, title="x")),
        await api.post("/api/profile-import", change(old, first_name="A")),
    ]
    assert [(200, kept)] * 3 == [(one.status_code, one.json()["data"]["id"]) for one in answers]
    for name in ("lists", "relationships/segments", "push-tokens", "conversations"):
        assert 200 == (await api.get(f"/api/profiles/{old}/{name}")).status_code
    assert ("x", "A") == ((await shown(api, kept))["title"], (await shown(api, kept))["first_name"])
