"""What two at once, a late job or a broken-off slice may do to people: nothing that was decided later is undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from job_runs import work_off
from merging import merge, two_people

from engine_shop import EngineShop, has, segment_of
from headrace.channels.port import Result, Sent
from headrace.clock import SystemClock
from headrace.engine import profile_imports
from headrace.engine.deletions import Named, request_deletion
from headrace.engine.inbound_sms import InboundSms, Place, take_in
from headrace.engine.jobs import run_jobs
from headrace.engine.subscription_rows import SUBSCRIBE, UNSUBSCRIBE, Order, Person, arguments
from headrace.engine.subscription_rows import Wish as Consented
from headrace.engine.suppression_jobs import SUPPRESS
from headrace.engine.suppression_jobs import arguments as suppressing
from headrace.errors import Problem
from headrace.model import Channel
from headrace.storage import jobs
from headrace.storage.consents import (
    SUBSCRIBED,
    UNSUBSCRIBED,
    ConsentChange,
    lock_consents,
    set_consents,
)
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.job_items import NewItem
from headrace.storage.profile_wishes import ProfileChange, Wish, kept_wish
from headrace.storage.resolve import LostRace, Resolver
from headrace.storage.segment_cache import SegmentCache
from headrace.storage.segments import delete_segment
from headrace.storage.suppressions import Reason


class Counting:
    """A provider that notes what it is handed; it fails once behind the hand-over where told to."""

    name = "counting"
    honors_idempotency_key = False

    def __init__(self, *, fails: bool = False) -> None:
        self.sent: list[str] = []
        self.fails = fails

    async def send_many(self, envelopes: Any) -> list[Result]:
        self.sent.extend(one.body for one in envelopes)
        if self.fails:
            self.fails = False
            raise ValueError("the provider answered nonsense")
        return [Sent("") for _ in envelopes]


async def ask(shop: EngineShop, kind: str, email: str, list_id: str | None = None) -> str:
    """Ask for somebody's subscription to e-mail or its end, and return the job's id."""
    order = Order(await shop.now(), list_id)
    async with shop.database.transaction() as transaction:
        place = (transaction, shop.account.account_id, shop.ids, kind)
        people = [Person(email=email, wishes=(Consented(Channel.EMAIL, 0),))]
        return await jobs.enqueue(*place, arguments(order, people), SystemClock().now())


async def pass_by(shop: EngineShop) -> None:
    """Let five minutes pass in which no job is worked off."""
    await shop.database.fetch("UPDATE account SET clock_now = clock_now + interval '5 minutes' RETURNING 1")


async def subscriptions(shop: EngineShop) -> list[str]:
    """Return the states of everybody's consent."""
    rows = await shop.database.fetch("SELECT subscription FROM consent ORDER BY profile_id, channel")
    return [row["subscription"] for row in rows]


# --- consent ------------------------------------------------------------------------------------------------------


async def single_opt_in(shop: EngineShop) -> str:
    """Return a list that people join at once."""
    list_id = await shop.list_("News")
    await shop.database.fetch(
        "UPDATE profile_group SET opt_in_process = 'single_opt_in' WHERE group_id = $1 RETURNING 1", list_id
    )
    return list_id


async def test_a_subscription_that_waited_does_not_undo_a_later_unsubscription(database: Database) -> None:
    """The job was asked for before the person unsubscribed; what they said last counts."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    job_id = await ask(shop, SUBSCRIBE, "ana@example.com", await single_opt_in(shop))
    await pass_by(shop)
    await shop.consent("ana", Channel.EMAIL, UNSUBSCRIBED)
    await pass_by(shop)
    await work_off(shop, job_id)

    assert [UNSUBSCRIBED] == await subscriptions(shop)


async def test_an_imported_consent_loses_against_an_unsubscription_that_nobody_could_see(database: Database) -> None:
    """The person unsubscribes for the first time between the look of the job and its writing."""
    shop = await EngineShop.open(database)
    profile_id, now = await shop.person("ana"), await shop.now()
    account_id = shop.account.account_id
    old = ConsentChange(profile_id, Channel.EMAIL, SUBSCRIBED, now - timedelta(days=400), "api", recorded_at=now)
    async with database.transaction() as transaction:
        assert {} == await lock_consents(transaction, account_id, [old])
        await shop.consent("ana", Channel.EMAIL, UNSUBSCRIBED)
        changed = await set_consents(transaction, account_id, [old], now)

    assert ([], [UNSUBSCRIBED]) == (changed, await subscriptions(shop))


async def test_a_subscription_that_waited_lifts_no_later_suppression(database: Database) -> None:
    """A user suppressed the person after the subscription had been asked for."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    job_id = await ask(shop, SUBSCRIBE, "ana@example.com", await single_opt_in(shop))
    await pass_by(shop)
    await shop.suppress("ana", Reason.USER_SUPPRESSED)
    await work_off(shop, job_id)

    assert 1 == await database.fetch_value("SELECT count(*) FROM suppression")


@pytest.mark.parametrize("on_list", [True, False])
async def test_what_ended_a_subscription_late_does_not_hold_up_the_next_one(database: Database, on_list: bool) -> None:
    """Asked for one after the other and carried out in that order, though both late: the second counts."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    list_id = await single_opt_in(shop)
    await shop.consent("ana", Channel.EMAIL, SUBSCRIBED)
    if on_list:
        await shop.join("ana", list_id)
    first = await ask(shop, UNSUBSCRIBE, "ana@example.com", list_id)
    async with database.transaction() as transaction:
        told = suppressing(await shop.now(), ["ana@example.com"], None, None)
        place = (transaction, shop.account.account_id, shop.ids, SUPPRESS, told, SystemClock().now())
        second = await jobs.enqueue(*place)
    await pass_by(shop)
    third = await ask(shop, SUBSCRIBE, "ana@example.com", list_id)
    await pass_by(shop)
    for job_id in (first, second, third):
        await work_off(shop, job_id)

    left = await database.fetch_value("SELECT count(*) FROM suppression")
    assert ([SUBSCRIBED], ["ana"], 0) == (await subscriptions(shop), list(await shop.members(list_id)), left)


# --- jobs ---------------------------------------------------------------------------------------------------------


async def test_a_failure_forgets_nothing_that_the_slice_wrote_down(database: Database) -> None:
    """What was kept on the way stays, and the failure is counted beside it."""
    shop = await EngineShop.open(database)
    job_id = await ask(shop, SUBSCRIBE, "ana@example.com")
    now = SystemClock().now()
    async with database.transaction() as transaction:
        job = await jobs.claim(transaction, now, job_id)
        assert job is not None
        assert await jobs.keep_progress(transaction, job, {"handed_over": True})
    async with database.transaction() as transaction:
        await jobs.fail(transaction, job, "a bug", now)

    found = await jobs.get_job(database, shop.account.account_id, job_id)
    assert {"handed_over": True, "failures": 1} == found.progress


async def test_an_automated_answer_goes_out_once_though_its_provider_fails(database: Database) -> None:
    """Nobody knows whether the message arrived, so that it is not sent again."""
    provider: Any = Counting(fails=True)
    shop = await EngineShop.open(database, providers={Channel.SMS: provider})
    place = Place(shop.account, shop.ids, await shop.now(), SystemClock().now())
    await take_in(database, shop.core.own_events, place, InboundSms("+12025550143", "HELP", "+12025550100", "m1"))
    await run_jobs(shop.core)
    await database.fetch("UPDATE job SET lease_until = NULL RETURNING 1")
    await run_jobs(shop.core)

    assert 1 == len(provider.sent)


async def test_who_lost_a_job_does_not_move_it_back(database: Database) -> None:
    """A slice took longer than its lease; somebody else went on meanwhile."""
    shop = await EngineShop.open(database)
    job_id = await ask(shop, SUBSCRIBE, "ana@example.com")
    now = SystemClock().now()
    async with database.transaction() as transaction:
        slow = await jobs.claim(transaction, now, job_id)
    async with database.transaction() as transaction:
        other = await jobs.claim(transaction, now + 2 * jobs.LEASE, job_id)
        assert slow is not None
        assert other is not None
        assert await jobs.keep_progress(transaction, other, {"done": 2})
    async with database.transaction() as transaction:
        await jobs.save_progress(transaction, slow, {"done": 1}, now + 2 * jobs.LEASE)
        await jobs.fail(transaction, slow, "late", now + 2 * jobs.LEASE)

    found = await jobs.get_job(database, shop.account.account_id, job_id)
    assert ({"done": 2}, None) == (found.progress, found.error)


# --- deletion -----------------------------------------------------------------------------------------------------


async def delete(shop: EngineShop, person: str) -> None:
    """Delete a person for good."""
    named = Named(profile_id=shop.people[person])
    await request_deletion(shop.core, shop.account.account_id, named, await shop.now(), SystemClock().now())


@pytest.mark.parametrize("more", [{"external_id": "customer-4711"}, {"anonymous_id": "browser-0815"}])
async def test_nobody_gets_an_identifier_after_their_deletion(database: Database, more: dict[str, str]) -> None:
    """The request had recognized the person; it must look again, or the identifier would name nobody for ever."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    person = IncomingProfile(email="ana@example.com", **more)
    async with database.transaction() as transaction:
        resolver = Resolver(transaction, shop.account.account_id, shop.ids, await shop.now())
        await resolver._decide([person])
        await delete(shop, "ana")
        with pytest.raises(LostRace):
            await resolver._write()


async def test_an_identifier_that_names_nobody_is_given_up(database: Database) -> None:
    """Whoever comes with it is lost once, and a new person the next time."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    await delete(shop, "ana")
    while await run_jobs(shop.core):
        pass
    profile = IncomingProfile(external_id="customer-4711")
    bea = await shop.person("bea", profile)
    await database.fetch("UPDATE identifier SET profile_id = $1 RETURNING 1", shop.people["ana"])
    await shop.event("Active on Site", "late", profiles={"late": profile})
    await shop.drain()
    found = await shop.event("Active on Site", "late", profiles={"late": profile})

    assert found.profile_id not in (bea, shop.people["ana"])


# --- merging ------------------------------------------------------------------------------------------------------


def merging_once(shop: EngineShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge Ana into Bea as soon as somebody has found out who she is."""
    resolve = Resolver.resolve

    async def call(resolver: Resolver, people: Sequence[IncomingProfile]) -> list[str | Problem]:
        monkeypatch.setattr(Resolver, "resolve", resolve)
        found = await resolve(resolver, people)
        await merge(shop, "ana", "bea")
        return found

    monkeypatch.setattr(Resolver, "resolve", call)


async def test_an_unsubscription_of_a_person_who_is_merged_meanwhile_is_not_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job had found Ana, who is Bea by the time it writes."""
    shop = await EngineShop.open(database)
    await two_people(shop)
    for person in ("ana", "bea"):
        await shop.consent(person, Channel.EMAIL, SUBSCRIBED)
    job_id = await ask(shop, UNSUBSCRIBE, "ana@example.com")
    merging_once(shop, monkeypatch)
    await work_off(shop, job_id)

    assert [UNSUBSCRIBED] == await subscriptions(shop)


async def test_a_keyword_of_a_person_who_is_merged_meanwhile_is_not_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever texts STOP gets no more messages, whoever they are by then."""
    shop = await EngineShop.open(database)
    await shop.person("ana", IncomingProfile(phone_number="+12025550143"))
    await shop.person("bea")
    for person in ("ana", "bea"):
        await shop.consent(person, Channel.SMS, SUBSCRIBED)
    place = Place(shop.account, shop.ids, await shop.now(), SystemClock().now())
    merging_once(shop, monkeypatch)
    await take_in(database, shop.core.own_events, place, InboundSms("+12025550143", "STOP", "+12025550100", "m1"))

    assert [UNSUBSCRIBED, UNSUBSCRIBED] == await subscriptions(shop)


# --- races --------------------------------------------------------------------------------------------------------


async def test_an_import_that_lost_a_race_has_numbers_for_all_events(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try recorded everybody's joining of the list before the database ended it."""
    shop = await EngineShop.open(database)
    list_id, settle = await shop.list_("News"), profile_imports.job_items.settle_items

    async def deadlock(*args: Any) -> None:
        monkeypatch.setattr(profile_imports.job_items, "settle_items", settle)
        raise asyncpg.DeadlockDetectedError("deadlock detected")

    monkeypatch.setattr(profile_imports.job_items, "settle_items", deadlock)
    rows = [
        NewItem(kept_wish(Wish(ProfileChange({"email": f"{n}@example.com"})))) for n in range(profile_imports.PEOPLE)
    ]
    async with database.transaction() as transaction:
        told = {profile_imports.LISTS: [list_id], profile_imports.TOTAL: len(rows)}
        place = (transaction, shop.account.account_id, shop.ids, profile_imports.IMPORT, told, SystemClock().now())
        job_id = await jobs.enqueue(*place)
        await profile_imports.job_items.add_items(transaction, shop.account.account_id, job_id, rows)
    job = await work_off(shop, job_id)

    assert (jobs.JobState.COMPLETE, None) == (job.state, job.error)


async def test_a_segment_may_go_while_it_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is deleted between two looks of one batch; the others are read."""
    shop = await EngineShop.open(database)
    gone, left = [await shop.made_segment(name, segment_of([has("color", name)])) for name in ("red", "blue")]
    load = SegmentCache._compile

    async def delete_first(cache: SegmentCache, connection: Any, rows: Any) -> None:
        async with database.transaction() as transaction:
            await delete_segment(transaction, shop.account.account_id, gone, shop.ids, SystemClock().now())
        await load(cache, connection, rows)

    monkeypatch.setattr(SegmentCache, "_compile", delete_first)
    found = await SegmentCache().load(database, [shop.account.account_id])

    assert [left] == list(found[shop.account.account_id].by_id)
