"""Deleting people through the API: the answer, who comes back, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from people import event, made_list, made_profile, members, pointers, refusals

AT = "/data/attributes/profile/data"


def deletion(profile_id: str | None = None, **attributes: Any) -> dict[str, Any]:
    """Return the body of a deletion."""
    person: dict[str, Any] = {"type": "profile", "attributes": attributes}
    if profile_id is not None:
        person["id"] = profile_id
    return {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": person}}}}


async def ask(api: Api, body: dict[str, Any]) -> int:
    """Ask for a deletion and return the status."""
    answer = await api.post("/api/data-privacy-deletion-jobs", body)
    assert answer.status_code != 202 or answer.content == b""
    return answer.status_code


@pytest.mark.parametrize("by", ["id", "email", "phone_number"])
async def test_a_person_is_deleted_by_each_identifier(api: Api, by: str) -> None:
    """202 with an empty body; the profile is gone at once, other people stay."""
    attributes = {"email": "sarah@example.com", "phone_number": "+12025550143"}
    profile_id = await made_profile(api, **attributes)
    other = await made_profile(api, email="other@example.com")
    body = deletion(profile_id) if by == "id" else deletion(**{by: attributes[by]})
    assert 202 == await ask(api, body)
    assert 404 == (await api.get(f"/api/profiles/{profile_id}")).status_code
    assert 200 == (await api.get(f"/api/profiles/{other}")).status_code


async def test_who_comes_back_is_a_new_person(api: Api) -> None:
    """The same address makes another profile, on no list."""
    old = await made_profile(api, email="sarah@example.com", first_name="Sarah")
    group = await made_list(api)
    await api.post(f"/api/lists/{group}/relationships/profiles", members(old))
    assert 202 == await ask(api, deletion(email="Sarah@Example.com"))
    new = await made_profile(api, email="sarah@example.com")
    assert new != old
    assert [] == (await api.get(f"/api/lists/{group}/relationships/profiles")).json()["data"]


async def test_an_event_after_the_deletion_makes_a_new_person(api: Api) -> None:
    """The address resolves to nobody, so a profile is made."""
    old = await made_profile(api, email="sarah@example.com")
    await ask(api, deletion(old))
    assert 202 == (await api.post("/api/events", event())).status_code
    row = await api.services.database.fetch_row("SELECT profile_id FROM event")
    assert row is not None
    assert row["profile_id"] != old


async def test_an_event_for_a_deleted_id_is_refused(api: Api) -> None:
    """An id that names nobody is the caller's mistake, as it was before."""
    old = await made_profile(api, email="sarah@example.com")
    await ask(api, deletion(old))
    answer = await api.post("/api/events", event(person={"id": old, "attributes": {}}))
    assert 400 == answer.status_code


@pytest.mark.parametrize(
    "given",
    [{}, {"email": "a@example.com", "phone_number": "+12025550143"}, {"email": None, "phone_number": None}],
)
async def test_exactly_one_identifier_is_taken(api: Api, given: dict[str, Any]) -> None:
    """None and two are refused."""
    answer = await api.post("/api/data-privacy-deletion-jobs", deletion(**given))
    assert [(400, "invalid", {"pointer": AT})] == refusals(answer)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (deletion("01NOBODY"), f"{AT}/id"),
        (deletion(email="nobody@example.com"), f"{AT}/attributes/email"),
        (deletion(phone_number="+12025550199"), f"{AT}/attributes/phone_number"),
    ],
)
async def test_unknown_people_are_refused(api: Api, body: dict[str, Any], at: str) -> None:
    """404, pointing at what names nobody."""
    answer = await api.post("/api/data-privacy-deletion-jobs", body)
    assert [(404, "not_found", {"pointer": at})] == refusals(answer)


async def test_a_bad_address_is_refused(api: Api) -> None:
    """400, pointing at the field."""
    answer = await api.post("/api/data-privacy-deletion-jobs", deletion(email="not an address"))
    assert 400 == answer.status_code
    assert [f"{AT}/attributes/email"] == pointers(answer)


async def test_the_scope_is_asked_for(api: Api) -> None:
    """A key that may only write profiles deletes nobody."""
    profile_id = await made_profile(api, email="sarah@example.com")
    key = await api.another_key(["profiles:write"])
    answer = await api.post(
        "/api/data-privacy-deletion-jobs",
        deletion(profile_id),
        headers={"Authorization": f"Klaviyo-API-Key {key}"},
    )
    assert 403 == answer.status_code


async def test_a_merged_id_means_the_person_it_is_now(api: Api) -> None:
    """Deleting by the old id of a merged profile deletes the whole person."""
    into, source = await made_profile(api, email="a@example.com"), await made_profile(api, email="b@example.com")
    merge = {"profiles": {"data": [{"type": "profile", "id": source}]}}
    body = {"data": {"type": "profile-merge", "id": into, "relationships": merge}}
    assert 201 == (await api.post("/api/profile-merge", body)).status_code
    assert 202 == await ask(api, deletion(source))
    assert 404 == (await api.get(f"/api/profiles/{into}")).status_code
