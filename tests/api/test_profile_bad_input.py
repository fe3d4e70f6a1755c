"""What is wrong with people in requests: each mistake names the thing, the value and the rule; nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from people import counted, made_profile, members, pointers, profile, shown

from headrace.api.commands.countries import is_country
from headrace.api.commands.values import e164
from headrace.messages.tokens import Kind, Payload

PLACE = "/data/attributes/location"
DEEP: dict[str, Any] = {"a": 1}
for _ in range(11):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    ("attributes", "pointer", "named"),
    [
        ({"email": "sarah@example"}, "/data/attributes/email", '"sarah@example"'),
        ({"email": "a b@example.com"}, "/data/attributes/email", "e-mail address"),
        ({"phone_number": "0176 1234567"}, "/data/attributes/phone_number", "E.164"),
        ({"phone_number": "+99912345678"}, "/data/attributes/phone_number", "no country has the code"),
        ({"phone_number": "+4912"}, "/data/attributes/phone_number", '"+4912"'),
        ({"phone_number": "+123456789012345"}, "/data/attributes/phone_number", "begin with +1"),
        ({"location": {"country": "Narnia"}}, f"{PLACE}/country", '"Narnia"'),
        ({"location": {"country": "ZZ"}}, f"{PLACE}/country", "ISO 3166"),
        ({"location": {"timezone": "Mars/Olympus"}}, f"{PLACE}/timezone", "IANA"),
        ({"location": {"timezone": "../../etc/passwd"}}, f"{PLACE}/timezone", "IANA"),
        ({"location": {"latitude": 90.5}}, f"{PLACE}/latitude", "from -90 to 90"),
        ({"location": {"longitude": "-181"}}, f"{PLACE}/longitude", "from -180 to 180"),
        ({"location": {"latitude": "north"}}, f"{PLACE}/latitude", '"north"'),
        ({"location": {"latitude": "nan"}}, f"{PLACE}/latitude", '"nan"'),
        ({"properties": {"a": DEEP}}, "/data/attributes/properties/a" + "/a" * 9, "10 levels"),
        ({"properties": {str(n): n for n in range(401)}}, "/data/attributes/properties", "401 properties"),
        ({"first_name": "x" * 256}, "/data/attributes/first_name", "255"),
        ({"first_name": "a\x00b"}, "/data/attributes/first_name", "NUL"),
        ({"properties": {"a\x00": 1}}, "/data/attributes/properties/a", "NUL"),
    ],
)
async def test_a_bad_value_is_named(api: Api, attributes: dict[str, Any], pointer: str, named: str) -> None:
    """A bad value is a 400 that points to it and says what it should be, for new people and imported ones alike."""
    for path in ("/api/profiles", "/api/profile-import"):
        answer = await api.post(path, profile(**{"email": "a@b.co", **attributes}))
        assert (400, [pointer]) == (answer.status_code, pointers(answer)), answer.text
        assert named in answer.json()["errors"][0]["detail"]
    assert (0, 0) == (await counted(api, "profile"), await counted(api, "identifier"))


async def test_every_mistake_of_a_body_is_told(api: Api) -> None:
    """Several mistakes give several errors."""
    answer = await api.post("/api/profiles", profile(email="x", phone_number="1", location={"country": "Narnia"}))
    expected = {"/data/attributes/email", "/data/attributes/phone_number", f"{PLACE}/country"}
    assert (400, expected) == (answer.status_code, set(pointers(answer)))


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    """A profile of more than 100 KB is a 413."""
    answer = await api.post("/api/profiles", profile(email="a@b.co", properties={"long": "x" * 102_400}))
    assert 413 == answer.status_code


async def test_a_number_beyond_double_is_refused(api: Api) -> None:
    """JSON with a number that no double holds is a 400; nothing is a 500."""
    body = b'{"data":{"type":"profile","attributes":{"email":"a@b.co","properties":{"n":1e400}}}}'
    headers = {"Authorization": f"Klaviyo-API-Key {api.key}", "revision": "2026-07-15"}
    answer = await api.http.post("/api/profiles", content=body, headers=headers)
    assert (400, ["/"]) == (answer.status_code, pointers(answer))


async def test_properties_may_not_grow_past_the_limit(api: Api) -> None:
    """A change that would give a profile its 401st property is refused; one of those it has goes on."""
    profile_id = await made_profile(api, email="a@b.co", properties={str(n): n for n in range(400)})
    path = f"/api/profiles/{profile_id}"
    more = await api.patch(path, {"data": {**profile(properties={"new": 1})["data"], "id": profile_id}})
    same = await api.patch(path, {"data": {**profile(properties={"7": "x"})["data"], "id": profile_id}})
    assert (400, ["/data/attributes/properties"]) == (more.status_code, pointers(more))
    assert (200, "x") == (same.status_code, (await shown(api, profile_id))["properties"]["7"])


async def test_who_has_too_many_properties_already_may_be_changed_but_get_no_more(api: Api) -> None:
    """A merge may bring somebody past the limit; their properties can be changed and taken away after it."""
    profile_id = await made_profile(api, email="a@b.co", properties={f"a{n}": n for n in range(300)})
    other_id = await made_profile(api, email="b@b.co", properties={f"b{n}": n for n in range(300)})
    related = {"profiles": {"data": [{"type": "profile", "id": other_id}]}}
    await api.post(
        "/api/profile-merge", {"data": {"type": "profile-merge", "id": profile_id, "relationships": related}}
    )

    async def changed(meta: dict[str, Any] | None = None, **properties: Any) -> int:
        document = {**profile(properties=properties)["data"], "id": profile_id, "meta": meta or {}}
        return (await api.patch(f"/api/profiles/{profile_id}", {"data": document})).status_code

    fewer = {"patch_properties": {"unset": ["a2", "b2"]}}
    assert [200, 200, 400] == [await changed(a1="x"), await changed(fewer, b1="x"), await changed(new=1)]
    found = (await shown(api, profile_id))["properties"]
    assert ("x", "x", 598) == (found["a1"], found["b1"], len(found))


@pytest.mark.parametrize(
    ("meta", "pointer"),
    [
        ({"patch_properties": {"append": {"a": {"b": 1}}}}, "/data/meta/patch_properties/append/a"),
        ({"patch_properties": {"append": {"a": [[1]]}}}, "/data/meta/patch_properties/append/a"),
        ({"patch_properties": {"unset": 5}}, "/data/meta/patch_properties/unset"),
        ({"patch_properties": {"append": []}}, "/data/meta/patch_properties/append"),
        ({"patch_properties": {"prepend": {"a": 1}}}, "/data/meta/patch_properties/prepend"),
        ({"patch_identifiers": {"append": {"external_id": "1"}}}, "/data/meta/patch_identifiers/append/external_id"),
        ({"patch_identifiers": {"unappend": {"email": "a@b.co"}}}, "/data/meta/patch_identifiers/unappend/email"),
    ],
)
async def test_a_bad_patch_is_pointed_to(api: Api, meta: dict[str, Any], pointer: str) -> None:
    """Patches of properties take simple values, those of identifiers further addresses; all else is refused."""
    profile_id = await made_profile(api, email="a@b.co")
    body = {"data": {"type": "profile", "id": profile_id, "attributes": {}, "meta": meta}}
    answer = await api.patch(f"/api/profiles/{profile_id}", body)
    assert 400 == answer.status_code, answer.text
    assert pointer in pointers(answer)


async def test_a_list_may_not_grow_past_the_limit(api: Api) -> None:
    """Adding to a list property stops at 4,000 items."""
    profile_id = await made_profile(api, email="a@b.co", properties={"tags": list(range(3999))})
    path, meta = f"/api/profiles/{profile_id}", {"patch_properties": {"append": {"tags": ["x", "y"]}}}
    body = {"data": {"type": "profile", "id": profile_id, "attributes": {}, "meta": meta}}
    answer = await api.patch(path, body)
    assert (400, ["/data/meta/patch_properties/append"]) == (answer.status_code, pointers(answer))


async def test_further_addresses_name_a_person(api: Api) -> None:
    """Addresses beside a person's own find them, are refused to others, and can be taken away."""
    profile_id = await made_profile(api, email="a@b.co")
    path = f"/api/profiles/{profile_id}"

    async def patched(**change: Any) -> int:
        meta = {"patch_identifiers": change}
        body = {"data": {"type": "profile", "id": profile_id, "attributes": {}, "meta": meta}}
        return (await api.patch(path, body)).status_code

    assert 200 == await patched(append={"email": ["second@b.co", "Third@b.co"]})
    by_second = await api.post("/api/profile-import", profile(email="third@b.co", title="x"))
    assert (200, profile_id) == (by_second.status_code, by_second.json()["data"]["id"])
    assert 409 == (await api.post("/api/profiles", profile(email="second@b.co"))).status_code
    assert 200 == await patched(unappend={"email": "second@b.co"})
    assert 201 == (await api.post("/api/profiles", profile(email="second@b.co"))).status_code


async def test_the_identity_of_a_link_names_a_person(api: Api) -> None:
    """`_kx` finds whom a tracked link was made for; alone, one that was not made here names nobody."""
    profile_id = await made_profile(api, email="a@b.co")
    identity = api.services.signer.sign(Payload(Kind.IDENTITY, api.account.account_id, profile_id))
    known = await api.post("/api/profile-import", profile(_kx=identity, title="x"))
    foreign = await api.post("/api/profile-import", profile(_kx="foreign", email="b@b.co"))
    nobody = await api.post("/api/profile-import", profile(_kx="foreign"))
    assert (200, profile_id) == (known.status_code, known.json()["data"]["id"])
    assert (201, 400, ["/data/attributes"]) == (foreign.status_code, nobody.status_code, pointers(nobody))
    metric = {"data": {"type": "metric", "attributes": {"name": "Viewed"}}}
    person = {"data": {"type": "profile", "attributes": {"_kx": identity}}}
    attributes = {"properties": {}, "metric": metric, "profile": person}
    answer = await api.post("/api/events", {"data": {"type": "event", "attributes": attributes}})
    assert (202, 2) == (answer.status_code, await counted(api, "profile"))
    person["data"]["attributes"] = {"_kx": "foreign"}
    unknown = await api.post("/api/events", {"data": {"type": "event", "attributes": attributes}})
    for refused in (nobody, unknown):
        assert "the _kx of a link of this account; none was given." in refused.json()["errors"][0]["detail"]


async def test_unknown_people_are_named_one_by_one(api: Api) -> None:
    """Segments, devices and lists of somebody unknown are 404s."""
    for name in ("lists", "segments", "push-tokens", "conversation"):
        assert 404 == (await api.get(f"/api/profiles/nobody/{name}")).status_code
    assert 404 == (await api.post("/api/lists/NOPE01/relationships/profiles", members("nobody"))).status_code


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+15005550006", "+15005550006"),
        (" +1 (500) 555-0006 ", "+15005550006"),
        ("+49 151 12345678", "+4915112345678"),
        ("+44.20.7183.8750", "+442071838750"),
    ],
)
def test_numbers_are_stored_as_e164_writes_them(written: str, stored: str) -> None:
    """Spaces, dots, hyphens and parentheses make no difference."""
    assert stored == e164(written)


@pytest.mark.parametrize(
    "text",
    [
        "US",
        "usa",
        "United States",
        "the United Kingdom",
        "Côte d’Ivoire",
        "Trinidad & Tobago",
        "AND",
        "u.s.",
        "Türkiye",
    ],
)
def test_a_country_goes_by_code_or_name(text: str) -> None:
    """Codes of two and three letters and English names are countries in any case and with any accents."""
    assert is_country(text) is True


@pytest.mark.parametrize("text", ["", "Narnia", "ZZ", "XXX", "the", "and of the", "United"])
def test_other_words_are_no_country(text: str) -> None:
    """What is neither a code nor a name is no country."""
    assert is_country(text) is False
