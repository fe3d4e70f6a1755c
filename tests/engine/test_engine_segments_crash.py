"""Workers that die, as by kill -9, while segments are kept or worked out: everybody's place is the same as without."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine_shop import EngineShop, delay, did, email, has, member_of, segment_of, within_days
from headrace.engine.segment_check import compare
from headrace.storage.account_clocks import move_clock
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile

SCRIPT = Path(__file__).parent / "worker_process.py"
LEASE = "2"
LONGEST_LIFE = 4.0
"""Seconds that a worker has for coming to the point where it dies."""
AT_FIRST = (
    "enter: before commit",
    "evaluating: before commit",
    "enter: after commit",
    "evaluating: after commit",
)
AS_TIME_GOES_ON = ("segments: before commit", "segments: after commit")
"""Where workers die: when the people have come and a segment is new, and when all of them are to be looked at."""
PEOPLE = 40


@pytest.mark.timeout(240)
async def test_deaths_change_nobodys_place(database: Database, database_dsn: str) -> None:
    """One death at every point; who joined and left, when, and who was mailed is what it is without deaths."""
    calm = await _open(database, seed=7)
    await calm.drain()
    await calm.move(timedelta(days=6))
    rough = await _open(database, seed=8)
    for point in AT_FIRST:
        await _die(database_dsn, point)
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE job SET lease_until = NULL")  # nobody waits a minute for the dead
    await rough.move(timedelta(days=3))
    async with database.transaction() as transaction:
        await move_clock(transaction, rough.account.account_id, await rough.now() + timedelta(days=1))
    for point in AS_TIME_GOES_ON:
        await _die(database_dsn, point)
    await rough.move(timedelta(days=2))
    found = await compare(rough.core, rough.account.account_id)
    assert [False, False, False] == [one.differs for one in found]
    expected = await _outcome(calm)
    assert (PEOPLE * 7 // 2, PEOPLE // 2) == (len(expected["moves"]), len(expected["sent"]))
    assert expected == await _outcome(rough)


async def _open(database: Database, seed: int) -> EngineShop:
    """Make a shop with people who are to join one segment by an event, leave it by time, and mail to be sent by it."""
    shop = await EngineShop.open(database, seed=seed)
    bought, template = await shop.metric("Placed Order"), await shop.template()
    names = [f"person{number}" for number in range(PEOPLE)]
    profiles = {
        name: IncomingProfile(email=f"{name}@example.com", properties={"tier": ("gold", "blue")[number % 2]})
        for number, name in enumerate(names)
    }
    lately = await shop.made_segment("Lately", segment_of([did(bought, within_days(3))]))
    both = await shop.made_segment("Gold", segment_of([has("tier", "gold")], [member_of(lately)]))
    actions = [delay("wait", "mail"), email("mail", template)]
    trigger = {"type": "segment", "id": both}
    await shop.flow({"triggers": [trigger], "profile_filter": None, "actions": actions, "entry_action_id": "wait"})
    await shop.drain()
    await shop.events("Placed Order", names, profiles=profiles)
    await shop.made_segment("Others", segment_of([has("tier", "blue")], [member_of(both, is_member=False)]))
    return shop


async def _die(dsn: str, point: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), dsn, LEASE, point, "1")
    try:
        await asyncio.wait_for(process.wait(), LONGEST_LIFE)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _outcome(shop: EngineShop) -> dict[str, Any]:
    """Return who joined and left which segment and who was mailed, each with the time since the beginning."""
    names = {profile_id: name for name, profile_id in shop.people.items()}
    account_id = shop.account.account_id
    moves = await shop.database.fetch(
        """
        SELECT c.profile_id, g.name, c.joined, c.at FROM membership_change c JOIN profile_group g USING (group_id)
        WHERE c.account_id = $1
        """,
        account_id,
    )
    sent = await shop.database.fetch("SELECT profile_id, sent_at FROM delivery WHERE account_id = $1", account_id)
    return {
        "moves": sorted((names[row["profile_id"]], row["name"], row["joined"], row["at"]) for row in moves),
        "sent": sorted((names[row["profile_id"]], row["sent_at"]) for row in sent),
    }
