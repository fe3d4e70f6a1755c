"""Merging profiles through the API: the answer, what the two become, and refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from api_client import Api
from people import event, ids, made_list, made_profile, members, pointers, profile, refusals, shown
from test_tracking import send

from headrace.model import Account
from headrace.storage.accounts import create_account


def merge(into: str, *sources: str) -> dict[str, Any]:
    """Return the body of a merge."""
    data = [{"type": "profile", "id": one} for one in sources]
    return {"data": {"type": "profile-merge", "id": into, "relationships": {"profiles": {"data": data}}}}


async def test_the_answer_names_the_remaining_profile_only(api: Api) -> None:
    """Status 201; data holds type, id and links."""
    into, source = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    answer = await api.post("/api/profile-merge", merge(into, source))
    assert 201 == answer.status_code, answer.text
    data = answer.json()["data"]
    assert {"type", "id", "links"} == set(data)
    assert ("profile", into) == (data["type"], data["id"])
    assert data["links"]["self"].endswith(f"/api/profiles/{into}")


async def test_the_destination_wins_and_its_gaps_are_filled(api: Api) -> None:
    """Attributes, places and custom properties alike; the source's id answers for the destination."""
    into = await made_profile(api, email="a@example.com", first_name="Ann", properties={"size": "M", "vip": True})
    source = await made_profile(
        api,
        email="b@example.com",
        phone_number="+12025550143",
        first_name="Bea",
        last_name="Bell",
        location={"city": "Bergen"},
        properties={"size": "L", "color": "red"},
    )
    await api.post("/api/profile-merge", merge(into, source))
    now = await shown(api, into)
    assert ("a@example.com", "+12025550143", "Ann", "Bell") == (
        now["email"],
        now["phone_number"],
        now["first_name"],
        now["last_name"],
    )
    assert "Bergen" == now["location"]["city"]
    assert {"size": "M", "vip": True, "color": "red"} == now["properties"]
    assert into == (await api.get(f"/api/profiles/{source}")).json()["data"]["id"]
    assert [into] == ids(await api.get("/api/profiles"))


async def test_both_addresses_name_the_destination(api: Api) -> None:
    """An event of the source's address is the destination's from now on."""
    into, source = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    await api.post("/api/profile-merge", merge(into, source))
    answer = await api.post("/api/events", event(person={"attributes": {"email": "B@example.com"}}))
    assert 202 == answer.status_code
    owners = await api.services.database.fetch("SELECT DISTINCT profile_id FROM event")
    assert [into] == [row["profile_id"] for row in owners]


async def test_the_sources_address_is_taken_and_may_become_the_shown_one(api: Api) -> None:
    """Nobody else gets it; the destination itself may show it, and keeps its profile id."""
    into, source = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    await api.post("/api/profile-merge", merge(into, source))
    taken = await api.post("/api/profiles", profile(email="b@example.com"))
    assert (409, into) == (taken.status_code, taken.json()["errors"][0]["meta"]["duplicate_profile_id"])
    change = {"data": {"type": "profile", "id": into, "attributes": {"email": "b@example.com"}}}
    assert 200 == (await api.patch(f"/api/profiles/{into}", change)).status_code
    assert "b@example.com" == (await shown(api, into))["email"]


async def test_events_and_places_on_lists_are_the_destinations(api: Api) -> None:
    """Events that were there before, and lists."""
    into, source = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    group = await made_list(api)
    await api.post(f"/api/lists/{group}/relationships/profiles", members(source))
    await api.post("/api/events", event(person={"attributes": {"email": "b@example.com"}}))
    await api.post("/api/profile-merge", merge(into, source))
    found = (await api.get(f"/api/lists/{group}/relationships/profiles")).json()["data"]
    assert [into] == [one["id"] for one in found]
    rows = await api.services.database.fetch("SELECT DISTINCT profile_id FROM event")
    assert [into] == [row["profile_id"] for row in rows]


async def test_asking_again_is_answered_alike(api: Api) -> None:
    """A client that lost the answer may repeat the request."""
    into, source = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    first = await api.post("/api/profile-merge", merge(into, source))
    again = await api.post("/api/profile-merge", merge(into, source))
    assert (201, first.json()) == (again.status_code, again.json())


async def test_two_merges_into_each_other_leave_one_profile(api: Api) -> None:
    """A into B while B into A: one of them remains, and both answers name it."""
    one, other = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    answers = await asyncio.gather(
        api.post("/api/profile-merge", merge(one, other)), api.post("/api/profile-merge", merge(other, one))
    )
    assert [201, 201] == [answer.status_code for answer in answers]
    left = {row["profile_id"] for row in await api.services.database.fetch("SELECT profile_id FROM profile")}
    assert left == {answer.json()["data"]["id"] for answer in answers}
    assert 1 == len(left)


async def test_two_merges_of_one_profile_let_the_first_win(api: Api) -> None:
    """A into B and A into C: the second is told where A is now."""
    source, one, other = [await made_profile(api, email=f"{name}@example.com") for name in "abc"]
    await api.post("/api/profile-merge", merge(one, source))
    answer = await api.post("/api/profile-merge", merge(other, source))
    assert 404 == answer.status_code
    assert ["/data/relationships/profiles/data/0/id"] == pointers(answer)
    assert one == answer.json()["errors"][0]["meta"]["merged_into"]


async def test_a_chain_ends_at_its_last_profile(api: Api) -> None:
    """A into B, B into C: all three addresses name C; D into A means D into C."""
    first, second, third, fourth = [await made_profile(api, email=f"{name}@example.com") for name in "abcd"]
    await api.post("/api/profile-merge", merge(second, first))
    await api.post("/api/profile-merge", merge(third, second))
    answer = await api.post("/api/profile-merge", merge(first, fourth))
    assert (201, third) == (answer.status_code, answer.json()["data"]["id"])
    rows = await api.services.database.fetch("SELECT DISTINCT profile_id FROM identifier")
    assert [third] == [row["profile_id"] for row in rows]


async def test_a_profile_cannot_be_merged_into_itself(api: Api) -> None:
    """400, pointing at the source."""
    one = await made_profile(api, email="a@example.com")
    answer = await api.post("/api/profile-merge", merge(one, one))
    assert [(400, "invalid", {"pointer": "/data/relationships/profiles/data/0/id"})] == refusals(answer)


@pytest.mark.parametrize("unknown", ["source", "into"])
async def test_unknown_profiles_are_refused(api: Api, unknown: str) -> None:
    """404, pointing at the one that does not exist; the other stays."""
    known = await made_profile(api, email="a@example.com")
    body = merge(known, "01NOBODY") if unknown == "source" else merge("01NOBODY", known)
    answer = await api.post("/api/profile-merge", body)
    expected = "/data/relationships/profiles/data/0/id" if unknown == "source" else "/data/id"
    assert [(404, "not_found", {"pointer": expected})] == refusals(answer)
    assert 200 == (await api.get(f"/api/profiles/{known}")).status_code


async def test_profiles_of_another_account_are_unknown(api: Api) -> None:
    """An id of somebody else's profile is nobody's here."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    key = await api.another_key(["profiles:write", "profiles:read"], other)
    theirs = (
        await api.post(
            "/api/profiles", profile(email="x@example.com"), headers={"Authorization": f"Klaviyo-API-Key {key}"}
        )
    ).json()["data"]["id"]
    ours = await made_profile(api, email="a@example.com")
    assert 404 == (await api.post("/api/profile-merge", merge(ours, theirs))).status_code
    assert 404 == (await api.post("/api/profile-merge", merge(theirs, ours))).status_code


async def test_links_of_messages_sent_before_the_merge_still_work(api: Api) -> None:
    """An open and an unsubscription by the source's mail count for the destination and its delivery."""
    into = await made_profile(api, email="into@x.co")
    sent = await send(api, email="source@x.co")
    await api.post("/api/profile-merge", merge(into, sent.profile_id))
    assert 200 == (await api.http.get(sent.links.pixel())).status_code
    assert 200 == (await api.http.post(sent.links.unsubscribe())).status_code
    row = await sent.row()
    assert (into, 1, 1) == (row["profile_id"], row["opens"], row["unsubscribes"])
    consents = await api.services.database.fetch("SELECT profile_id, subscription FROM consent")
    assert [(into, "UNSUBSCRIBED")] == [tuple(one.values()) for one in consents]


async def test_exactly_one_source_is_taken(api: Api) -> None:
    """None and two are refused, pointing at the list."""
    one, two, three = [await made_profile(api, email=f"{name}@example.com") for name in "abc"]
    for body in (merge(one), merge(one, two, three)):
        answer = await api.post("/api/profile-merge", body)
        assert 400 == answer.status_code
        assert ["/data/relationships/profiles/data"] == pointers(answer)
