"""A burst: a crowd that is due within the same second, and how long it takes until nobody is due any more.

Measured from the beginning of that second, with two workers that have been idle: how soon they look is part of it. The
baseline wakes as many runs by SQL, all due when it begins.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from benchmarks.crew import crew
from benchmarks.crowd import Stage, all_awake, all_wait, by_sql, fall_due, make_stage
from benchmarks.harness import Bar, Figure, fresh_database, interleave, settle
from benchmarks.journey import JOURNEY
from headrace.clock import SystemClock
from headrace.storage import embedded

FULL, SHORT = (100_000, 3), (20_000, 1)
"""People due in the second, and rounds."""
MUST, AIM = 20 / 100_000, 8 / 100_000
"""Seconds a person."""
SECOND = timedelta(seconds=1)
NOTICE = timedelta(seconds=2)
PLANNED_A_SECOND = 10_000
"""Runs that can be given a due time in a second; the burst must not begin before all have theirs."""


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figure."""
    return await measure(server, *(FULL if full else SHORT))


async def measure(server: embedded.Server, people: int, rounds: int) -> list[Figure]:
    """Measure with chosen sizes; the bar is that of 100,000 people, in proportion."""
    async with fresh_database(server, "bench_burst") as database:
        stage = await make_stage(database, JOURNEY, people)

        async def baseline(_: int) -> float:
            return (await by_sql(stage, people)).seconds

        async def ours(_: int) -> float:
            return await _clear(stage)

        taken, base = await interleave(rounds, ours, baseline)
    bar = Bar(MUST * people, AIM * people, value=True, at_most=True)
    name = f"{people:,} people due in the same second"
    return [Figure(name, "s", taken, base, "one SQL statement per 1,000", bar, as_times=True)]


def due_soon(count: int) -> datetime:
    """Return a moment by which so many runs can be made due, and workers told nothing yet."""
    return SystemClock().now() + NOTICE + timedelta(seconds=count / PLANNED_A_SECOND)


async def sleep_until(moment: datetime) -> None:
    """Rest until a moment; raises when it has passed already."""
    left = (moment - SystemClock().now()).total_seconds()
    if left < 0:
        raise RuntimeError(f"what was to begin in time was not ready for {-left:.1f} s")
    await asyncio.sleep(left)


async def _clear(stage: Stage) -> float:
    """Let everybody be due within one second and return the seconds from its beginning until nobody is."""
    await all_wait(stage)
    await settle(stage.database)
    async with crew(stage.database) as workers:
        start = due_soon(stage.people)
        await fall_due(stage, stage.people, start, SECOND)
        await sleep_until(start)
        await all_awake(stage, workers)
        seconds = (SystemClock().now() - start).total_seconds()
    await stage.plan.check(stage, stage.people)
    return seconds
