"""Merging people while they are in flows: no message twice, none lost, nothing left behind."""

from __future__ import annotations

from datetime import timedelta

from job_runs import back_populate
from merging import (
    METRIC,
    check_gauges,
    left_of,
    merge,
    open_shop,
    recipients,
    two_people,
    work,
)

from engine_shop import MONDAY, definition, delay, did, email, has, segment_of, within_days
from headrace.engine.merges import MERGED_PROFILE, PROFILE_MERGED
from headrace.engine.segment_check import compare
from headrace.engine.worker import Worker
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile

NEVER = {"duration": 1, "unit": "alltime"}


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
