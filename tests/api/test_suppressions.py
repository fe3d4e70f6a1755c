"""Jobs that suppress people and take that back: by address, by list, by segment; and reading the jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from consent_calls import EMAIL, NO, engine, list_of, row, subscribe, unsubscribe, work
from people import made_profile, pointers

from headrace.engine import suppression_jobs
from headrace.engine.jobs import run_jobs
from headrace.storage.suppressions import Reason, Suppression, suppress

CREATE = "/api/profile-suppression-bulk-create-jobs"
DELETE = "/api/profile-suppression-bulk-delete-jobs"
SEGMENT = """
INSERT INTO profile_group (group_id, account_id, kind, name, created_at, updated_at)
VALUES ('SEG001', $1, 'segment', 'Buyers', $2, $2)
"""


def body(kind: str, *emails: str, **related: str) -> dict[str, Any]:
    """Return the body of a job; `list` or `segment` name a group."""
    people = {"profiles": {"data": [{"type": "profile", "attributes": {"email": one}} for one in emails]}}
    groups = {name: {"data": {"type": name, "id": group_id}} for name, group_id in related.items()}
    data = {"type": f"profile-suppression-bulk-{kind}-job", "attributes": people if emails else {}}
    return {"data": {**data, "relationships": groups} if groups else data}


async def start(api: Api, path: str, *emails: str, **related: str) -> dict[str, Any]:
    """Start a job and return its resource."""
    answer = await api.post(path, body("create" if path == CREATE else "delete", *emails, **related))
    assert 202 == answer.status_code, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def counts(api: Api, path: str, job_id: str) -> tuple[str, int, int, int]:
    """Return status, total, completed and skipped of a job."""
    shown = (await api.get(f"{path}/{job_id}")).json()["data"]["attributes"]
    return shown["status"], shown["total_count"], shown["completed_count"], shown["skipped_count"]


async def suppressed(api: Api) -> list[tuple[str, str]]:
    """Return (address, reason) of everybody who is suppressed."""
    rows = await api.services.database.fetch(
        "SELECT email, reason FROM suppression JOIN profile USING (bucket, account_id, profile_id) ORDER BY 1, 2"
    )
    return [(one["email"], one["reason"]) for one in rows]


async def test_addresses_are_suppressed_and_freed(api: Api) -> None:
    """Unknown addresses are made and suppressed; whoever was suppressed already, or was not, is skipped."""
    await made_profile(api, email="ana@example.com")
    made = await start(api, CREATE, "ana@example.com", "bob@example.com", "BOB@example.com")
    assert ("queued", 2, NOW.isoformat()) == tuple(
        made["attributes"][name] for name in ("status", "total_count", "created_at")
    )
    await work(api)
    again = await start(api, CREATE, "ana@example.com")
    await work(api)
    freed = await start(api, DELETE, "ana@example.com", "nobody@example.com")
    await work(api)

    assert ("complete", 2, 2, 0) == await counts(api, CREATE, made["id"])
    assert ("complete", 1, 0, 1) == await counts(api, CREATE, again["id"])
    assert ("complete", 2, 1, 1) == await counts(api, DELETE, freed["id"])
    assert [("bob@example.com", "USER_SUPPRESSED")] == await suppressed(api)


async def test_only_manual_suppressions_are_lifted(api: Api) -> None:
    """Bounces, complaints and having unsubscribed stay."""
    profile_id = await made_profile(api, email="ana@example.com")
    async with api.services.database.transaction() as transaction:
        found = [Suppression(profile_id, one, NOW) for one in Reason]
        await suppress(transaction, api.account.account_id, found)
    await unsubscribe(api, row({"email": {"marketing": NO}}, email="ana@example.com"))
    await start(api, DELETE, "ana@example.com")
    await work(api)

    assert set(Reason) - {Reason.USER_SUPPRESSED} == {Reason(reason) for _, reason in await suppressed(api)}
    assert "UNSUBSCRIBED" == await api.services.database.fetch_value("SELECT subscription FROM consent")


@pytest.mark.parametrize("kind", ["list", "segment"])
async def test_all_members_are_suppressed(api: Api, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In slices, each of which may be repeated; each member counts once, and those who join later do not."""
    monkeypatch.setattr(suppression_jobs, "MEMBERS", 2)
    group_id = await list_of(api) if kind == "list" else "SEG001"
    database = api.services.database
    if kind == "segment":
        await database.fetch(SEGMENT, api.account.account_id, NOW)
    people = [row(EMAIL, email=f"p{number}@example.com") for number in range(5)]
    joined = await list_of(api, name="Other") if kind == "segment" else group_id
    await subscribe(api, *people, list_id=joined)
    if kind == "segment":
        await database.fetch("UPDATE membership SET group_id = $1", group_id)
    made = await start(api, CREATE, **{kind: group_id})
    await database.fetch(
        "INSERT INTO membership SELECT bucket, account_id, profile_id || 'x', group_id, $1 FROM membership",
        NOW + timedelta(hours=1),
    )
    await run_jobs(engine(api))
    begun = await counts(api, CREATE, made["id"])
    await work(api)

    assert ("processing", 5, 2, 0) == begun
    assert ("complete", 5, 5, 0) == await counts(api, CREATE, made["id"])
    assert 5 == len(await suppressed(api))
    shown = (await api.get(f"{CREATE}/{made['id']}")).json()["data"]["relationships"]
    assert [{"type": kind, "id": group_id}] == shown[f"{kind}s"]["data"]


async def test_jobs_are_listed_by_state_and_group(api: Api, machine_clock: FixedClock) -> None:
    """Filters, both sorts, and each kind by itself."""
    list_id = await list_of(api)
    first = (await start(api, CREATE, "a@b.co"))["id"]
    await work(api)
    machine_clock.moment += timedelta(minutes=1)
    second = (await start(api, CREATE, list=list_id))["id"]
    other = (await start(api, DELETE, "a@b.co"))["id"]

    async def found(path: str, **params: str) -> list[str]:
        return [one["id"] for one in (await api.get(path, params=params)).json()["data"]]

    assert [first, second] == await found(CREATE, sort="created")
    assert [second, first] == await found(CREATE, sort="-created")
    assert [first] == await found(CREATE, filter='equals(status,"complete")')
    assert [second] == await found(CREATE, filter='equals(status,"queued")')
    assert [second] == await found(CREATE, filter=f'equals(list_id,"{list_id}")')
    assert [] == await found(CREATE, filter='equals(segment_id,"SEG001")')
    assert [other] == await found(DELETE)
    assert 404 == (await api.get(f"{CREATE}/{other}")).status_code
    assert 400 == (await api.get(CREATE, params={"page[size]": "10"})).status_code
    assert 400 == (await api.get(CREATE, params={"filter": 'equals(status,"lost")'})).status_code


async def test_a_job_names_people_in_one_way(api: Api) -> None:
    """Addresses, a list or a segment; at most a hundred addresses, each of them one."""
    list_id = await list_of(api)
    for given in (body("create"), body("create", "a@b.co", list=list_id)):
        assert 400 == (await api.post(CREATE, given)).status_code
    many = await api.post(CREATE, body("create", *(f"p{number}@example.com" for number in range(101))))
    assert (400, ["/data/attributes/profiles/data"]) == (many.status_code, pointers(many))
    bad = await api.post(CREATE, body("create", "a@b.co", "nobody"))
    assert (400, ["/data/attributes/profiles/data/1/attributes/email"]) == (bad.status_code, pointers(bad))
    gone = await api.post(CREATE, body("create", list="N0body"))
    assert (404, ["/data/relationships/list/data/id"]) == (gone.status_code, pointers(gone))
