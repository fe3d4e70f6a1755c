"""Jobs that subscribe and unsubscribe people: consent, lists, events, and what is wrong with a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from api_client import NOW, Api, FixedClock
from consent_calls import (
    EMAIL,
    NO,
    ROWS,
    SMS,
    SUBSCRIBE,
    UNSUBSCRIBE,
    YES,
    consents,
    engine,
    job,
    list_of,
    mails,
    members,
    metrics,
    row,
    subscribe,
    unsubscribe,
    work,
)
from people import made_profile, pointers

from headrace.engine import suppression_jobs
from headrace.engine.jobs import run_jobs
from headrace.model import Channel
from headrace.storage import groups
from headrace.storage.accounts import save_settings
from headrace.storage.suppressions import Reason, Suppression, suppress

SUBSCRIBED = "SUBSCRIBED"
PHONE = "+14155552671"
OLD = (NOW - timedelta(days=400)).isoformat()


async def suppressions(api: Api) -> list[str]:
    """Return the reasons of all suppressions."""
    rows = await api.services.database.fetch("SELECT reason FROM suppression ORDER BY reason")
    return [one["reason"] for one in rows]


async def test_a_single_opt_in_list_subscribes_at_once(api: Api) -> None:
    """The person is made, consents, joins, and both are events; no mail asks for anything."""
    list_id = await list_of(api)
    await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=list_id, custom_source="Checkout")

    assert [("ana@example.com", Channel.EMAIL, 0, SUBSCRIBED)] == await consents(api)
    assert ["ana@example.com"] == await members(api, list_id)
    assert ["Subscribed to Email Marketing", "Subscribed to List"] == await metrics(api)
    assert [] == await mails(api)
    kept = await api.services.database.fetch_row("SELECT method, detail, custom_source, changed_at FROM consent")
    assert kept is not None
    assert ("api", api.key[-4:], "Checkout", NOW) == tuple(kept.values())


async def test_a_job_that_asks_nobody_is_done_in_one_go(api: Api) -> None:
    """A shop that subscribes people one by one needs one slice for each."""
    await api.post(SUBSCRIBE, job("create", row(EMAIL, email="ana@example.com"), list_id=await list_of(api)))
    await run_jobs(engine(api))

    assert "complete" == await api.services.database.fetch_value("SELECT state FROM job")


async def test_a_repeated_request_changes_nothing(api: Api) -> None:
    """Subscribing again leaves consent, membership and events as they are."""
    list_id = await list_of(api)
    for _ in range(2):
        await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=list_id)

    assert ["Subscribed to Email Marketing", "Subscribed to List"] == await metrics(api)


async def test_a_person_in_two_spellings_is_one(api: Api) -> None:
    """Rows that ask for the same, of one address in capitals and in small letters, are one row."""
    rows = [row(EMAIL, email=one) for one in ("twice@example.com", "TWICE@example.com")]
    await subscribe(api, *rows, list_id=await list_of(api))

    assert [("twice@example.com", 1, 0, "SUBSCRIBED")] == await consents(api)


async def test_a_person_who_asks_for_two_things_is_refused(api: Api) -> None:
    """The error names the value as it is written and the row that has it, too."""
    rows = [row(EMAIL, email="twice@example.com"), row({**EMAIL, **SMS}, email="TWICE@example.com", phone_number=PHONE)]
    answer = await api.post(SUBSCRIBE, job("create", *rows))
    [error] = answer.json()["errors"]

    assert (400, f"{ROWS}/1") == (answer.status_code, error["source"]["pointer"])
    assert f'"email" is "TWICE@example.com", which the row at {ROWS}/0 has as well' in error["detail"]


async def test_a_slice_that_is_begun_twice_counts_once(api: Api) -> None:
    """A process that dies before its commit leaves nothing; whoever repeats the slice writes it once."""
    list_id = await list_of(api)
    await api.post(SUBSCRIBE, job("create", row(EMAIL, email="ana@example.com"), list_id=list_id))

    class Killed(BaseException):
        pass

    def die(point: str) -> None:
        if point == "subscriptions: before commit":
            raise Killed

    core = engine(api)
    with pytest.raises(Killed):
        await run_jobs(replace(core, at=die))
    assert [] == await metrics(api)
    async with api.services.database.transaction() as transaction:
        await transaction.execute("UPDATE job SET lease_until = NULL")
    await work(api)

    assert ["Subscribed to Email Marketing", "Subscribed to List"] == await metrics(api)


async def test_every_channel_is_subscribed_to_by_itself(api: Api) -> None:
    """Text messages, WhatsApp and push each with their purposes, and the devices."""
    token = {"token": "abc", "platform": "ios", "vendor": "apns", "enablement_status": "AUTHORIZED"}
    wanted = {
        **EMAIL,
        "sms": {"marketing": YES, "transactional": YES},
        "whatsapp": {"marketing": YES},
        "push": {"marketing": YES, "tokens": [token]},
    }
    await subscribe(api, row(wanted, email="ana@example.com", phone_number=PHONE), list_id=await list_of(api))

    assert [(1, 0), (2, 0), (2, 1), (3, 0), (4, 0)] == [(channel, use) for _, channel, use, _ in await consents(api)]
    assert ["abc"] == [one["token"] for one in await api.services.database.fetch("SELECT token FROM push_token")]
    assert [
        "Subscribed to Email Marketing",
        "Subscribed to List",
        "Subscribed to SMS Marketing",
        "Subscribed to WhatsApp Marketing",
    ] == await metrics(api)


async def test_an_address_and_a_number_of_two_people_subscribe_each_their_own(api: Api) -> None:
    """Nobody gets text messages because somebody else's address stood in the same row."""
    await made_profile(api, email="ana@example.com")
    await made_profile(api, phone_number=PHONE)
    await subscribe(api, row({**EMAIL, **SMS}, email="ana@example.com", phone_number=PHONE), list_id=await list_of(api))

    assert [(PHONE, Channel.SMS), ("ana@example.com", Channel.EMAIL)] == [
        (name, channel) for name, channel, _, _ in await consents(api)
    ]


async def test_subscribing_lifts_what_a_person_may_undo(api: Api) -> None:
    """Manual suppression, complaints and unsubscribing are over; an address that does not work stays suppressed."""
    profile_id = await made_profile(api, email="ana@example.com")
    async with api.services.database.transaction() as transaction:
        found = [Suppression(profile_id, one, NOW) for one in Reason]
        await suppress(transaction, api.account.account_id, found)
    await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=await list_of(api))

    assert ["HARD_BOUNCE", "INVALID_EMAIL"] == await suppressions(api)


async def test_history_subscribes_at_its_own_date_and_starts_nothing(api: Api) -> None:
    """A double opt-in list is joined at once, without a mail; what happened begins no run."""
    list_id = await list_of(api, "double_opt_in")
    dated = {"email": {"marketing": {**YES, "consented_at": OLD}}}
    answer = await api.post(
        SUBSCRIBE, job("create", row(dated, email="ana@example.com"), list_id=list_id, historical_import=True)
    )
    await run_jobs(engine(api))

    assert 202 == answer.status_code
    assert ["ana@example.com"] == await members(api, list_id)
    rows = await api.services.database.fetch("SELECT kind, backfill FROM pending WHERE kind IN (0, 1)")
    assert [(0, True), (0, True), (1, True)] == sorted((one["kind"], one["backfill"]) for one in rows)
    kept = await api.services.database.fetch_row("SELECT changed_at, recorded_at FROM consent")
    assert kept is not None
    assert (NOW - timedelta(days=400), NOW) == tuple(kept.values())


async def test_history_does_not_undo_a_later_unsubscription(api: Api) -> None:
    """A consent from before the person unsubscribed is passed over, and the job says so."""
    list_id = await list_of(api)
    await unsubscribe(api, row({"email": {"marketing": NO}}, email="ana@example.com"))
    dated = {"email": {"marketing": {**YES, "consented_at": OLD}}}
    await subscribe(api, row(dated, email="ana@example.com"), list_id=list_id, historical_import=True)

    assert [("ana@example.com", Channel.EMAIL, 0, "UNSUBSCRIBED")] == await consents(api)
    assert [] == await members(api, list_id)
    progress = await api.services.database.fetch_value("SELECT progress FROM job WHERE kind = 'subscribe-profiles'")
    assert [0] == [one["row"] for one in progress["errors"]]


async def test_unsubscribing_without_a_list_is_for_everything(api: Api) -> None:
    """Consent ends with an event; an unknown person is made and unsubscribed."""
    await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=await list_of(api))
    gone = {"email": {"marketing": NO}}
    await unsubscribe(api, row(gone, email="ana@example.com"), row(gone, email="new@example.com"))

    assert ["UNSUBSCRIBED", "UNSUBSCRIBED"] == [subscription for *_, subscription in await consents(api)]
    assert 2 == (await metrics(api)).count("Unsubscribed from Email Marketing")


async def test_unsubscribing_from_a_list_ends_that_list_for_its_members(api: Api) -> None:
    """A member leaves it and is suppressed for it alone; whoever is not on it is unsubscribed from everything."""
    list_id = await list_of(api)
    gone = {"email": {"marketing": NO}}
    await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=list_id)
    people = [row(gone, email="ana@example.com"), row(gone, email="bob@example.com")]
    await unsubscribe(api, *people, list_id=list_id)

    assert [
        ("ana@example.com", Channel.EMAIL, 0, SUBSCRIBED),
        ("bob@example.com", Channel.EMAIL, 0, "UNSUBSCRIBED"),
    ] == await consents(api)
    assert [] == await members(api, list_id)
    kept = await api.services.database.fetch("SELECT list_id, reason FROM suppression")
    assert [(list_id, "UNSUBSCRIBE")] == [tuple(one.values()) for one in kept]
    assert 1 == (await metrics(api)).count("Unsubscribed from List")
    await subscribe(api, row(EMAIL, email="ana@example.com"), list_id=list_id)
    assert (["ana@example.com"], []) == (await members(api, list_id), await suppressions(api))


async def test_devices_are_removed_by_their_tokens(api: Api) -> None:
    """Also where a row names nobody else."""
    device = {"token": "abc", "platform": "ios", "vendor": "apns"}
    await subscribe(api, row({"push": {"marketing": YES, "tokens": [device]}}, email="ana@example.com"))
    await unsubscribe(api, row({"push": {"marketing": NO, "tokens": [device]}}))

    assert [] == await api.services.database.fetch("SELECT * FROM push_token")


async def test_large_jobs_are_done_in_slices(api: Api) -> None:
    """A thousand people are subscribed; a hundred is the most that a job unsubscribes."""
    people = [row(EMAIL, email=f"p{number}@example.com") for number in range(1000)]
    list_id = await list_of(api)
    await subscribe(api, *people, list_id=list_id)

    assert 1000 == len(await members(api, list_id))
    kept = await api.services.database.fetch_value("SELECT arguments FROM job")
    assert "people" not in kept, "addresses are kept no longer than they are needed"
    more = await api.post(SUBSCRIBE, job("create", *people, row(EMAIL, email="x@example.com")))
    assert (400, [ROWS]) == (more.status_code, pointers(more))
    gone = [row({"email": {"marketing": NO}}, email=f"p{number}@example.com") for number in range(101)]
    assert 400 == (await api.post(UNSUBSCRIBE, job("delete", *gone))).status_code


async def test_rows_without_subscriptions_are_about_what_they_name(api: Api) -> None:
    """Older clients give an address and a number, and mean marketing on both."""
    await subscribe(api, row(email="ana@example.com", phone_number=PHONE), list_id=await list_of(api))

    assert [Channel.EMAIL, Channel.SMS] == [channel for _, channel, _, _ in await consents(api)]


AT = f"{ROWS}/0/attributes"


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        (row({"email": {"marketing": NO}}, email="a@b.co"), f"{AT}/subscriptions/email/marketing/consent"),
        (row(EMAIL, email="nobody"), f"{AT}/email"),
        (row(SMS, phone_number="0123"), f"{AT}/phone_number"),
        (row(SMS, email="a@b.co"), f"{AT}/phone_number"),
        (row(EMAIL, phone_number=PHONE), f"{AT}/email"),
        (row({}, email="a@b.co"), f"{AT}/subscriptions"),
        (row(EMAIL), AT),
        (row(EMAIL, id="01GDDKASAP8TKDDA2GRZDSVP4H"), f"{ROWS}/0/id"),
        (
            row({"email": {"marketing": {**YES, "consented_at": OLD}}}, email="a@b.co"),
            f"{AT}/subscriptions/email/marketing/consented_at",
        ),
        (row(SMS, phone_number=PHONE, age_gated_date_of_birth="2031-01-01"), f"{AT}/age_gated_date_of_birth"),
        (row(SMS, phone_number=PHONE, age_gated_date_of_birth="1 May"), f"{AT}/age_gated_date_of_birth"),
    ],
)
async def test_a_wrong_row_is_pointed_to(api: Api, given: Any, pointer: str) -> None:
    """The row and its field are named, and nothing is done."""
    answer = await api.post(SUBSCRIBE, job("create", given, row(EMAIL, email="ok@example.com")))

    assert (400, [pointer]) == (answer.status_code, pointers(answer))
    await work(api)
    assert [] == await consents(api)


@pytest.mark.parametrize("at", [None, (NOW + timedelta(days=1)).isoformat(), NOW.isoformat(), "yesterday"])
async def test_history_needs_a_date_in_the_past(api: Api, at: str | None) -> None:
    """A consent of a historical import was given at a moment that lies behind."""
    given = {"email": {"marketing": {**YES, **({"consented_at": at} if at else {})}}}
    answer = await api.post(SUBSCRIBE, job("create", row(given, email="a@b.co"), historical_import=True))

    assert (400, [f"{AT}/subscriptions/email/marketing/consented_at"]) == (answer.status_code, pointers(answer))


async def test_rows_that_contradict_each_other_are_refused(api: Api) -> None:
    """The same row twice is one; the same address with another wish is a mistake."""
    once = row(EMAIL, email="ana@example.com")
    other = row({**EMAIL, **SMS}, email="ANA@example.com", phone_number=PHONE)
    answer = await api.post(SUBSCRIBE, job("create", once, other))

    assert (400, [f"{ROWS}/1"]) == (answer.status_code, pointers(answer))
    await subscribe(api, once, once, list_id=await list_of(api))
    assert 1 == len(await consents(api))


async def test_a_list_that_is_not_there_is_not_found(api: Api) -> None:
    """404, with the place of the list."""
    for path, kind, given in ((SUBSCRIBE, "create", EMAIL), (UNSUBSCRIBE, "delete", {"email": {"marketing": NO}})):
        answer = await api.post(path, job(kind, row(given, email="a@b.co"), list_id="N0body"))
        assert (404, ["/data/relationships/list/data/id"]) == (answer.status_code, pointers(answer))


@pytest.mark.parametrize(("born", "subscription"), [("2008-11-20", SUBSCRIBED), ("2008-11-21", "UNSUBSCRIBED")])
async def test_an_account_may_ask_for_an_age(api: Api, born: str, subscription: str) -> None:
    """Whoever is too young gets no text messages, and an event says why; without a date of birth nobody does."""
    settings = replace(api.account.settings, sms_minimum_age=18)
    await save_settings(api.services.database, api.account.account_id, settings)
    missing = await api.post(SUBSCRIBE, job("create", row(SMS, phone_number=PHONE)))
    assert (400, [f"{AT}/age_gated_date_of_birth"]) == (missing.status_code, pointers(missing))
    list_id = await list_of(api)
    await subscribe(api, row(SMS, phone_number=PHONE, age_gated_date_of_birth=born), list_id=list_id)

    assert [(PHONE, Channel.SMS, 0, subscription)] == await consents(api)
    young = subscription != SUBSCRIBED
    assert ("Failed SMS Age Gate" in await metrics(api)) is young
    assert ([] if young else [None]) == await members(api, list_id)


async def test_joining_by_the_api_is_an_event(api: Api, machine_clock: FixedClock) -> None:
    """Being put on a list is "Subscribed to List" and no consent."""
    list_id, profile_id = await list_of(api), await made_profile(api, email="ana@example.com")
    body = {"data": [{"type": "profile", "id": profile_id}]}
    for _ in range(2):
        assert 204 == (await api.post(f"/api/lists/{list_id}/relationships/profiles", body)).status_code
        machine_clock.moment += timedelta(hours=1)

    assert (["Subscribed to List"], []) == (await metrics(api), await consents(api))


async def test_a_large_list_is_deleted_in_slices(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is gone at once; its members are taken off until none is left."""
    monkeypatch.setattr(groups, "SLICE", 2)
    monkeypatch.setattr(suppression_jobs, "SLICE", 2)
    list_id = await list_of(api)
    await subscribe(api, *(row(EMAIL, email=f"p{number}@example.com") for number in range(5)), list_id=list_id)
    assert 204 == (await api.delete(f"/api/lists/{list_id}")).status_code
    left = await members(api, list_id)
    await work(api)

    assert (3, []) == (len(left), await members(api, list_id))
