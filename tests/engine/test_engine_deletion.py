"""Deleting people for good: nothing that names them stays, and what reports count stays as it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine_shop import EngineShop, definition, delay, email
from headrace.channels.port import Envelope, Result, Sent
from headrace.clock import SystemClock
from headrace.engine.deletions import Named, request_deletion
from headrace.engine.jobs import run_jobs
from headrace.engine.merges import request_merge
from headrace.engine.setup import choose_providers
from headrace.engine.worker import Worker
from headrace.errors import NotFound
from headrace.ids import bucket_of
from headrace.model import Channel, DeliveryState
from headrace.reports.flow_values import flow_values, recount
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import STATISTICS
from headrace.storage.database import Database
from headrace.storage.events import NewEvent, insert_pending
from headrace.storage.identity import IncomingProfile
from headrace.storage.interactions import Interaction, Kind, record_interactions
from headrace.storage.step_counts import counts_of, flow_counts, recount_waiting, waiting_of

METRIC = "Checkout Started"
ANA = IncomingProfile(
    email="ana@example.com",
    phone_number="+12025550143",
    external_id="customer-4711",
    anonymous_id="browser-0815",
    fields={"first_name": "Anastasia"},
    properties={"favorite": "marmalade"},
)
TRACES = ("ana@example.com", "+12025550143", "customer-4711", "browser-0815", "Anastasia", "marmalade")


async def open_shop(database: Database) -> EngineShop:
    """Return a shop whose messages are kept in the inbox."""
    return await EngineShop.open(database, providers=choose_providers(database))


async def delete(shop: EngineShop, person: str) -> None:
    """Ask for a person's deletion."""
    named = Named(profile_id=shop.people[person])
    now = SystemClock().now()
    await request_deletion(shop.core, shop.account.account_id, named, await shop.now(), now)


async def work(shop: EngineShop) -> None:
    """Work off every job."""
    while await run_jobs(shop.core):
        pass


async def traces(database: Database, *texts: str) -> dict[str, str]:
    """Return table -> the text found in it, over every column of every table."""
    found = {}
    tables = await database.fetch(
        "SELECT table_name AS name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    for table in tables:
        query = f"SELECT t::text FROM {table['name']} t"
        for row in await database.fetch(query):
            for text in texts:
                if text.lower() in row["t"].lower():
                    found[table["name"]] = text
    return found


async def play(shop: EngineShop, *, finished: bool = True) -> str:
    """Let Ana and Bea go through a flow with two messages, Ana on a list; return the flow's id."""
    template = await shop.template("<p>Hello {{ first_name|default:'you' }}</p>")
    actions = (email("one", template, "wait"), delay("wait", "two"), email("two", template))
    flow_id = await shop.flow(definition(await shop.metric(METRIC), *actions))
    members = await shop.list_("VIP")
    await shop.event(METRIC, "ana", profiles={"ana": ANA}, properties={"note": "marmalade"})
    await shop.event(METRIC, "bea")
    await shop.join("ana", members)
    await shop.consent("ana", Channel.EMAIL, "SUBSCRIBED")
    await shop.drain()
    if finished:
        await shop.move(timedelta(hours=2))
    return flow_id


async def test_no_trace_is_left_in_any_table(database: Database) -> None:
    """Neither the profile's id nor an address, number, name or property, nor in the rows of jobs."""
    shop = await open_shop(database)
    await play(shop)
    old = shop.people["ana"]
    await _job_row(shop, old)
    await delete(shop, "ana")
    await work(shop)
    assert {} == await traces(database, old, *TRACES)
    assert "bea@example.com" in {row["email"] for row in await database.fetch("SELECT email FROM profile")}


async def _job_row(shop: EngineShop, profile_id: str) -> None:
    async with shop.database.transaction() as transaction:
        now = SystemClock().now()
        await transaction.execute(
            "INSERT INTO job (job_id, account_id, kind, state, arguments, created_at, updated_at) "
            "VALUES ('job', $1, 'import', 'complete', '{}', $2, $2)",
            shop.account.account_id,
            now,
        )
        await transaction.execute(
            "INSERT INTO job_item (job_id, number, account_id, item, profile_id, error) "
            "VALUES ('job', 1, $1, $2, $3, NULL), ('job', 2, $1, $2, NULL, $4)",
            shop.account.account_id,
            {"email": "Ana@Example.com", "favorite": "marmalade"},
            profile_id,
            {"detail": '"marmalade" is no number'},
        )


async def test_reports_stay_as_they_were(database: Database) -> None:
    """Folded and recounted from raw rows, with opens and orders."""
    shop = await open_shop(database)
    flow_id = await play(shop)
    await _open_all(shop)
    await shop.event("Placed Order", "ana", value=None)
    await shop.drain()
    before = await _report(shop)
    counts = await flow_counts(database, shop.account.account_id, flow_id)
    await delete(shop, "ana")
    await work(shop)
    assert before == await _report(shop)
    assert counts == await flow_counts(database, shop.account.account_id, flow_id)


async def _open_all(shop: EngineShop) -> None:
    items = [
        Interaction(Kind.OPENED, Channel.EMAIL, row["bucket"], row["delivery_id"], row["sent_at"])
        for row in await shop.deliveries()
    ]
    batch = await shop.core.recorder.prepare(shop.account.account_id, items)
    async with shop.database.transaction() as transaction:
        await record_interactions(transaction, batch)


async def _report(shop: EngineShop) -> Any:
    names = tuple(statistic.name for statistic in STATISTICS)
    request = FlowValuesRequest(
        names, "last_30_days", await shop.metric("Placed Order"), ("flow_id", "flow_message_id")
    )
    now = await shop.now() + timedelta(days=1)
    fast = await flow_values(shop.database, shop.account, request, now)
    assert fast == await recount(shop.database, shop.account, request, now)
    assert fast
    return fast


async def test_waiting_runs_end_and_are_counted(database: Database) -> None:
    """The person leaves the flow as "Person Deleted"; nothing more is sent, and the gauges agree."""
    shop = await open_shop(database)
    flow_id = await play(shop, finished=False)
    await delete(shop, "ana")
    await work(shop)
    await shop.move(timedelta(hours=2))
    place = (database, shop.account.account_id, flow_id)
    assert {"person_deleted": 1} == (await flow_counts(*place))["exited"]
    assert await recount_waiting(*place) == waiting_of(await counts_of(*place))
    sent = await database.fetch("SELECT recipient FROM inbox_message")
    assert {"bea@example.com"} == {row["recipient"] for row in sent}


async def test_a_run_that_comes_due_before_the_job_ends_alike(database: Database) -> None:
    """Between the request and the job a worker may meet the run."""
    shop = await open_shop(database)
    flow_id = await play(shop, finished=False)
    await delete(shop, "ana")
    await shop.move(timedelta(hours=2))
    await work(shop)
    shown = await flow_counts(database, shop.account.account_id, flow_id)
    assert {"person_deleted": 1} == shown["exited"]
    assert {} == await traces(database, shop.people["ana"])


async def test_messages_that_wait_are_skipped(database: Database) -> None:
    """A queued message is not sent and counts as skipped."""
    shop = await open_shop(database)
    flow_id = await shop.flow(definition(await shop.metric(METRIC), email("one", await shop.template())))
    await shop.person("ana")
    await shop.drain()
    await shop.event(METRIC, "ana")
    worker = Worker(shop.core)
    while await worker.enter() or await worker.advance():
        pass
    await delete(shop, "ana")
    await work(shop)
    await shop.drain()
    (row,) = await shop.deliveries()
    assert (DeliveryState.SKIPPED, "Person Deleted") == (row["state"], row["reason"])
    (action,) = (await flow_counts(database, shop.account.account_id, flow_id))["actions"]
    assert {"Person Deleted": 1} == action["skipped"]


class Meanwhile:
    """A provider during whose work a person is deleted."""

    name = "meanwhile"
    honors_idempotency_key = False

    def __init__(self) -> None:
        self.shop: EngineShop | None = None

    async def send_many(self, envelopes: list[Envelope]) -> list[Result]:
        """Delete, look in vain for an end of the job, and take the messages."""
        assert self.shop is not None
        await delete(self.shop, "ana")
        await work(self.shop)
        return [Sent(f"taken-{number}") for number, _ in enumerate(envelopes)]

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_a_message_in_flight_is_waited_for(database: Database) -> None:
    """Its result is recorded, and only then its row loses its person."""
    provider = Meanwhile()
    shop = await EngineShop.open(database, providers={Channel.EMAIL: provider})
    provider.shop = shop
    await shop.flow(definition(await shop.metric(METRIC), email("one", await shop.template())))
    await shop.person("ana")
    await shop.event(METRIC, "ana")
    await shop.drain()
    (row,) = await shop.deliveries()
    assert (DeliveryState.SENT, shop.people["ana"]) == (row["state"], row["profile_id"])
    await database.fetch("UPDATE job SET lease_until = NULL")
    await work(shop)
    (row,) = await shop.deliveries()
    assert DeliveryState.SENT == row["state"]
    assert {} == await traces(database, shop.people["ana"])


async def test_an_event_that_looked_before_the_deletion_leaves_nothing(database: Database) -> None:
    """Accepted for an id that is gone by the time it commits."""
    shop = await open_shop(database)
    old = await shop.person("ana")
    await shop.drain()
    await delete(shop, "ana")
    await work(shop)
    at = await shop.now()
    number = (await shop.serials.take(1))[0]
    event = NewEvent(bucket_of(old), old, await shop.metric(METRIC), "late", number, at, {})
    async with database.transaction() as transaction:
        await insert_pending(transaction, shop.account.account_id, [event], at, SystemClock().now())
    await shop.drain()
    await work(shop)
    assert {} == await traces(database, old)


async def test_merged_profiles_go_with_the_person(database: Database) -> None:
    """Also what the job of the merge had not moved yet, and the alias."""
    shop = await open_shop(database)
    ana, bea = await shop.person("ana"), await shop.person("bea")
    await request_merge(shop.core, shop.account, ana, bea, await shop.now(), SystemClock().now())
    await database.fetch(
        "UPDATE event SET profile_id = $1, bucket = $2 WHERE number IN (SELECT min(number) FROM event)",
        ana,
        bucket_of(ana),
    )
    await delete(shop, "bea")
    await work(shop)
    await shop.drain()
    assert {} == await traces(database, ana, bea, "ana@example.com", "bea@example.com")


async def test_who_comes_back_is_a_new_person_while_the_job_runs(database: Database) -> None:
    """The same address before anything was removed: a profile of its own, which the job leaves alone."""
    shop = await open_shop(database)
    await play(shop)
    old = shop.people["ana"]
    await delete(shop, "ana")
    new = await shop.person("ana", ANA)
    await shop.drain()
    await work(shop)
    assert new != old
    owners = {row["profile_id"] for row in await database.fetch("SELECT profile_id FROM event")}
    assert new in owners
    assert old not in owners
    assert 1 == await database.fetch_value("SELECT count(*) FROM identifier WHERE value = 'ana@example.com'")


@pytest.mark.parametrize("point", ["delete: before commit", "delete: after commit", "jobs: slice done"])
async def test_a_job_that_dies_at_any_point_is_done_again(database: Database, point: str) -> None:
    """Dying between parts leaves reports alone and nothing behind."""
    shop = await open_shop(database)
    await play(shop)
    before = await _report(shop)
    await delete(shop, "ana")
    deaths = 0

    def die(here: str) -> None:
        nonlocal deaths
        if here == point and deaths < 2:
            deaths += 1
            raise asyncio.CancelledError

    shop.core = replace(shop.core, at=die)
    for _ in range(20):
        try:
            await run_jobs(shop.core)
        except asyncio.CancelledError:
            await database.fetch("UPDATE job SET lease_until = NULL")
    assert 2 == deaths
    assert {} == await traces(database, shop.people["ana"], *TRACES)
    assert before == await _report(shop)


async def test_merging_and_deleting_at_once_end_well(database: Database) -> None:
    """Ana into Bea while Bea is deleted: either both are gone, or Bea alone and Ana is untouched."""
    shop = await open_shop(database)
    for turn in range(6):
        ana, bea = await shop.person(f"ana{turn}"), await shop.person(f"bea{turn}")
        await shop.drain()
        now = await shop.now()
        asked = [
            request_merge(shop.core, shop.account, ana, bea, now, SystemClock().now()),
            request_deletion(shop.core, shop.account.account_id, Named(bea), now, SystemClock().now()),
        ]
        merged, deleted = await asyncio.gather(*asked, return_exceptions=True)
        assert not isinstance(deleted, BaseException)
        await shop.drain()
        await work(shop)
        left = {ana} if isinstance(merged, NotFound) else set()
        assert {} == await traces(database, bea)
        assert left == {ana} & {row["profile_id"] for row in await database.fetch("SELECT profile_id FROM profile")}
        assert bool(left) is bool(await traces(database, ana))
