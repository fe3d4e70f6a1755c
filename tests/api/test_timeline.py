"""What happened to a person, in one order: GET /headrace/profiles/{id}/timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from api_client import Api
from people import event as event_body
from people import made_profile

from headrace.clock import SystemClock
from headrace.ids import bucket_of
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account
from headrace.storage.consenting import Source, add_to_list, make_room, record_consents
from headrace.storage.consents import SUBSCRIBED, ConsentChange
from headrace.storage.groups import create_list, join_group, leave_group
from headrace.storage.suppressions import Reason, Suppression, suppress
from headrace.storage.timeline import KINDS

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

ADD_RUN = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, resume_at, clock, state, visited,
                 steps, chain)
VALUES ($1, $2, $3, 'FLOW01', $4, 1, $5, $5, 0, 1, '{}', 0, 0)
"""
ADD_STEP = """
INSERT INTO journal (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
VALUES ($1, $2, $3, $4, $5, 'FLOW01', NULL, 'passed', NULL)
"""
ADD_DELIVERY = """
INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id,
    channel, format, state, clock, queued_at, due_at, reason)
VALUES ($1, $2, $3, $4, 'FLOW01', 1, 'MESS01', $5, $6, 1, '', 4, 0, $7, $7, 'Smart Sending')
"""

ADD_OPT_IN = """
INSERT INTO opt_in (bucket, account_id, profile_id, list_id, channel, state, asked_at, sent_at, email, method)
VALUES ($1, $2, $3, $4, 1, 2, $5, $5, 'sarah@example.com', 'api')
"""


async def person(api: Api) -> str:
    """Make a profile and return its id."""
    return await made_profile(api, email="sarah@example.com")


async def event(api: Api, at: datetime, name: str = "Placed Order", number: int = 0) -> None:
    """Post an event of sarah@example.com."""
    told = {"properties": {"number": number}, "time": at.isoformat(), "unique_id": f"{name}{number}", "value": 9.5}
    answer = await api.post("/api/events", event_body(name, **told))
    assert 202 == answer.status_code, answer.text


async def run_with(api: Api, profile_id: str, number: int, at: datetime, steps: int) -> UUID:
    """Write a run with steps of one moment."""
    bucket, account_id, run_id = bucket_of(profile_id), api.account.account_id, UUID(int=number)
    await api.services.partitions.ensure("journal", {at})
    async with api.services.database.transaction() as transaction:
        await transaction.execute(ADD_RUN, bucket, account_id, run_id, profile_id, at)
        for step in range(steps):
            await transaction.execute(ADD_STEP, bucket, account_id, run_id, at, step)
    return run_id


async def delivery_of(api: Api, profile_id: str, run_id: UUID, number: int, at: datetime) -> None:
    """Write a delivery that was skipped."""
    place = (bucket_of(profile_id), api.account.account_id, UUID(int=number), run_id, f"v{number}", profile_id, at)
    async with api.services.database.transaction() as transaction:
        await transaction.execute(ADD_DELIVERY, *place)


async def everything(api: Api) -> str:
    """Make a person to whom one thing of every kind happened, all at one moment, and return their id."""
    profile_id = await person(api)
    services, account_id = api.services, api.account.account_id
    await event(api, AT)
    room = await make_room(services.own_events, account_id, 2, [AT])
    async with services.database.transaction() as transaction:
        change = ConsentChange(profile_id, Channel.SMS, SUBSCRIBED, AT, "api")
        await record_consents(transaction, room, [change], AT)
        list_id = await create_list(transaction, account_id, services.ids, "News", AT)
        await add_to_list(transaction, room, list_id, [profile_id], AT, Source("api"))
        await transaction.execute(ADD_OPT_IN, bucket_of(profile_id), account_id, profile_id, list_id, AT)
        await suppress(transaction, account_id, [Suppression(profile_id, Reason.HARD_BOUNCE, AT)], AT)
    run_id = await run_with(api, profile_id, 1, AT, 2)
    await delivery_of(api, profile_id, run_id, 2, AT)
    return profile_id


async def pages(api: Api, profile_id: str, size: int, query: str = "") -> list[list[dict[str, Any]]]:
    """Return every page of a timeline."""
    found = []
    path: str | None = f"/headrace/profiles/{profile_id}/timeline?page[size]={size}{query}"
    while path is not None:
        answer = await api.get(path)
        assert 200 == answer.status_code, answer.text
        found.append(answer.json()["data"])
        path = answer.json()["links"]["next"]
    return found


async def test_everything_that_happened_is_in_one_order(api: Api) -> None:
    """Of one moment, what brought something about stands below it, for the newest come first."""
    profile_id = await everything(api)
    await event(api, AT + timedelta(hours=1), number=1)
    await event(api, AT - timedelta(days=40), number=2)
    [page] = await pages(api, profile_id, 100)
    shown = [(one["attributes"]["kind"], one["attributes"]["title"]) for one in page]
    expected = [
        ("event", "Placed Order"),
        ("delivery", "email MESS01: Smart Sending"),
        ("step", "passed"),
        ("step", "passed"),
        ("entry", "Entered the flow FLOW01"),
        ("suppression", "Suppressed: HARD_BOUNCE"),
        ("membership", 'Joined the list "News"'),
        ("consent", "Subscribed to List"),
        ("consent", "Subscribed to SMS Marketing"),
        ("event", "Placed Order"),
        ("opt_in", 'Asked by e-mail to confirm the subscription to "News"'),
        ("event", "Placed Order"),
    ]
    assert expected == shown
    assert {"timeline-item"} == {one["type"] for one in page}
    assert len(page) == len({one["id"] for one in page})


async def test_details_name_what_an_item_concerns(api: Api) -> None:
    """An event has its value and properties, a delivery its state, each the ids of what belongs to it."""
    [page] = await pages(api, await everything(api), 100)
    by_kind = {one["attributes"]["kind"]: one["attributes"]["details"] for one in page}
    event_details, delivery = by_kind["event"], by_kind["delivery"]
    assert (9.5, {"number": 0}, "API") == tuple(event_details[name] for name in ("value", "properties", "integration"))
    assert ("skipped", "email", "FLOW01") == tuple(delivery[name] for name in ("state", "channel", "flow_id"))
    assert (0, "passed") == (
        min(one["attributes"]["details"].get("step", 0) for one in page),
        by_kind["step"]["outcome"],
    )
    assert ("News", True) == (by_kind["membership"]["group"], by_kind["membership"]["joined"])


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_causes_stand_below_effects_within_a_second(api: Api, size: int) -> None:
    """Joining is kept to the microsecond and entering to the second; whoever enters by joining joined before."""
    profile_id, account_id = await person(api), api.account.account_id
    await event(api, AT - timedelta(seconds=1), number=1)
    async with api.services.database.transaction() as transaction:
        list_id = await create_list(transaction, account_id, api.services.ids, "News", AT)
        for milliseconds in (400, 700):
            joined, left = (AT + timedelta(milliseconds=milliseconds + more) for more in (0, 100))
            await join_group(transaction, account_id, list_id, [profile_id], joined, joined)
            await leave_group(transaction, account_id, list_id, [profile_id], left, left)
    await run_with(api, profile_id, 1, AT, 2)
    await event(api, AT + timedelta(seconds=1), number=2)
    found = [one["attributes"]["title"] for page in await pages(api, profile_id, size) for one in page]
    members = [f'{verb} the list "News"' for verb in ("Left", "Joined", "Left", "Joined")]
    expected = ["Placed Order", "passed", "passed", "Entered the flow FLOW01", *members, "Placed Order"]
    assert expected == found


async def test_being_asked_to_confirm_is_told(api: Api) -> None:
    """With the address that the mail went to, the list, and when it was confirmed."""
    profile_id = await everything(api)
    [[asked]] = await pages(api, profile_id, 10, '&filter=equals(kind,"opt_in")')
    details = asked["attributes"]["details"]
    assert ("sarah@example.com", "News", None) == (details["email"], details["list"], details.get("confirmed_at"))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_over_ties_show_each_item_once(api: Api, size: int) -> None:
    """Wherever a page ends, the next one goes on behind it, though everything happened at one moment."""
    profile_id = await everything(api)
    for number in range(1, 4):
        await event(api, AT, number=number)
        await event(api, AT, "Viewed Product", number=number)
        run_id = await run_with(api, profile_id, 10 + number, AT, 3)
        await delivery_of(api, profile_id, run_id, 20 + number, AT)
    [whole] = await pages(api, profile_id, 100)
    cut = await pages(api, profile_id, size)
    assert [one["id"] for one in whole] == [one["id"] for page in cut for one in page]
    assert 31 == len(whole)
    assert all(len(page) == size for page in cut[:-1])


async def test_what_is_written_between_pages_moves_nothing(api: Api) -> None:
    """A later event stands before the pages already read; the next page begins where the last one ended."""
    profile_id = await person(api)
    for number in range(4):
        await event(api, AT + timedelta(minutes=number), number=number)
    first = (await api.get(f"/headrace/profiles/{profile_id}/timeline?page[size]=2")).json()
    await event(api, AT + timedelta(days=1), number=9)
    second = (await api.get(first["links"]["next"])).json()
    numbers = [one["attributes"]["details"]["properties"]["number"] for one in (*first["data"], *second["data"])]
    assert [3, 2, 1, 0] == numbers
    assert second["links"]["next"] is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_kind_can_be_asked_for_alone(api: Api, kind: str) -> None:
    """The filter leaves every other kind out, on every page."""
    found = await pages(api, await everything(api), 1, f'&filter=equals(kind,"{kind}")')
    assert {kind} == {one["attributes"]["kind"] for page in found for one in page}


async def test_several_kinds_can_be_asked_for(api: Api) -> None:
    """`any` joins kinds; the order stays."""
    [page] = await pages(api, await everything(api), 100, '&filter=any(kind,["entry","event"])')
    assert ["entry", "event"] == [one["attributes"]["kind"] for one in page]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ('filter=equals(kind,"birthday")', "birthday"),
        ("page[size]=101", "101"),
        ("page[cursor]=nonsense", "cursor"),
    ],
)
async def test_what_cannot_be_asked_is_refused(api: Api, query: str, told: str) -> None:
    """Unknown kinds, large pages and foreign cursors are mistakes that name the value."""
    profile_id = await person(api)
    answer = await api.get(f"/headrace/profiles/{profile_id}/timeline?{query}")
    assert 400 == answer.status_code
    assert told in answer.text


async def test_people_of_other_accounts_are_not_found(api: Api) -> None:
    """Neither somebody who does not exist nor somebody of another account has a timeline."""
    other = await create_account(api.services.database, api.services.ids, Account("", "Other"), SystemClock())
    key = await api.another_key(["*"], other)
    profile_id = await person(api)
    headers = {"Authorization": f"Klaviyo-API-Key {key}"}
    foreign = await api.get(f"/headrace/profiles/{profile_id}/timeline", headers=headers)
    nobody = await api.get("/headrace/profiles/01JNOBODY/timeline")
    assert (404, 404) == (foreign.status_code, nobody.status_code)


async def test_the_timeline_asks_for_its_own_scope(api: Api) -> None:
    """A key for the public API alone may not read it."""
    key = await api.another_key(["profiles:read"])
    headers = {"Authorization": f"Klaviyo-API-Key {key}"}
    answer = await api.get(f"/headrace/profiles/{await person(api)}/timeline", headers=headers)
    assert 403 == answer.status_code


async def test_somebody_to_whom_nothing_happened_has_an_empty_timeline(api: Api) -> None:
    """There is a page, with nothing on it."""
    assert [[]] == await pages(api, await person(api), 10)
