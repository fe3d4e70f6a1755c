"""The account of a key, and the door that every request passes."""

from __future__ import annotations

import pytest
from api_client import Api

from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.keys import list_keys, revoke_key


async def test_the_account_of_the_key_is_listed(api: Api) -> None:
    """GET /api/accounts answers a list of exactly the key's own account."""
    answer = await api.get("/api/accounts")
    assert answer.status_code == 200
    assert [api.account.account_id] == [one["id"] for one in answer.json()["data"]]


async def test_address_parts_are_never_null(api: Api) -> None:
    """Parts of the address that nobody filled in are empty strings, which strict clients demand."""
    answer = await api.get(f"/api/accounts/{api.account.account_id}")
    contact = answer.json()["data"]["attributes"]["contact_information"]
    assert {""} == set(contact["street_address"].values())
    assert contact["organization_name"] == "Sample Shop"


async def test_subfields_prune_the_contact_information(api: Api) -> None:
    """fields[account] may name a part of the contact information."""
    answer = await api.get("/api/accounts?fields[account]=contact_information.street_address.city")
    assert answer.json()["data"][0]["attributes"] == {"contact_information": {"street_address": {"city": ""}}}


async def test_another_account_is_not_found(api: Api) -> None:
    """A key sees no other account, not even that it exists."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    answer = await api.get(f"/api/accounts/{other.account_id}")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


async def test_a_request_without_credentials_is_not_authenticated(api: Api) -> None:
    """No Authorization header is a 401 not_authenticated."""
    answer = await api.http.get("/api/accounts", headers={"revision": "2026-07-15"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("header", ["Klaviyo-API-Key pk_wrong", "Basic eDp5", "Klaviyo-API-Key", "Klaviyo-API-Key x"])
async def test_wrong_credentials_fail(api: Api, header: str) -> None:
    """Unknown keys and other schemes are a 401 authentication_failed."""
    answer = await api.get("/api/accounts", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "authentication_failed")


async def test_a_bearer_token_is_taken_for_a_key(api: Api) -> None:
    """`Authorization: Bearer pk_...` is the same as the vendor's own scheme."""
    answer = await api.get("/api/accounts", headers={"Authorization": f"Bearer {api.key}"})
    assert answer.status_code == 200


async def test_a_missing_scope_is_named(api: Api) -> None:
    """A key without the operation's scope gets a 403 that names it."""
    key = await api.another_key(["flows:read"])
    answer = await api.get("/api/accounts", headers={"Authorization": f"Klaviyo-API-Key {key}"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "permission_denied")
    assert "accounts:read" in answer.json()["errors"][0]["detail"]


async def test_a_revoked_key_is_refused(api: Api) -> None:
    """A key that was revoked before its first use is refused."""
    key = await api.another_key(["accounts:read"])
    listed = await list_keys(api.services.database, api.account.account_id)
    [key_id] = [one.key_id for one in listed if one.scopes == ("accounts:read",)]
    assert await revoke_key(api.services.database, api.services.system_clock, api.account.account_id, key_id)
    answer = await api.get("/api/accounts", headers={"Authorization": f"Klaviyo-API-Key {key}"})
    assert answer.status_code == 401


async def test_the_use_of_a_key_is_noted(api: Api) -> None:
    """The first request sets `last_used_at`."""
    await api.get("/api/accounts")
    [key] = await list_keys(api.services.database, api.account.account_id)
    assert api.services.system_clock.now() == key.last_used_at


@pytest.mark.parametrize(
    "revision", [None, "", "latest", "2026-13-01", "2026-7-15", "2024-02-15x", "2026-11-21", "9999-12-31"]
)
async def test_unusable_revisions_are_invalid(api: Api, revision: str | None) -> None:
    """A revision that is missing, malformed or later than today is a 400 that names the header."""
    answer = await api.get("/api/accounts", revision=revision)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid")
    assert answer.json()["errors"][0]["source"] == {"parameter": "revision"}


@pytest.mark.parametrize("revision", ["2026-07-15", "2025-03-03", "2026-07-15.pre", "2022-10-17", "2026-11-20"])
async def test_any_date_until_today_is_served(api: Api, revision: str) -> None:
    """A date between two revisions is served as the earlier one, a retired one as the oldest."""
    assert (await api.get("/api/accounts", revision=revision)).status_code == 200


async def test_a_retired_revision_is_gone_for_who_opts_out(api: Api) -> None:
    """With the opt-out header a retired revision is a 410 instead of falling forward."""
    headers = {"X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    answer = await api.get("/api/accounts", revision="2023-12-15", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (410, "gone")


async def test_the_oldest_revision_is_gone_only_when_older_ones_are_asked(api: Api) -> None:
    """The opt-out header changes nothing for a revision that is served."""
    headers = {"X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    assert (await api.get("/api/accounts", revision="2024-02-15", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("revision", "media_type", "end"),
    [("2024-07-15", "application/json", "/"), ("2024-10-15", "application/vnd.api+json", "accounts")],
)
async def test_links_and_media_type_follow_the_revision(api: Api, revision: str, media_type: str, end: str) -> None:
    """Links end in a slash and answers are plain JSON up to 2024-07-15; both paths are taken at any revision."""
    for path in ("/api/accounts", "/api/accounts/"):
        answer = await api.get(path, revision=revision)
        assert media_type == answer.headers["content-type"]
        assert answer.json()["links"]["self"].endswith(end)


async def test_health_needs_no_key(api: Api) -> None:
    """/healthz and /readyz answer anybody."""
    assert (await api.http.get("/healthz")).json() == {"status": "ok"}
    assert (await api.http.get("/readyz")).status_code == 200
