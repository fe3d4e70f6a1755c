"""The official SDK works with profiles: identity, properties, push tokens, merging, deletion, and mistakes."""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, document, every_id, ids_of, made_list, made_profile, named, profile, refused
from served import Served

EVERYTHING = {
    "email": "sarah@example.com",
    "phone_number": "+15005550006",
    "external_id": "4711",
    "first_name": "Sarah",
    "last_name": "Mason",
    "organization": "Example Corporation",
    "locale": "en-US",
    "title": "Regional Manager",
    "image": "https://example.com/sarah.jpg",
    "location": {
        "address1": "89 E 42nd St",
        "address2": "1st floor",
        "city": "New York",
        "country": "United States",
        "latitude": 40.7,
        "longitude": -74.0,
        "region": "NY",
        "zip": "10017",
        "timezone": "America/New_York",
    },
    "properties": {"plan": "gold", "sizes": ["S", "M"], "points": 12},
}


def token(value: str, email: str, **rest: Any) -> dict[str, Any]:
    """Return the body of a push token of a person."""
    device = {"device_id": f"device of {value}", "device_model": "iPhone14,3", "os_name": "ios", "app_name": "Shop"}
    attributes = {"token": value, "platform": "ios", "vendor": "apns", "enablement_status": "AUTHORIZED"}
    attributes |= {"background": "AVAILABLE", "device_metadata": device, "profile": profile(email=email), **rest}
    return body("push-token", attributes)


def test_the_sdk_writes_and_reads_every_attribute(klaviyo: KlaviyoAPI) -> None:
    """What was sent is what is shown."""
    made = data(klaviyo.Profiles.create_profile(profile(**EVERYTHING)))
    shown = data(klaviyo.Profiles.get_profile(made["id"]))["attributes"]
    plain = {name: value for name, value in EVERYTHING.items() if name != "location"}
    assert plain == {name: shown[name] for name in plain}
    where = EVERYTHING["location"]
    assert isinstance(where, dict)
    found = {name: shown["location"][name] for name in where}
    assert {name: str(value) for name, value in where.items()} == {name: str(value) for name, value in found.items()}


def test_the_sdk_patches_properties(klaviyo: KlaviyoAPI) -> None:
    """Values are appended, unappended and unset; a null takes a field away."""
    person = made_profile(klaviyo, "sarah@example.com", properties={"sizes": ["S", "M"], "plan": "gold", "old": 1})
    meta = {"patch_properties": {"append": {"sizes": "L"}, "unappend": {"sizes": "S"}, "unset": ["old"]}}
    attributes = {"title": "Dr", "properties": {"points": 3}}
    klaviyo.Profiles.update_profile(person, body("profile", attributes, person, meta=meta))
    shown = data(klaviyo.Profiles.get_profile(person))["attributes"]
    assert ({"sizes": ["M", "L"], "plan": "gold", "points": 3}, "Dr") == (shown["properties"], shown["title"])
    klaviyo.Profiles.update_profile(person, body("profile", {"title": None}, person))
    assert data(klaviyo.Profiles.get_profile(person))["attributes"]["title"] is None


def test_the_sdk_makes_or_changes_a_profile(klaviyo: KlaviyoAPI) -> None:
    """An import finds people by any identifier and makes those who are not found."""
    imported = klaviyo.Profiles.create_or_update_profile
    person = data(imported(profile(email="sarah@example.com", external_id="4711")))["id"]
    assert person == data(imported(profile(external_id="4711", phone_number="+15005550006")))["id"]
    assert person == data(imported(profile(phone_number="+15005550006", first_name="Sarah")))["id"]
    shown = data(klaviyo.Profiles.get_profile(person))["attributes"]
    assert ("sarah@example.com", "Sarah") == (shown["email"], shown["first_name"])
    assert person != data(imported(profile(email="tom@example.com")))["id"]


def test_the_sdk_finds_profiles(klaviyo: KlaviyoAPI) -> None:
    """By each identifier and by time, sorted, in pages, with few fields and with what is on request."""
    made = [made_profile(klaviyo, f"p{number}@example.com", external_id=f"e{number}") for number in range(5)]
    klaviyo.Profiles.update_profile(made[0], body("profile", {"phone_number": "+15005550006"}, made[0]))
    find = klaviyo.Profiles.get_profiles
    for question in (
        "equals(email,'P0@example.com')",
        "equals(phone_number,'+15005550006')",
        "equals(external_id,'e0')",
        f"equals(id,'{made[0]}')",
    ):
        assert [made[0]] == ids_of(find(filter=question)), question
    assert {made[1], made[2]} == set(ids_of(find(filter="any(email,['p1@example.com','p2@example.com'])")))
    assert [] == ids_of(find(filter="greater-than(created,2100-01-01T00:00:00Z)"))
    assert made[::-1] == every_id(find, sort="-email", page_size=2)
    assert sorted(made) == every_id(find, sort="id", page_size=3)
    [few] = data(find(filter="equals(external_id,'e1')", fields_profile=["email", "subscriptions.email.marketing"]))
    assert "p1@example.com" == few["attributes"]["email"]
    more = ["subscriptions", "predictive_analytics"]
    [one] = data(find(filter="equals(external_id,'e1')", additional_fields_profile=more))
    assert "NEVER_SUBSCRIBED" == one["attributes"]["subscriptions"]["sms"]["marketing"]["consent"]
    assert one["attributes"]["predictive_analytics"]["historic_clv"] is None


def test_the_sdk_finds_no_conversation(klaviyo: KlaviyoAPI) -> None:
    """There are none: a page without rows, and a relationship without anything."""
    person, profiles = made_profile(klaviyo, "sarah@example.com"), klaviyo.Profiles
    assert [] == ids_of(profiles.get_conversations_for_profile(person))
    assert [] == ids_of(profiles.get_conversation_ids_for_profile(person))
    assert [] == document(profiles.get_profile(person, include=["conversations"])).get("included", [])
    for read in (profiles.get_conversation_for_profile, profiles.get_conversation_id_for_profile):
        assert not data(read(person))


def test_the_sdk_keeps_push_tokens(klaviyo: KlaviyoAPI) -> None:
    """Tokens are made, found, read with their person, and deleted."""
    profiles = klaviyo.Profiles
    profiles.create_push_token(token("t-1", "sarah@example.com"))
    profiles.create_push_token(token("t-2", "sarah@example.com", platform="android", vendor="fcm"))
    profiles.create_push_token(token("t-3", "tom@example.com", enablement_status="DENIED"))
    [person] = ids_of(profiles.get_profiles(filter="equals(email,'sarah@example.com')"))
    listed = {one["attributes"]["token"]: one["id"] for one in data(profiles.get_push_tokens())}
    assert {"t-1", "t-2", "t-3"} == set(listed)
    assert set(listed.values()) == set(every_id(profiles.get_push_tokens, page_size=2))
    find = profiles.get_push_tokens
    assert [listed["t-1"]] == ids_of(find(filter=f"equals(id,'{listed['t-1']}')"))
    assert [listed["t-2"]] == ids_of(find(filter="equals(platform,'android')"))
    assert [listed["t-3"]] == ids_of(find(filter="equals(enablement_status,'DENIED')"))
    assert 2 == len(ids_of(find(filter=f"equals(profile.id,'{person}')")))
    shown = document(profiles.get_push_token(listed["t-1"], include=["profile"], fields_profile=["email"]))
    assert ("AUTHORIZED", "ios") == tuple(
        shown["data"]["attributes"][name] for name in ("enablement_status", "platform")
    )
    assert [("profile", person)] == [(one["type"], one["id"]) for one in shown["included"]]
    assert person == data(profiles.get_profile_for_push_token(listed["t-1"]))["id"]
    assert person == data(profiles.get_profile_id_for_push_token(listed["t-1"]))["id"]
    both = {listed["t-1"], listed["t-2"]}
    assert both == set(ids_of(profiles.get_push_tokens_for_profile(person, fields_push_token=["token"])))
    assert both == set(ids_of(profiles.get_push_token_ids_for_profile(person)))
    found = document(profiles.get_profile(person, include=["push-tokens"]))
    assert both == {one["id"] for one in found["included"]}
    profiles.delete_push_token(listed["t-1"])
    assert {listed["t-2"]} == set(ids_of(profiles.get_push_tokens_for_profile(person)))


def test_the_sdk_merges_profiles(served: Served, klaviyo: KlaviyoAPI) -> None:
    """The one that stays has the other's lists and properties, and answers to the other's id and address."""
    kept = made_profile(klaviyo, "sarah@example.com", first_name="Sarah")
    gone = made_profile(klaviyo, "s.mason@example.com", external_id="4711", properties={"plan": "gold"})
    list_id = made_list(klaviyo, "VIP", gone)
    merge = body("profile-merge", None, kept, relationships={"profiles": named("profile", gone)})
    assert kept == data(klaviyo.Profiles.merge_profiles(merge))["id"]
    served.work()
    shown = data(klaviyo.Profiles.get_profile(kept))["attributes"]
    assert ("sarah@example.com", "Sarah", "gold") == (
        shown["email"],
        shown["first_name"],
        shown["properties"]["plan"],
    )
    assert [list_id] == ids_of(klaviyo.Profiles.get_lists_for_profile(kept))
    assert [list_id] == ids_of(klaviyo.Profiles.get_list_ids_for_profile(kept))
    assert [kept] == ids_of(klaviyo.Profiles.get_profiles())
    with refused(400, kept):
        merge = body("profile-merge", None, kept, relationships={"profiles": named("profile", kept)})
        klaviyo.Profiles.merge_profiles(merge)


def test_the_sdk_deletes_a_person(served: Served, klaviyo: KlaviyoAPI) -> None:
    """Whoever asks to be forgotten is gone once the work is done."""
    person = made_profile(klaviyo, "sarah@example.com")
    other = made_profile(klaviyo, "tom@example.com")
    list_id = made_list(klaviyo, "VIP", person, other)
    request = body("data-privacy-deletion-job", {"profile": profile(email="sarah@example.com")})
    klaviyo.Data_Privacy.request_profile_deletion(request)
    served.work()
    with refused(404, person):
        klaviyo.Profiles.get_profile(person)
    assert [other] == ids_of(klaviyo.Lists.get_profiles_for_list(list_id))


def test_the_sdk_learns_what_is_wrong_with_a_profile(klaviyo: KlaviyoAPI) -> None:
    """Each mistake is a refusal that points at it; a duplicate names the one that there is."""
    profiles = klaviyo.Profiles
    person = made_profile(klaviyo, "sarah@example.com")
    with refused(409, person, "duplicate_profile_id"):
        profiles.create_profile(profile(email="Sarah@Example.com"))
    with refused(400, "/data/attributes/email", "not an address"):
        profiles.create_profile(profile(email="not an address"))
    with refused(400, "/data/attributes/phone_number"):
        profiles.create_profile(profile(phone_number="12"))
    with refused(400, "/data/attributes/location/timezone", "Mars/Olympus"):
        profiles.create_profile(profile(email="x@example.com", location={"timezone": "Mars/Olympus"}))
    with refused(404, "N0body"):
        profiles.update_profile("N0body", body("profile", {"title": "x"}, "N0body"))
    with refused(400, "color"):
        profiles.get_profiles(filter="equals(color,'red')")
