"""Segments that hang on messages, in a circle, that are deleted, and whose account gets another clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, did, email, has, member_of, segment_of, within_days
from headrace.clock import SystemClock
from headrace.engine.jobs import run_jobs
from headrace.model.account import Settings
from headrace.storage import segments
from headrace.storage.account_clocks import follow_system, freeze
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.metrics import OWN
from headrace.storage.segments import delete_segment

HOUR = timedelta(hours=1)


async def delete(shop: EngineShop, group_id: str) -> None:
    """Delete a segment."""
    async with shop.database.transaction() as transaction:
        await delete_segment(transaction, shop.account.account_id, group_id, shop.ids, SystemClock().now())


async def test_segments_learn_of_messages(database: Database) -> None:
    """Who was sent an e-mail is in a segment that asks for its event, and out of one that asks for none lately."""
    shop = await EngineShop.open(database)
    received = (await shop.metrics.ids(shop.account.account_id, ["Received Email"], OWN))["Received Email"]
    got = await shop.made_segment("Got mail", segment_of([did(received)]))
    quiet = await shop.made_segment("No mail lately", segment_of([did(received, within_days(2), "equals", 0)]))
    actions = [delay("wait", "mail"), email("mail", await shop.template())]
    await shop.flow(definition(await shop.metric("Checkout Started"), *actions))
    await shop.drain()
    await shop.event("Checkout Started", "ana")
    await shop.move(timedelta(days=5))
    assert {"ana": MONDAY + HOUR} == await shop.members(got)
    assert [
        ("ana", True, MONDAY),
        ("ana", False, MONDAY + HOUR),
        ("ana", True, datetime(2026, 3, 5, tzinfo=UTC)),
    ] == await shop.moves(quiet)


async def test_segments_that_hang_on_each_other_come_to_an_end(database: Database) -> None:
    """Two segments, each for those who are not in the other by way of a third: the work ends."""
    shop = await EngineShop.open(database)
    first = await shop.made_segment("First", segment_of([has("tier", "gold")]))
    second = await shop.made_segment("Second", segment_of([member_of(first)]))
    await shop.drain()
    await shop.edit_segment(first, segment_of([member_of(second, is_member=False)]))
    await shop.person("ana")
    await shop.drain()
    assert len(await shop.moves(first)) < 30


async def test_a_deleted_segment_leaves_nothing_to_do(database: Database) -> None:
    """Its members and what time would have changed go with it; what was recorded stays."""
    shop = await EngineShop.open(database)
    bought = await shop.metric("Placed Order")
    group_id = await shop.made_segment("Lately", segment_of([did(bought, within_days(3))]))
    await shop.event("Placed Order", "ana")
    await shop.drain()
    await delete(shop, group_id)
    await shop.move(timedelta(days=9))
    assert {} == await shop.members(group_id)
    assert [("ana", True, MONDAY)] == await shop.moves(group_id)
    assert 0 == await database.fetch_value("SELECT count(*) FROM segment_due")


async def test_a_large_segment_is_emptied_in_slices(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The segment is gone at once; the members that are left are taken out, and the looks with them."""
    monkeypatch.setattr(segments, "SLICE", 2)
    shop = await EngineShop.open(database)
    bought = await shop.metric("Placed Order")
    group_id = await shop.made_segment("Lately", segment_of([did(bought, within_days(3))]))
    other = await shop.made_segment("This week", segment_of([did(bought, within_days(7))]))
    for number in range(5):
        await shop.event("Placed Order", f"p{number}")
    await shop.drain()
    await delete(shop, group_id)
    left = len(await shop.members(group_id))
    while await run_jobs(shop.core):
        pass
    assert (3, {}) == (left, await shop.members(group_id))
    assert 5 == len(await shop.members(other))
    assert [other] == await database.fetch_value("SELECT array_agg(DISTINCT group_id) FROM segment_due")


async def test_nobody_counts_as_a_member_of_a_deleted_segment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the job has taken nobody out yet: neither flows nor segments that ask about it let anybody in."""
    monkeypatch.setattr(segments, "SLICE", 0)
    shop = await EngineShop.open(database)
    gold = await shop.made_segment("Gold", segment_of([has("tier", "gold")]))
    plain = await shop.made_segment("Plain", segment_of([has("tier", "plain")]))
    await shop.person("ana", IncomingProfile(email="ana@example.com", properties={"tier": "gold"}))
    await shop.person("bea", IncomingProfile(email="bea@example.com", properties={"tier": "plain"}))
    await shop.drain()
    filtered = definition(await shop.metric("Checkout Started"), email("mail", await shop.template()))
    await shop.flow({**filtered, "profile_filter": segment_of([member_of(gold)])})
    await delete(shop, gold)
    asking = await shop.made_segment("Asking", segment_of([member_of(gold), member_of(plain)]))
    await shop.event("Checkout Started", "ana")
    await shop.event("Checkout Started", "bea")
    await shop.drain()
    assert [] == await shop.sent()
    assert {"bea"} == set(await shop.members(asking))
    assert {"ana"} == set(await shop.members(gold))


async def test_looks_come_along_when_an_account_gets_another_clock(database: Database) -> None:
    """A stopped clock takes the looks with it, and gives them back."""
    shop = await EngineShop.open(database, virtual=False, settings=Settings(test=True))
    bought = await shop.metric("Placed Order")
    await shop.made_segment("Lately", segment_of([did(bought, within_days(3))]))
    await shop.event("Placed Order", "ana", profiles={"ana": IncomingProfile(email="ana@example.com")})
    await shop.drain()
    clocks = "SELECT array_agg(clock) FROM segment_due"
    async with database.transaction() as transaction:
        number = await freeze(transaction, shop.account.account_id, await shop.now())
    assert [number] == await database.fetch_value(clocks)
    async with database.transaction() as transaction:
        await follow_system(transaction, shop.account.account_id)
    assert [0] == await database.fetch_value(clocks)
