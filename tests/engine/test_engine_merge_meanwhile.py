"""Merging people while others work on them: workers, providers, requests, other merges, and deaths in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest
from merging import (
    METRIC,
    late_event,
    left_of,
    many_events,
    merge,
    open_shop,
    recipients,
    two_people,
    with_points,
    work,
)

from engine_shop import EngineShop, definition, delay, email
from headrace.channels.mailbox import InboxMessage
from headrace.channels.port import Envelope, Result, Sent
from headrace.clock import SystemClock
from headrace.engine.jobs import run_jobs
from headrace.engine.mailbox import DatabaseMailbox
from headrace.engine.merges import request_merge
from headrace.engine.worker import Worker
from headrace.ids import bucket_of
from headrace.model import Channel, DeliveryState
from headrace.storage import merge_rows
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Database


class Meanwhile:
    """A provider during whose work two people are merged."""

    name = "meanwhile"
    honors_idempotency_key = False

    def __init__(self) -> None:
        self.shop: EngineShop | None = None
        self.given: list[str] = []

    async def send_many(self, envelopes: list[Envelope]) -> list[Result]:
        """Merge, and take the messages."""
        assert self.shop is not None
        await merge(self.shop, "ana", "bea")
        self.given += [getattr(one, "to", "") for one in envelopes]
        return [Sent(f"taken-{number}") for number, _ in enumerate(envelopes)]

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_the_result_of_a_message_in_flight_finds_its_delivery(database: Database) -> None:
    """Merged while the provider has it: the delivery is sent, as the destination's, with its event."""
    provider = Meanwhile()
    shop = await EngineShop.open(database, providers={Channel.EMAIL: provider})
    provider.shop = shop
    template = await shop.template()
    await shop.flow(definition(await shop.metric(METRIC), email("one", template)))
    await two_people(shop)
    await shop.event(METRIC, "ana")
    await shop.drain()
    (row,) = await shop.deliveries()
    assert (DeliveryState.SENT, shop.people["bea"]) == (row["state"], row["profile_id"])
    events = await database.fetch("SELECT profile_id FROM interaction WHERE delivery_id = $1", row["delivery_id"])
    assert [shop.people["bea"]] == [one["profile_id"] for one in events]
    assert ["ana@example.com"] == provider.given


async def test_a_message_claimed_before_the_merge_is_written_to_the_destination(database: Database) -> None:
    """Merged between the claim and the letter: it is not skipped as one to nobody."""
    shop = await open_shop(database)
    template = await shop.template()
    await shop.flow(definition(await shop.metric(METRIC), email("one", template)))
    await two_people(shop)
    await shop.event(METRIC, "ana")
    merging: list[asyncio.Task[str]] = []

    def at(point: str) -> None:
        if point == "deliver: claimed" and not merging:
            merging.append(asyncio.ensure_future(merge(shop, "ana", "bea")))

    shop = with_points(shop, at)
    await shop.drain()
    await asyncio.gather(*merging)
    await shop.drain()
    ((subject, _),) = await recipients(shop)
    assert "one" == subject
    assert [DeliveryState.SENT] == [row["state"] for row in await shop.deliveries()]


async def test_what_the_inbox_keeps_after_the_merge_follows_its_delivery(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged between the letter and its place in the inbox: the message is found under the destination."""
    shop = await open_shop(database)
    await shop.flow(definition(await shop.metric(METRIC), email("one", await shop.template())))
    ana, bea = await two_people(shop)
    await shop.event(METRIC, "ana")
    store = DatabaseMailbox.store

    async def merge_and_store(mailbox: DatabaseMailbox, messages: Sequence[InboxMessage]) -> None:
        await request_merge(shop.core, shop.account, ana, bea, await shop.now(), SystemClock().now())
        await store(mailbox, messages)

    monkeypatch.setattr(DatabaseMailbox, "store", merge_and_store)
    await shop.drain()
    await work(shop)
    kept = await database.fetch("SELECT bucket, profile_id FROM inbox_message")
    assert [(bucket_of(bea), bea)] == [tuple(row.values()) for row in kept]
    assert {} == await left_of(shop, ana)


async def test_an_event_that_looked_before_the_merge_goes_to_the_destination(database: Database) -> None:
    """Resolved to the source, committed after the merge: its consequences are the destination's."""
    shop = await open_shop(database)
    await shop.flow(definition(await shop.metric(METRIC), email("one", await shop.template())))
    ana, bea = await two_people(shop)
    await shop.drain()
    await merge(shop, "ana", "bea")
    await work(shop)
    await late_event(shop, ana)
    await shop.drain()
    await work(shop)
    assert [("one", "bea@example.com")] == await recipients(shop)
    assert {} == await left_of(shop, ana)
    events = await database.fetch("SELECT profile_id FROM event WHERE metric_id = $1", await shop.metric(METRIC))
    assert [bea] == [row["profile_id"] for row in events]


async def test_ten_thousand_events_move_in_bounded_parts(database: Database) -> None:
    """The request moves the newest, the job the rest; none is lost and their values add up."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    await shop.drain()
    await many_events(shop, ana, 10_000)
    await merge(shop, "ana", "bea")
    at_once = await shop.database.fetch_value("SELECT count(*) FROM event WHERE profile_id = $1", bea)
    assert merge_rows.NEWEST <= at_once <= merge_rows.NEWEST + 10
    await work(shop)
    row = await shop.database.fetch_row(
        "SELECT count(*) AS events, sum(value) AS total FROM event WHERE profile_id = $1 AND metric_id = $2",
        bea,
        await shop.metric(METRIC),
    )
    assert row is not None
    assert (10_000, Decimal(sum(range(10_000)))) == (row["events"], row["total"])
    assert {} == await left_of(shop, ana)


@pytest.mark.parametrize("point", ["merge: before commit", "merge: after commit", "jobs: slice done"])
async def test_a_job_that_dies_at_any_point_is_done_again(database: Database, point: str) -> None:
    """Dying between parts loses and doubles nothing."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    await shop.drain()
    await many_events(shop, ana, 2_500)
    await merge(shop, "ana", "bea")
    deaths = 0

    def die(here: str) -> None:
        nonlocal deaths
        if here == point and deaths < 2:
            deaths += 1
            raise asyncio.CancelledError

    shop = with_points(shop, die)
    for _ in range(20):
        try:
            await run_jobs(shop.core)
        except asyncio.CancelledError:
            await database.fetch("UPDATE job SET lease_until = NULL")
    assert 2 == deaths
    assert {} == await left_of(shop, ana)
    count = await database.fetch_value("SELECT count(*) FROM event WHERE profile_id = $1 AND value IS NOT NULL", bea)
    assert 2_500 == count


async def test_merges_at_once_leave_one_person(database: Database) -> None:
    """Four people merged into one another at once, over connections of their own: one remains, with every event."""
    shop = await open_shop(database)
    names = ["ana", "bea", "cleo", "dora"]
    for name in names:
        await shop.person(name)
    pairs = [("ana", "bea"), ("bea", "ana"), ("bea", "cleo"), ("cleo", "dora"), ("dora", "ana"), ("cleo", "ana")]
    await asyncio.gather(*(merge(shop, *pair) for pair in pairs), return_exceptions=True)
    left = [row["profile_id"] for row in await database.fetch("SELECT profile_id FROM profile")]
    for one in [name for name in names if shop.people[name] not in left]:
        last = next(name for name in names if shop.people[name] in left)
        await asyncio.gather(merge(shop, one, last), return_exceptions=True)
    while len(left) > 1:
        people = {profile_id: name for name, profile_id in shop.people.items()}
        await merge(shop, people[left[1]], people[left[0]])
        left = [row["profile_id"] for row in await database.fetch("SELECT profile_id FROM profile")]
    await shop.drain()
    owners = await database.fetch("SELECT DISTINCT profile_id FROM event")
    assert left == [row["profile_id"] for row in owners]
    aliases = await database.fetch("SELECT into_profile_id FROM profile_alias")
    assert left * 3 == [row["into_profile_id"] for row in aliases]


async def test_merging_beside_working_workers_sends_everything_once(database: Database) -> None:
    """Merges in the middle of a burst: every event's message goes out, none twice."""
    shop = await open_shop(database)
    await shop.flow(
        definition(await shop.metric(METRIC), delay("wait", "one", value=0), email("one", await shop.template()))
    )
    names = [f"person{number}" for number in range(24)]
    for name in names:
        await shop.person(name)
    await shop.events(METRIC, names)

    async def merge_all() -> None:
        for source, into in zip(names[::2], names[1::2], strict=True):
            await merge(shop, source, into)

    await asyncio.gather(shop.drain(), Worker(shop.core).drain(), merge_all())
    await shop.drain()
    states = [row["state"] for row in await shop.deliveries()]
    assert [DeliveryState.SENT] * 24 == states
    assert 24 == len(await recipients(shop))


async def test_events_that_arrive_meanwhile_are_all_the_destinations(database: Database) -> None:
    """Bursts for both people over other connections, while they are merged and workers work: none is lost."""
    shop = await open_shop(database)
    await shop.flow(definition(await shop.metric(METRIC), email("one", await shop.template())))
    ana, bea = await two_people(shop)
    await shop.drain()

    async def burst() -> None:
        for _ in range(15):
            await asyncio.gather(shop.event(METRIC, "ana"), shop.event(METRIC, "bea"))

    async def merging() -> None:
        await asyncio.sleep(0)
        await request_merge(shop.core, shop.account, ana, bea, await shop.now(), SystemClock().now())

    await asyncio.gather(burst(), merging(), Worker(shop.core).drain())
    await shop.drain()
    await work(shop)
    metric_id = await shop.metric(METRIC)
    owners = await database.fetch(
        "SELECT profile_id, count(*) AS events FROM event WHERE metric_id = $1 GROUP BY 1", metric_id
    )
    assert [(bea, 30)] == [tuple(row.values()) for row in owners]
    assert 30 == len(await recipients(shop))
    assert {} == await left_of(shop, ana)


async def test_a_bucket_that_is_held_is_waited_for(database: Database) -> None:
    """The engine works on the person: the merge comes after, and a worker that tries meanwhile leaves the bucket."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    async with database.transaction() as transaction:
        await lock_buckets(transaction, [bucket_of(ana)])
        merging = asyncio.ensure_future(merge(shop, "ana", "bea"))
        done, _ = await asyncio.wait([merging], timeout=0.3)
        assert set() == done
    assert bea == await merging
