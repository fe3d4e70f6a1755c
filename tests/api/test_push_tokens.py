"""Push tokens: taking them in, reading, moving and deleting them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from api_client import Api
from httpx import Response
from people import counted, ids, made_profile, pointers, shown

from headrace.storage.push_tokens import token_id

TOKENS = "/api/push-tokens"


def body(token: str = "t-1", person: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body of a token of sarah@example.com, or of somebody else."""
    described = {"attributes": {"email": "sarah@example.com"}} if person is None else person
    whole = {
        "token": token,
        "platform": "ios",
        "vendor": "apns",
        "profile": {"data": {"type": "profile", **described}},
        **attributes,
    }
    return {"data": {"type": "push-token", "attributes": whole}}


async def taken(api: Api, *arguments: Any, **attributes: Any) -> None:
    """Have a token taken in."""
    answer = await api.post(TOKENS, body(*arguments, **attributes))
    assert (202, b"") == (answer.status_code, answer.content), answer.text


async def attributes_of(api: Api, token: str) -> dict[str, Any]:
    """Return the attributes of a token."""
    found: dict[str, Any] = (await api.get(f"{TOKENS}/{token}")).json()["data"]["attributes"]
    return found


async def test_a_token_is_shown_as_its_device_told(api: Api) -> None:
    """Token, permission and what the device tells of itself are shown under an id that follows from the token."""
    device = {"device_model": "iPhone12,1", "os_name": "ios", "klaviyo_sdk": "swift", "environment": "release"}
    await taken(api, "t-1", device_metadata=device, enablement_status="PROVISIONAL", background="RESTRICTED")
    [listed] = (await api.get(TOKENS)).json()["data"]
    attributes = listed["attributes"]
    assert ("push-token", token_id("t-1")) == (listed["type"], listed["id"])
    assert ("t-1", "ios", "APNs", "PROVISIONAL", "RESTRICTED") == tuple(
        attributes[name] for name in ("token", "platform", "vendor", "enablement_status", "background")
    )
    assert device == {name: value for name, value in attributes["metadata"].items() if value is not None}
    assert "2026-11-20T12:00:00+00:00" == attributes["created"] == attributes["recorded_date"]


async def test_a_token_is_found_by_its_id_and_its_value(api: Api) -> None:
    """The path and the filter take the id as well as the token itself."""
    await taken(api, "t/1:2")
    answers = [
        await api.get(f"{TOKENS}/{token_id('t/1:2')}"),
        await api.get(f"{TOKENS}/t%2F1:2"),
    ]
    assert ["t/1:2", "t/1:2"] == [one.json()["data"]["attributes"]["token"] for one in answers]
    for text in (token_id("t/1:2"), "t/1:2"):
        assert [token_id("t/1:2")] == ids(await api.get(TOKENS, params={"filter": f'equals(id,"{text}")'}))
    assert 404 == (await api.get(f"{TOKENS}/other")).status_code


async def test_the_longest_token_is_kept(api: Api) -> None:
    """A token of 2,048 bytes that cannot be compressed is stored and found."""
    draw = random.Random(1)
    token = "".join(chr(draw.randrange(0x100, 0x700)) for _ in range(1024))
    await taken(api, token)
    assert [token_id(token)] == ids(await api.get(TOKENS))


async def test_a_token_makes_or_changes_its_person(api: Api) -> None:
    """The person of a token is made, or found by an identifier or id and changed."""
    known = await made_profile(api, email="ana@b.co", properties={"tags": ["x"]})
    patch = {"patch_properties": {"append": {"tags": ["y"]}}}
    await taken(api, "t-1", {"attributes": {"email": "new@b.co", "first_name": "New"}})
    await taken(api, "t-2", {"attributes": {"email": "ANA@b.co", "first_name": "Ana", "meta": patch}})
    await taken(api, "t-3", {"id": known, "attributes": {}})
    assert ("Ana", {"tags": ["x", "y"]}) == (
        (await shown(api, known))["first_name"],
        (await shown(api, known))["properties"],
    )
    assert 2 == await counted(api, "profile")
    assert {token_id("t-2"), token_id("t-3")} == set(ids(await api.get(f"/api/profiles/{known}/push-tokens")))
    linked = await api.get(f"/api/profiles/{known}/relationships/push-tokens")
    assert {token_id("t-2"), token_id("t-3")} == set(ids(linked))


async def test_a_token_changes_in_place(api: Api) -> None:
    """Giving the same token again changes it; permissions that deny messages are seen."""
    await taken(api, "t-1")
    await taken(api, "t-1", enablement_status="DENIED", vendor="FCM", platform="android")
    attributes = await attributes_of(api, "t-1")
    assert ("DENIED", "FCM", "android") == tuple(
        attributes[name] for name in ("enablement_status", "vendor", "platform")
    )
    assert 1 == await counted(api, "push_token")
    assert [False] == [row["enabled"] for row in await api.services.database.fetch("SELECT enabled FROM push_token")]


async def test_a_device_is_one_persons(api: Api) -> None:
    """A token that another person's app reports is theirs from then on."""
    ana, ben = await made_profile(api, email="ana@b.co"), await made_profile(api, email="ben@b.co")
    await taken(api, "t-1", {"id": ana, "attributes": {}})
    await taken(api, "t-1", {"id": ben, "attributes": {}})
    owner = await api.get(f"{TOKENS}/t-1/profile")
    linked = await api.get(f"{TOKENS}/t-1/relationships/profile")
    assert (ben, {"type": "profile", "id": ben}) == (owner.json()["data"]["id"], linked.json()["data"])
    assert [] == ids(await api.get(f"/api/profiles/{ana}/push-tokens"))


async def test_tokens_are_filtered_and_show_their_people(api: Api) -> None:
    """Tokens are filtered by person, permission and platform; their people can be included."""
    ana = await made_profile(api, email="ana@b.co")
    await taken(api, "t-1", {"id": ana, "attributes": {}}, enablement_status="DENIED")
    await taken(api, "t-2", platform="android", vendor="fcm")
    expected = {
        f'equals(profile.id,"{ana}")': ["t-1"],
        'equals(enablement_status,"DENIED")': ["t-1"],
        'equals(enablement_status,"AUTHORIZED")': ["t-2"],
        'equals(platform,"android")': ["t-2"],
    }
    found = {text: ids(await api.get(TOKENS, params={"filter": text})) for text in expected}
    assert {text: [token_id(one) for one in tokens] for text, tokens in expected.items()} == found
    document = (await api.get(f"{TOKENS}?include=profile&fields[profile]=email&fields[push-token]=token")).json()
    assert {"ana@b.co", "sarah@example.com"} == {one["attributes"]["email"] for one in document["included"]}
    assert {"t-1", "t-2"} == {one["attributes"]["token"] for one in document["data"]}


async def test_profiles_include_their_tokens(api: Api) -> None:
    """`include=push-tokens` shows the devices of people, one by one and in the list."""
    await taken(api, "t-1")
    [profile_id] = ids(await api.get("/api/profiles"))
    for path in ("/api/profiles", f"/api/profiles/{profile_id}"):
        document = (await api.get(f"{path}?include=push-tokens,conversations&fields[push-token]=token")).json()
        assert [{"token": "t-1"}] == [one["attributes"] for one in document["included"]]


async def test_a_deleted_token_is_gone(api: Api) -> None:
    """A token is deleted by its value or id; deleting it again is a 404."""
    await taken(api, "t-1")
    assert [204, 404] == [(await api.delete(f"{TOKENS}/t-1")).status_code for _ in range(2)]
    assert (0, 1) == (await counted(api, "push_token"), await counted(api, "profile"))


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"token": ""}, "/data/attributes/token"),
        ({"token": "é" * 1025}, "/data/attributes/token"),
        ({"platform": "windows"}, "/data/attributes/platform"),
        ({"vendor": "pigeon"}, "/data/attributes/vendor"),
        ({"enablement_status": "MAYBE"}, "/data/attributes/enablement_status"),
        ({"background": "LOUD"}, "/data/attributes/background"),
        ({"device_metadata": {"os_name": "dos"}}, "/data/attributes/device_metadata/os_name"),
        ({"profile": {"data": {"type": "profile", "attributes": {}}}}, "/data/attributes/profile/data/attributes"),
        (
            {"profile": {"data": {"type": "profile", "attributes": {"phone_number": "1"}}}},
            "/data/attributes/profile/data/attributes/phone_number",
        ),
    ],
)
async def test_bad_tokens_are_pointed_to(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """Each mistake is a 400 that points to it; neither a person nor a token is made."""
    answer = await api.post(TOKENS, body(**attributes))
    assert (400, [pointer]) == (answer.status_code, pointers(answer))
    assert (0, 0) == (await counted(api, "profile"), await counted(api, "push_token"))


async def test_a_token_of_nobody_is_refused(api: Api) -> None:
    """An id that names no profile is a 404, identifiers of two people a 409; no token is made."""
    first = await made_profile(api, email="ana@b.co")
    await made_profile(api, external_id="7")
    unknown: Response = await api.post(TOKENS, body("t", {"id": "01GDDKASAP8TKDDA2GRZDSVP4H", "attributes": {}}))
    torn = await api.post(TOKENS, body("t", {"attributes": {"email": "ana@b.co", "external_id": "7"}}))
    assert (404, ["/data/attributes/profile/data/id"]) == (unknown.status_code, pointers(unknown))
    assert (409, ["/data/attributes/profile/data/attributes/external_id"]) == (torn.status_code, pointers(torn))
    assert first != torn.json()["errors"][0]["meta"]["duplicate_profile_id"]
    assert 0 == await counted(api, "push_token")


async def test_nobody_converses(api: Api) -> None:
    """A person's conversations are none: an empty list, or null; for somebody unknown it is a 404."""
    profile_id = await made_profile(api, email="a@b.co")
    base = f"/api/profiles/{profile_id}"
    answers = {
        path: (await api.get(f"{base}/{path}")).json()["data"]
        for path in ("conversation", "relationships/conversation", "conversations", "relationships/conversations")
    }
    assert [None, None, [], []] == list(answers.values())
    assert 404 == (await api.get("/api/profiles/nobody/conversations")).status_code
    assert 400 == (await api.get(f"{base}/conversations", revision="2026-04-15")).status_code
