"""kill -9 of real worker processes: no run is stuck, none doubled, none lost, and nobody is mailed twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine_shop import EngineShop, definition, delay, email, split
from headrace.model import DeliveryState, RunState
from headrace.storage.account_clocks import move_clock
from headrace.storage.database import Database

SCRIPT = Path(__file__).parent / "worker_process.py"
LEASE = 6
WORKERS = 2


class Crew:
    """Worker processes, of which one is killed and replaced now and then."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._processes: list[asyncio.subprocess.Process] = []

    async def hire(self) -> None:
        """Start one more worker."""
        command = (sys.executable, str(SCRIPT), self._dsn, str(LEASE))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        self._processes.append(process)

    async def kill_one(self) -> None:
        """Kill the worker that works longest and start another."""
        process = self._processes.pop(0)
        assert process.returncode is None, "the worker died by itself"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await self.hire()

    async def dismiss(self) -> list[int | None]:
        """Ask all to stop, as soon as they can be asked, and return their exit codes."""
        for process in self._processes:
            await listening(process)
            if process.returncode is None:
                process.terminate()
        return [await process.wait() for process in self._processes]


async def listening(process: asyncio.subprocess.Process) -> None:
    """Wait until a worker says that it minds a request to stop; before that, the request would kill it."""
    if process.stdout is not None:
        await process.stdout.readline()


@asynccontextmanager
async def at_work(dsn: str) -> AsyncIterator[Crew]:
    """Lend a crew; none of it outlives the block."""
    crew = Crew(dsn)
    try:
        for _ in range(WORKERS):
            await crew.hire()
        yield crew
    finally:
        await crew.dismiss()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until a condition about other processes holds; the test's timeout bounds it."""
    while not await condition():  # noqa: ASYNC110 other processes set no event here
        await asyncio.sleep(0.05)


async def count(database: Database, query: str) -> int:
    """Return a number."""
    found = await database.fetch_value(query)
    return int(found or 0)


async def kill_in_the_middle(database: Database, dsn: str, people: int, kills: int) -> None:
    """Let workers carry `people` runs through two delays, kill some on the way, and check what is left."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    half = {"type": "profile-sample", "percentage": 50}
    await shop.flow(
        definition(
            metric,
            delay("wait", "half"),
            split("half", half, "first", "again"),
            email("first", template, "again"),
            delay("again", "second"),
            email("second", template),
        )
    )
    names = [f"person{number}" for number in range(people)]
    for start in range(0, people, 1000):
        await shop.events("Checkout Started", names[start : start + 1000])
    async with database.transaction() as transaction:
        await move_clock(transaction, shop.account.account_id, await shop.now() + timedelta(hours=3))

    async with at_work(dsn) as crew:
        steps = people * 5
        for kill in range(1, kills + 1):
            goal = steps * kill // (kills + 1)

            async def far_enough(goal: int = goal) -> bool:
                return await count(database, "SELECT sum(steps) FROM run") >= goal

            await until(far_enough)
            await crew.kill_one()

        async def all_done() -> bool:
            open_ = await count(database, "SELECT count(*) FROM delivery WHERE state IN (0, 1)")
            waiting = await count(database, "SELECT count(*) FROM run WHERE state = 0")
            return not open_ and not waiting and not await count(database, "SELECT count(*) FROM pending")

        await until(all_done)
        assert [0] * WORKERS == await crew.dismiss()

    await check(database, people)


async def check(database: Database, people: int) -> None:
    """Assert that everybody went through the flow once and got each message once, and that the counts say so."""
    states = await database.fetch("SELECT state, count(*) AS runs FROM run GROUP BY state")
    assert [(RunState.FINISHED, people)] == [(row["state"], row["runs"]) for row in states]
    chosen = await count(database, "SELECT count(*) FROM journal WHERE detail ->> 'branch' = 'true'")
    sent = await database.fetch("SELECT state, count(*) AS found FROM delivery GROUP BY state")
    assert [(DeliveryState.SENT, people + chosen)] == [(row["state"], row["found"]) for row in sent]
    assert 0.3 * people < chosen < 0.7 * people
    for kept in (
        "SELECT count(*) FROM inbox_message",
        "SELECT count(*) FROM event JOIN metric USING (metric_id) WHERE name = 'Received Email'",
        "SELECT count(*) FROM interaction",
        "SELECT coalesce((SELECT sum(delivered) FROM message_delta), 0)"
        " + coalesce((SELECT sum(delivered) FROM message_rollup WHERE grain = 0), 0)",
    ):
        assert people + chosen == await count(database, kept), kept


@pytest.mark.timeout(180)
async def test_killing_workers_loses_and_doubles_nothing(database: Database, database_dsn: str) -> None:
    """Five kills among a thousand runs."""
    await kill_in_the_middle(database, database_dsn, people=1000, kills=5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_killing_workers_amid_many_runs_loses_and_doubles_nothing(database: Database, database_dsn: str) -> None:
    """Three kills among twenty thousand runs."""
    await kill_in_the_middle(database, database_dsn, people=20_000, kills=3)
