"""Churn: runs that end begin anew, over and over, under real workers: none is lost, and steps do not become slower.

Each lap of a run is what runs do all the time: a wait of seconds, a split, a change of half of the people, the end.
Dead entries that vacuum left in the due index, or tables that grow, would show as fewer steps per second towards the
end.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from engine_shop import EngineShop, definition, delay, split
from headrace.clock import SystemClock, stopwatch
from headrace.model import RunState
from headrace.storage.database import Database

WORKERS = 2
CHUNK = 1000
LOOK = 0.2
"""Seconds between two looks for runs that have ended."""
PAUSE = timedelta(seconds=1)
"""How long a run waits before its next lap."""
KEPT = 0.7
"""Of the rate in the first quarter, what must be left in the last one."""

HALF = split("half", {"type": "profile-sample", "percentage": 50}, "change", None)
OPERATION = {"operator": "update", "property_type": "string", "property_key": "Seen", "property_value": "yes"}
CHANGE = {
    "temporary_id": "change",
    "type": "update-profile",
    "links": {"next": None},
    "data": {"profile_operations": [OPERATION], "status": "draft"},
}

AGAIN = """
UPDATE run SET state = 0, action_id = $1, resume_at = $2, visited = '{}' WHERE state = $3
"""
SIZES = """
SELECT pg_relation_size('run_due_idx') / 1024 AS index_kib, pg_relation_size('run') / 1024 AS table_kib,
       (SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'run') AS dead
"""
LAPS = "SELECT run_id, count(*) AS laps FROM journal WHERE outcome = 'branch' GROUP BY run_id"
IN_STATE = "SELECT count(*) FROM run WHERE state = $1"


@dataclass
class Churn:
    """Runs of one flow that are sent around and around; `split_id` is the action before which a lap begins."""

    database: Database
    split_id: int
    people: int
    begun: int = 0
    rates: list[float] = field(default_factory=list)

    @classmethod
    async def open(cls, database: Database, people: int) -> Churn:
        """Let people enter a flow and stop in its delay."""
        shop = await EngineShop.open(database, virtual=False)
        flow = definition(await shop.metric("Checkout Started"), delay("wait", "half"), HALF, CHANGE)
        flow_id = await shop.flow(flow)
        names = [f"person{number}" for number in range(people)]
        for start in range(0, people, CHUNK):
            await shop.events("Checkout Started", names[start : start + CHUNK])
        await shop.drain()
        assert people == await database.fetch_value(IN_STATE, int(RunState.WAITING))
        return cls(database, (await shop.action_ids(flow_id, flow))["half"], people)

    async def begin(self) -> None:
        """Let everybody go off on the first lap."""
        await self.again(RunState.WAITING)

    async def again(self, state: RunState) -> int:
        """Send the runs in a state on one more lap; return how many."""
        due_at = SystemClock().now() + PAUSE
        async with self.database.transaction() as transaction:
            tag = await transaction.execute(AGAIN, self.split_id, due_at, int(state))
        count = int(tag.rpartition(" ")[2])
        self.begun += count
        return count

    async def go_on(self, minutes: int, minute: float) -> AsyncIterator[str]:
        """Send whoever has ended around again for some minutes of so many seconds; tell how each of these went."""
        for number in range(1, minutes + 1):
            began, done = stopwatch(), 0
            while stopwatch() < began + minute:
                await asyncio.sleep(LOOK)
                done += await self.again(RunState.FINISHED)
            self.rates.append(done / (stopwatch() - began))
            row = await self.database.fetch_row(SIZES)
            assert row is not None
            sizes = f"due index {row['index_kib']:,} KiB, table {row['table_kib']:,} KiB"
            yield f"minute {number}: {self.rates[-1]:,.0f} steps/s, {row['dead']:,} dead rows, {sizes}"

    async def end(self) -> None:
        """Wait until nobody is under way; the test's timeout bounds it."""
        while await self.database.fetch_value(IN_STATE, int(RunState.FINISHED)) < self.people:  # noqa: ASYNC110
            await asyncio.sleep(LOOK)

    async def laps(self) -> Sequence[int]:
        """Return how many laps the journal holds of each run."""
        return [row["laps"] for row in await self.database.fetch(LAPS)]


@asynccontextmanager
async def workers(dsn: str) -> AsyncIterator[None]:
    """Run workers as production does; none outlives the block, and none may have died in it."""
    environment = {**os.environ, "HEADRACE_DATABASE_URL": dsn, "HEADRACE_SECRET_KEY": "a key that only tests know"}
    command = (sys.executable, "-m", "headrace", "work")
    processes = []
    try:
        for _ in range(WORKERS):
            quiet = asyncio.subprocess.DEVNULL
            processes.append(await asyncio.create_subprocess_exec(*command, env=environment, stderr=quiet))
        yield
        assert [process.returncode for process in processes] == [None] * WORKERS, "a worker died"
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A pool over a fresh, migrated database."""
    pool = await Database.connect(database_dsn, size=4)
    yield pool
    await pool.close()


async def test_runs_that_begin_anew_make_every_lap_once(database: Database, database_dsn: str) -> None:
    """Two hundred runs, four laps each: every step is made, none twice."""
    churn = await Churn.open(database, people=200)
    async with workers(database_dsn):
        await churn.begin()
        for _ in range(3):
            await churn.end()
            await churn.again(RunState.FINISHED)
        await churn.end()
    assert [4] * 200 == await churn.laps()


@pytest.mark.soak
@pytest.mark.timeout(2700)
async def test_steps_do_not_become_slower_in_twenty_minutes_of_churn(
    database: Database, database_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Forty thousand runs go around for twenty minutes, and the last quarter is nearly as fast as the first."""
    churn = await Churn.open(database, people=40_000)
    async with workers(database_dsn):
        await churn.begin()
        async for line in churn.go_on(minutes=20, minute=60):
            with capsys.disabled():
                print(line, flush=True)
        await churn.end()
    assert churn.begun == sum(await churn.laps())
    quarter = len(churn.rates) // 4
    first, last = statistics.mean(churn.rates[:quarter]), statistics.mean(churn.rates[-quarter:])
    assert last >= KEPT * first
