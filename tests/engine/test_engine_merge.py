"""Merging people while they are in flows: no message twice, none lost, nothing left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from job_runs import back_populate

from engine_shop import MONDAY, EngineShop, definition, delay, did, email, has, segment_of, within_days
from headrace.channels.port import Envelope, Result, Sent
from headrace.clock import SystemClock
from headrace.engine.jobs import run_jobs
from headrace.engine.merges import MERGED_PROFILE, PROFILE_MERGED, request_merge
from headrace.engine.segment_check import compare
from headrace.engine.setup import choose_providers
from headrace.engine.worker import Worker
from headrace.ids import bucket_of
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage import merge_rows
from headrace.storage.buckets import lock_buckets
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED
from headrace.storage.database import Database
from headrace.storage.events import NewEvent, insert_pending
from headrace.storage.identity import IncomingProfile
from headrace.storage.step_counts import counts_of, recount_waiting, waiting_of

METRIC = "Checkout Started"
NEVER = {"duration": 1, "unit": "alltime"}


async def merge(shop: EngineShop, source: str, into: str) -> str:
    """Merge two people, named as the shop knows them."""
    people = (shop.people[source], shop.people[into])
    return await request_merge(shop.core, shop.account, *people, await shop.now(), SystemClock().now())


async def work(shop: EngineShop) -> None:
    """Work off every job."""
    while await run_jobs(shop.core):
        pass


async def left_of(shop: EngineShop, profile_id: str) -> dict[str, int]:
    """Return table -> rows that still name a profile, those without any left out."""
    found = {}
    tables = await shop.database.fetch(
        """SELECT table_name AS name FROM information_schema.columns JOIN information_schema.tables USING (table_name)
        WHERE column_name = 'profile_id' AND table_type = 'BASE TABLE' AND table_name <> 'profile_alias'"""
    )
    for row in tables:
        query = f"SELECT count(*) FROM {row['name']} WHERE profile_id = $1"
        if count := await shop.database.fetch_value(query, profile_id):
            found[row["name"]] = count
    return found


async def two_people(shop: EngineShop) -> tuple[str, str]:
    """Make Ana and Bea and return their ids."""
    return await shop.person("ana"), await shop.person("bea")


async def recipients(shop: EngineShop) -> list[tuple[str, str]]:
    """Return (subject, recipient) of all that was sent, in order."""
    rows = await shop.database.fetch("SELECT subject, recipient FROM inbox_message ORDER BY number")
    return [(row["subject"], row["recipient"]) for row in rows]


async def open_shop(database: Database, **rest: Any) -> EngineShop:
    """Return a shop whose messages are kept in the inbox."""
    return await EngineShop.open(database, providers=choose_providers(database), **rest)


async def check_gauges(shop: EngineShop, flow_id: str) -> None:
    """Compare the gauges of waiting runs with the runs."""
    place = (shop.database, shop.account.account_id, flow_id)
    assert await recount_waiting(*place) == waiting_of(await counts_of(*place))


async def test_a_waiting_run_goes_on_as_the_destinations(database: Database) -> None:
    """Its messages go to the destination's address, each once."""
    shop = await open_shop(database)
    template = await shop.template()
    actions = (email("one", template, "wait"), delay("wait", "two"), email("two", template))
    flow_id = await shop.flow(definition(await shop.metric(METRIC), *actions))
    await two_people(shop)
    await shop.event(METRIC, "ana")
    await shop.drain()
    await merge(shop, "ana", "bea")
    await work(shop)
    await shop.move(timedelta(hours=2))
    assert [("one", "ana@example.com"), ("two", "bea@example.com")] == await recipients(shop)
    assert {} == await left_of(shop, shop.people["ana"])
    await check_gauges(shop, flow_id)


async def test_of_two_runs_through_a_flow_entered_once_the_destinations_stays(database: Database) -> None:
    """Nobody gets a message twice; the source's run says why it ended."""
    shop = await open_shop(database)
    template = await shop.template()
    actions = (delay("wait", "one"), email("one", template))
    flow_id = await shop.flow(definition(await shop.metric(METRIC), *actions, reentry_criteria=NEVER))
    await shop.events(METRIC, ["ana", "bea"])
    await shop.drain()
    await merge(shop, "ana", "bea")
    await shop.move(timedelta(hours=2))
    assert [("one", "bea@example.com")] == await recipients(shop)
    ended = [row["exit_reason"] for row in await shop.runs() if row["state"] == RunState.EXITED]
    assert [PROFILE_MERGED] == ended
    await check_gauges(shop, flow_id)


async def test_a_finished_run_of_the_destination_counts_as_received(database: Database) -> None:
    """The destination has got the messages: the source's waiting run of a flow entered once ends."""
    shop = await open_shop(database)
    template = await shop.template()
    actions = (delay("wait", "one"), email("one", template))
    await shop.flow(definition(await shop.metric(METRIC), *actions, reentry_criteria=NEVER))
    await shop.event(METRIC, "bea")
    await shop.move(timedelta(hours=2))
    await shop.event(METRIC, "ana")
    await shop.drain()
    await merge(shop, "ana", "bea")
    await shop.move(timedelta(hours=2))
    assert [("one", "bea@example.com")] == await recipients(shop)


async def test_runs_of_two_events_both_go_on(database: Database) -> None:
    """A flow that lets people in for every event had let one person in for both."""
    shop = await open_shop(database)
    template = await shop.template()
    await shop.flow(definition(await shop.metric(METRIC), delay("wait", "one"), email("one", template)))
    await shop.events(METRIC, ["ana", "bea"])
    await shop.drain()
    await merge(shop, "ana", "bea")
    await shop.move(timedelta(hours=2))
    assert [("one", "bea@example.com")] * 2 == await recipients(shop)


async def test_queued_messages_are_sent_once_to_the_destination(database: Database) -> None:
    """A delivery that waits when its person is merged goes out under its own id."""
    shop = await open_shop(database)
    template = await shop.template()
    await shop.flow(definition(await shop.metric(METRIC), email("one", template)))
    await two_people(shop)
    await shop.drain()
    await shop.event(METRIC, "ana")
    worker = Worker(shop.core)
    while await worker.enter() or await worker.advance():
        pass
    (queued,) = await shop.deliveries()
    assert DeliveryState.QUEUED == queued["state"]
    await merge(shop, "ana", "bea")
    await shop.drain()
    assert [("one", "bea@example.com")] == await recipients(shop)
    (sent,) = await shop.deliveries()
    assert (queued["delivery_id"], shop.people["bea"]) == (sent["delivery_id"], sent["profile_id"])


async def test_smart_sending_counts_what_the_source_got(database: Database) -> None:
    """A message to the source keeps the next one from the destination."""
    shop = await open_shop(database)
    template = await shop.template()
    await shop.flow(definition(await shop.metric(METRIC), email("one", template, smart_sending_enabled=True)))
    await two_people(shop)
    await shop.event(METRIC, "ana")
    await shop.drain()
    await merge(shop, "ana", "bea")
    await shop.event(METRIC, "bea")
    await shop.drain()
    assert [("one", "ana@example.com")] == await recipients(shop)


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

    shop = _with_points(shop, at)
    await shop.drain()
    await asyncio.gather(*merging)
    await shop.drain()
    ((subject, _),) = await recipients(shop)
    assert "one" == subject
    assert [DeliveryState.SENT] == [row["state"] for row in await shop.deliveries()]


def _with_points(shop: EngineShop, at: Any) -> EngineShop:
    shop.core = replace(shop.core, at=at)
    return shop


async def test_who_unsubscribed_once_stays_unsubscribed(database: Database) -> None:
    """Whichever of the two it was."""
    shop = await open_shop(database)
    await two_people(shop)
    await shop.consent("ana", Channel.EMAIL, UNSUBSCRIBED)
    await shop.consent("bea", Channel.EMAIL, SUBSCRIBED)
    await shop.consent("ana", Channel.SMS, SUBSCRIBED)
    await shop.consent("bea", Channel.SMS, UNSUBSCRIBED)
    await merge(shop, "ana", "bea")
    rows = await database.fetch("SELECT profile_id, channel, subscription FROM consent ORDER BY channel")
    bea = shop.people["bea"]
    assert [(bea, 1, UNSUBSCRIBED), (bea, 2, UNSUBSCRIBED)] == [tuple(row.values()) for row in rows]


async def test_suppressions_of_both_hold(database: Database) -> None:
    """The union, with the earlier time."""
    shop = await open_shop(database)
    await two_people(shop)
    await shop.suppress("ana", "HARD_BOUNCE")
    await shop.suppress("bea", "USER_SUPPRESSED")
    await merge(shop, "ana", "bea")
    rows = await database.fetch("SELECT profile_id, reason FROM suppression ORDER BY reason")
    assert [(shop.people["bea"], "HARD_BOUNCE"), (shop.people["bea"], "USER_SUPPRESSED")] == [
        tuple(row.values()) for row in rows
    ]


async def test_places_on_lists_are_joined_and_start_nothing(database: Database) -> None:
    """A member since the earlier join; no flow begins; the history says joined once and still in."""
    shop = await open_shop(database)
    members = await shop.list_("VIP")
    trigger = {**definition("x", email("one", await shop.template())), "triggers": [{"type": "list", "id": members}]}
    await two_people(shop)
    await shop.join("ana", members)
    await shop.move(timedelta(hours=1))
    await shop.join("bea", members)
    await shop.drain()
    await shop.flow(trigger)
    await merge(shop, "ana", "bea")
    await shop.drain()
    rows = await database.fetch("SELECT profile_id, joined_at FROM membership")
    assert [(shop.people["bea"], MONDAY)] == [tuple(row.values()) for row in rows]
    changes = await database.fetch("SELECT profile_id, joined FROM membership_change ORDER BY at")
    assert [(shop.people["bea"], True)] == [tuple(row.values()) for row in changes]
    assert [] == await shop.runs()


async def test_the_merge_is_an_event_of_the_destination(database: Database) -> None:
    """Of the metric "Merged Profile", once."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    await merge(shop, "ana", "bea")
    await merge(shop, "ana", "bea")
    rows = await database.fetch(
        "SELECT e.profile_id, e.properties FROM event e JOIN metric m USING (metric_id) WHERE m.name = $1",
        MERGED_PROFILE,
    )
    assert [(bea, ana)] == [(row["profile_id"], row["properties"]["Source Profile ID"]) for row in rows]


async def test_an_event_that_looked_before_the_merge_goes_to_the_destination(database: Database) -> None:
    """Resolved to the source, committed after the merge: its consequences are the destination's."""
    shop = await open_shop(database)
    await shop.flow(definition(await shop.metric(METRIC), email("one", await shop.template())))
    ana, bea = await two_people(shop)
    await shop.drain()
    await merge(shop, "ana", "bea")
    await work(shop)
    await _late_event(shop, ana)
    await shop.drain()
    await work(shop)
    assert [("one", "bea@example.com")] == await recipients(shop)
    assert {} == await left_of(shop, ana)
    events = await database.fetch("SELECT profile_id FROM event WHERE metric_id = $1", await shop.metric(METRIC))
    assert [bea] == [row["profile_id"] for row in events]


async def _late_event(shop: EngineShop, profile_id: str) -> None:
    """Write an event of a profile as a request does that looked before."""
    at = await shop.now()
    await shop.partitions.ensure("event", [at])
    number = (await shop.serials.take(1))[0]
    event = NewEvent(bucket_of(profile_id), profile_id, await shop.metric(METRIC), "late", number, at, {})
    async with shop.database.transaction() as transaction:
        await insert_pending(transaction, shop.account.account_id, [event], at, SystemClock().now())


async def test_ten_thousand_events_move_in_bounded_parts(database: Database) -> None:
    """The request moves the newest, the job the rest; none is lost and their values add up."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    await shop.drain()
    await _many_events(shop, ana, 10_000)
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


async def _many_events(shop: EngineShop, profile_id: str, count: int) -> None:
    await shop.partitions.ensure("event", [MONDAY - timedelta(days=7 * week) for week in range(5)])
    async with shop.database.transaction() as transaction:
        await transaction.execute(
            """
            WITH made AS (SELECT n, $3::timestamptz - n * interval '4 minutes' AS at FROM generate_series(0, $5 - 1) n),
            keys AS (
                INSERT INTO event_key (bucket, account_id, profile_id, metric_id, unique_id)
                SELECT $1, $2, $4, $6, 'many-' || n FROM made
            )
            INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, properties)
            SELECT $1, $2, $4, $6, at, n, n, '{}' FROM made
            """,
            bucket_of(profile_id),
            shop.account.account_id,
            MONDAY,
            profile_id,
            count,
            await shop.metric(METRIC),
        )


@pytest.mark.parametrize("point", ["merge: before commit", "merge: after commit", "jobs: slice done"])
async def test_a_job_that_dies_at_any_point_is_done_again(database: Database, point: str) -> None:
    """Dying between parts loses and doubles nothing."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    await shop.drain()
    await _many_events(shop, ana, 2_500)
    await merge(shop, "ana", "bea")
    deaths = 0

    def die(here: str) -> None:
        nonlocal deaths
        if here == point and deaths < 2:
            deaths += 1
            raise asyncio.CancelledError

    shop = _with_points(shop, die)
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


async def test_adding_past_profiles_places_nobody_twice(database: Database) -> None:
    """The source's event began a run, whose id names the source: the same event begins no other one."""
    shop = await open_shop(database)
    template = await shop.template()
    flow_id = await shop.flow(definition(await shop.metric(METRIC), delay("wait", "one"), email("one", template)))
    await two_people(shop)
    await shop.event(METRIC, "ana")
    await shop.drain()
    await merge(shop, "ana", "bea")
    await back_populate(shop, flow_id)
    await shop.move(timedelta(hours=2))
    assert [("one", "bea@example.com")] == await recipients(shop)


async def test_an_event_for_the_old_id_is_the_destinations(database: Database) -> None:
    """The id of a merged profile names the one that it is now."""
    shop = await open_shop(database)
    ana, bea = await two_people(shop)
    await merge(shop, "ana", "bea")
    accepted = await shop.event(METRIC, "ana", profiles={"ana": IncomingProfile(profile_id=ana)})
    assert bea == accepted.profile_id


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


async def test_segments_are_right_after_a_merge_and_later_on(database: Database) -> None:
    """What both did counts together, what the source was alone no longer does, and time goes on taking people out."""
    shop = await open_shop(database)
    metric = await shop.metric(METRIC)
    twice = await shop.made_segment("Twice", segment_of([did(metric, within_days(3), value=2)]))
    never = await shop.made_segment("Never", segment_of([did(metric, operator="equals", value=0)]))
    gold = await shop.made_segment("Gold", segment_of([has("tier", "gold")]))
    silver = await shop.made_segment("Silver", segment_of([has("tier", "silver")]))
    flow = definition("x", email("one", await shop.template()))
    await shop.flow({**flow, "triggers": [{"type": "segment", "id": twice}]})
    profiles = {
        "ana": IncomingProfile(email="ana@example.com", properties={"tier": "silver"}),
        "bea": IncomingProfile(email="bea@example.com", properties={"tier": "gold"}),
        "cleo": IncomingProfile(email="cleo@example.com"),
    }
    await shop.events(METRIC, ["ana", "bea"], profiles=profiles)
    await shop.person("cleo", profiles["cleo"])
    await shop.drain()
    await merge(shop, "ana", "bea")
    await merge(shop, "cleo", "bea")
    await shop.drain()
    found = [list(await shop.members(one)) for one in (twice, never, gold, silver)]
    assert [["bea"], [], ["bea"], []] == found
    assert [] == await shop.runs()
    await shop.move(timedelta(days=10))
    assert {} == await shop.members(twice)
    compared = await compare(shop.core, shop.account.account_id)
    assert [((), (), None)] * 4 == [(one.missing, one.extra, one.skipped) for one in compared]
