"""Worker processes as production runs them: started, awaited until they idle, watched and dismissed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.usage import memory
from headrace.clock import stopwatch
from headrace.storage.database import Database

WORKERS = 2
QUIET = 0.7
"""Seconds without a new connection after which workers count as started."""
START_LIMIT = 60.0
LOOPS = 3
"""Connections that every started worker holds at least."""

BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers over one database."""

    processes: tuple[asyncio.subprocess.Process, ...]

    @property
    def process_ids(self) -> list[int]:
        """The ids of the workers' processes."""
        return [process.pid for process in self.processes]

    def memory(self) -> float:
        """Return the resident memory of the largest worker in MiB."""
        return max(memory(process_id) for process_id in self.process_ids)


@asynccontextmanager
async def crew(database: Database, count: int = WORKERS) -> AsyncIterator[Crew]:
    """Lend workers that have started and found what they find; none outlives the block."""
    before = int(await database.fetch_value(BACKENDS))
    environment = {**os.environ, "HEADRACE_DATABASE_URL": database.dsn, "HEADRACE_SECRET_KEY": "benchmark-key-01"}
    command = (sys.executable, "-m", "headrace", "work")
    quiet = asyncio.subprocess.DEVNULL
    processes = [await asyncio.create_subprocess_exec(*command, env=environment, stderr=quiet) for _ in range(count)]
    try:
        await _started(database, before + count * LOOPS)
        yield Crew(tuple(processes))
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def until(database: Database, question: str, *args: object) -> None:
    """Ask until the answer is true."""
    while not await database.fetch_value(question, *args):  # noqa: ASYNC110 - other processes do the work
        await asyncio.sleep(0.02)


async def _started(database: Database, least: int) -> None:
    """Wait until there are enough connections and no new ones are made."""
    begun = changed = stopwatch()
    known = 0
    while known < least or stopwatch() < changed + QUIET:
        if stopwatch() > begun + START_LIMIT:
            raise RuntimeError(f"the workers have not started: {known} connections after {START_LIMIT:.0f} s")
        found = int(await database.fetch_value(BACKENDS))
        if found != known:
            known, changed = found, stopwatch()
        await asyncio.sleep(0.1)
