"""The same journey on DBOS, a library for durable workflows in Python, on the same PostgreSQL: reported, not judged.

The library is installed apart from Headrace, by `make bench-dbos`; without it the figure says so. Two processes have
half of the workflows each (`dbos_journey`); a crowd of the same size is woken by two workers in the same rounds. A wake
is counted from the moment at which all are due until the last one has ended.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.burst import sleep_until
from benchmarks.crowd import Woken, by_workers, make_stage
from benchmarks.harness import Figure, Rounds, empty_database, fresh_database
from benchmarks.journey import JOURNEY
from benchmarks.usage import Meter, postgres
from headrace.clock import SystemClock, stopwatch
from headrace.storage import embedded
from headrace.storage.database import Database

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
SCRIPT = Path(__file__).with_name("dbos_journey.py")
MISSING = "not installed: make bench-dbos"
FULL, SHORT = (4_000, 3), (1_000, 1)
"""Workflows, an even number, and rounds. Few: each waits in the memory of its process."""
PROCESSES = 2
CREW_SIZE = 10_000
"""Runs that Headrace's workers wake in a round: too few would be over before they are counted."""
START = 6.0
STARTED_A_SECOND = 100
"""Seconds for which the processes start up, and workflows that they surely start in each second after that."""

TABLES = """
CREATE TABLE person (person int PRIMARY KEY, properties jsonb NOT NULL DEFAULT '{}');
CREATE TABLE placed_order (person int, at float8, PRIMARY KEY (person, at));
"""
PEOPLE = "INSERT INTO person SELECT generate_series(0, $1::int - 1)"
ORDERS = "INSERT INTO placed_order SELECT person, $1 FROM person WHERE person % 2 = 1"


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    return await measure(server, *(FULL if full else SHORT), PYTHON)


async def measure(server: embedded.Server, workflows: int, rounds: int, python: Path) -> list[Figure]:
    """Measure with chosen sizes and the Python that has the library."""
    installed = await asyncio.to_thread(python.exists)
    ours, other = [], []
    async with fresh_database(server, "bench_durable") as database:
        stage = await make_stage(database, JOURNEY, CREW_SIZE)
        for _ in range(rounds):
            if installed:
                other.append(await _by_dbos(server, workflows, python))
            ours.append(await by_workers(stage, CREW_SIZE))
    rates, costs = Rounds([one.rate for one in ours]), Rounds([one.cost for one in ours])
    name = "the same journey on DBOS"
    if not installed:
        return [Figure(name, "steps/s", rates, None, MISSING)]
    beside = f"{workflows:,} workflows"
    return [
        Figure(name, "steps/s", rates, Rounds([one.rate for one in other]), beside, as_times=True),
        Figure(f"{name}, CPU per wake", "us", costs, Rounds([one.cost for one in other]), beside, as_times=True),
    ]


async def _by_dbos(server: embedded.Server, count: int, python: Path) -> Woken:
    """Wake `count` workflows that are all due at one moment and return what it took from that moment on."""
    async with empty_database(server, "bench_dbos") as dsn:
        root = await _make_tables(dsn, count)
        due_at = SystemClock().now() + timedelta(seconds=START + count / STARTED_A_SECOND)
        async with _players(dsn, count, due_at, python) as players:
            await sleep_until(due_at)
            meter, began = Meter([root, *(player.pid for player in players)]), stopwatch()
            lines = await asyncio.gather(*(player.stdout.readline() for player in players if player.stdout))
            woken = Woken(count, stopwatch() - began, meter.read())
    reminded = sum(int(line or 0) for line in lines)
    if reminded != count // 2:
        raise RuntimeError(f"{reminded} of {count // 2} people were reminded")
    return woken


async def _make_tables(dsn: str, count: int) -> int:
    """Make the people and the orders of half of them; return the id of the server's first process."""
    database = await Database.connect(dsn, size=1)
    try:
        async with database.transaction() as transaction:
            await transaction.execute(TABLES)
            await transaction.execute(PEOPLE, count)
            await transaction.execute(ORDERS, SystemClock().now().timestamp() - 3600)
        return await postgres(database)
    finally:
        await database.close()


@asynccontextmanager
async def _players(
    dsn: str, count: int, due_at: datetime, python: Path
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Lend processes that have an even share of the workflows each; none outlives the block."""
    share = count // PROCESSES
    players = []
    try:
        for number in range(PROCESSES):
            place = (str(number), str(number * share), str(share), str(due_at.timestamp()))
            command = (str(python), str(SCRIPT), dsn, *place)
            pipe, quiet = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            environment = {**os.environ, "PYTHONPATH": ""}
            made = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=quiet, env=environment
            )
            players.append(made)
        yield players
    finally:
        for player in players:
            if player.returncode is None:
                player.terminate()
            await player.wait()
