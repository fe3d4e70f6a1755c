"""Segments are kept right as things happen and as time goes on, on a clock of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine_shop import MONDAY, EngineShop, delay, did, email, has, member_of, segment_of, within_days
from headrace.engine.simulate import Simulation
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def _ana(**properties: str) -> dict[str, IncomingProfile]:
    return {"ana": IncomingProfile(email="ana@example.com", properties=properties)}


async def test_an_event_lets_a_person_in_and_time_takes_them_out(database: Database) -> None:
    """Who bought within the last 3 days is in from the event until the third midnight after it (UTC)."""
    shop = await EngineShop.open(database)
    bought = await shop.metric("Placed Order")
    group_id = await shop.made_segment("Bought lately", segment_of([did(bought, within_days(3))]))
    await shop.event("Placed Order", "ana")
    await shop.drain()
    assert await shop.members(group_id) == {"ana": MONDAY}
    await shop.move(timedelta(days=10))
    left_at = datetime(2026, 3, 6, tzinfo=UTC)
    assert await shop.moves(group_id) == [("ana", True, MONDAY), ("ana", False, left_at)]


async def test_a_new_segment_takes_in_whoever_matches_already(database: Database) -> None:
    """The job works out everybody's place, and plans what time will change."""
    shop = await EngineShop.open(database)
    bought = await shop.metric("Placed Order")
    await shop.events("Placed Order", ["ana", "ben"])
    await shop.person("cleo")
    await shop.move(DAY)
    group_id = await shop.made_segment("Bought lately", segment_of([did(bought, within_days(3))]))
    await shop.drain()
    joined = MONDAY + DAY
    assert await shop.members(group_id) == {"ana": joined, "ben": joined}
    await shop.move(timedelta(days=3))
    assert await shop.members(group_id) == {}


async def test_a_changed_property_lets_a_person_in_and_out(database: Database) -> None:
    """A property that a segment asks about is looked at when it is written."""
    shop = await EngineShop.open(database)
    group_id = await shop.made_segment("Gold", segment_of([has("tier", "gold")]))
    await shop.drain()
    await shop.event("Seen", "ana", profiles=_ana(tier="gold"))
    await shop.drain()
    assert list(await shop.members(group_id)) == ["ana"]
    await shop.move(HOUR)
    await shop.event("Seen", "ana", profiles=_ana(tier="silver"))
    await shop.drain()
    assert await shop.moves(group_id) == [("ana", True, MONDAY), ("ana", False, MONDAY + HOUR)]


async def test_a_place_on_a_list_counts_and_so_does_a_place_in_a_segment(database: Database) -> None:
    """Who joins a list joins the segment that asks about it, and the segment that asks about that one."""
    shop = await EngineShop.open(database)
    list_id = await shop.list_("Newsletter")
    readers = await shop.made_segment("Readers", segment_of([member_of(list_id)]))
    others = await shop.made_segment("Not readers", segment_of([member_of(readers, is_member=False)]))
    await shop.person("ana")
    await shop.drain()
    assert await shop.members(others) == {"ana": MONDAY}
    await shop.move(HOUR)
    await shop.join("ana", list_id)
    await shop.drain()
    assert await shop.members(readers) == {"ana": MONDAY + HOUR}
    assert await shop.members(others) == {}


async def test_an_edit_moves_people_and_the_job_ends(database: Database) -> None:
    """After an edit the members are those of the new definition, and nothing is being worked out any longer."""
    shop = await EngineShop.open(database)
    group_id = await shop.made_segment("Gold", segment_of([has("tier", "gold")]))
    await shop.event("Seen", "ana", profiles=_ana(tier="gold"))
    await shop.person("ben", IncomingProfile(email="ben@example.com", properties={"tier": "silver"}))
    await shop.drain()
    await shop.edit_segment(group_id, segment_of([has("tier", "silver")]))
    await shop.drain()
    assert list(await shop.members(group_id)) == ["ben"]
    row = await database.fetch_row("SELECT version, evaluated_version FROM profile_group WHERE group_id = $1", group_id)
    assert row is not None
    assert (row["version"], row["evaluated_version"]) == (2, 2)


async def test_a_simulated_segment_lets_people_in_and_out(database: Database) -> None:
    """A developer names metrics as they are called; the flow begins with the segment by its name."""
    simulation = await Simulation.open(database)
    await simulation.segment("Buyers", segment_of([did("Placed Order", within_days(1))]))
    trigger = {"type": "segment", "id": "Buyers"}
    actions = [delay("wait", "thanks"), email("thanks", "hello")]
    await simulation.flow(
        {"definition": {"triggers": [trigger], "profile_filter": None, "actions": actions, "entry_action_id": "wait"}}
    )
    await simulation.event("Placed Order", "ana")
    assert {"ana@example.com": simulation.start} == await simulation.members("Buyers")
    await simulation.advance("3d")
    assert {} == await simulation.members("Buyers")
    sent = [(message.person, message.name, message.at - simulation.start) for message in await simulation.messages()]
    assert [("ana@example.com", "thanks", HOUR)] == sent
