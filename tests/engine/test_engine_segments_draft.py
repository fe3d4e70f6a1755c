"""A segment is worked out into a draft without locks: what happens before the draft is carried over is not undone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from engine_shop import MONDAY, EngineShop, has, segment_of
from headrace.conditions.facts import Moment
from headrace.engine import segment_jobs
from headrace.engine.jobs import run_jobs
from headrace.engine.worker import Worker
from headrace.storage.database import Connection, Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.segment_evaluation import Segment, draw_up

GOLD = segment_of([has("plan", "gold")])


def after_the_draft(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Let something happen, once, between the draft and carrying it over."""
    left = [meanwhile]

    async def drawn(keeper: Connection, segment: Segment, moment: Moment) -> None:
        await draw_up(keeper, segment, moment)
        if left:
            await left.pop()()

    monkeypatch.setattr(segment_jobs, "draw_up", drawn)


async def on_plan(shop: EngineShop, name: str, plan: str) -> None:
    """Give somebody a plan."""
    await shop.person(name, IncomingProfile(email=f"{name}@example.com", properties={"plan": plan}))


async def test_whoever_changes_after_the_draft_is_looked_at_afterwards(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ana leaves gold and Ben comes to it while the draft says otherwise: nobody is moved to and fro."""
    shop = await EngineShop.open(database)
    for name, plan in (("ana", "gold"), ("ben", "free"), ("cleo", "gold")):
        await on_plan(shop, name, plan)
    await shop.drain()

    async def meanwhile() -> None:
        await on_plan(shop, "ana", "free")
        await on_plan(shop, "ben", "gold")
        while await Worker(shop.core).enter():
            pass

    after_the_draft(monkeypatch, meanwhile)
    group_id = await shop.made_segment("Gold", GOLD)
    await shop.drain()
    assert [("ben", True, MONDAY), ("cleo", True, MONDAY)] == await shop.moves(group_id)
    assert {"ben": MONDAY, "cleo": MONDAY} == await shop.members(group_id)


async def test_a_job_that_somebody_else_has_claimed_carries_nothing_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose lease lapsed while it drew up its draft stops; whoever has the job now works it out."""
    shop = await EngineShop.open(database)
    await on_plan(shop, "ana", "gold")
    await shop.drain()
    after_the_draft(monkeypatch, lambda: database.fetch("UPDATE job SET updated_at = updated_at + interval '1 second'"))
    group_id = await shop.made_segment("Gold", GOLD)
    await run_jobs(shop.core)
    assert {} == await shop.members(group_id)
    await database.fetch("UPDATE job SET lease_until = NULL")
    await shop.drain()
    assert {"ana": MONDAY} == await shop.members(group_id)
