"""Timer lag: how long after its due time a run's step is committed, while two thousand become due each second.

The lag of a run is the time at which PostgreSQL committed the last change of its row less the time at which it was due,
both by the machine's clock. For that the server, one of its own, notes when transactions commit. The runs of a lead
before the counted time are not counted in the percentiles: idle workers rest up to a second between two looks, which
the greatest lag of the lead shows. The baseline is the SQL statement in a loop over two connections.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.burst import due_soon, sleep_until
from benchmarks.crew import crew
from benchmarks.crowd import Stage, all_awake, all_wait, fall_due, make_stage, sweep
from benchmarks.harness import Bar, Figure, Rounds, fresh_database, server, settle
from benchmarks.journey import JOURNEY
from headrace.storage import embedded

RATE = 2_000
"""Runs that become due each second."""
LEAD = 2
"""Seconds of them before the counted time."""
FULL, SHORT = (30, 2), (6, 1)
"""Counted seconds, and rounds."""
NOTED = {"track_commit_timestamp": "on"}

LAGS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(run.xmin) - c.due_at)::float8 * 1000 AS lag, c.due_at >= $1 AS counts
FROM run JOIN crowd c USING (bucket, run_id) WHERE run.state = 1 AND c.due_at IS NOT NULL ORDER BY lag
"""


@dataclass(frozen=True, slots=True)
class Lags:
    """Milliseconds: the median, the 99th percentile and the greatest of the counted time, the greatest of the lead."""

    median: float
    p99: float
    greatest: float
    lead: float


async def run(_: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    return await measure(RATE, *(FULL if full else SHORT))


async def measure(rate: int, seconds: int, rounds: int) -> list[Figure]:
    """Measure with a chosen rate and time."""
    with server(NOTED) as own:
        async with fresh_database(own, "bench_lag") as database:
            stage = await make_stage(database, JOURNEY, rate * (LEAD + seconds))
            pairs = [(await _lags(stage, rate, _by_sql), await _lags(stage, rate, _by_workers)) for _ in range(rounds)]
    base, ours = [one for one, _ in pairs], [one for _, one in pairs]
    bar = Bar(1_000, 250, value=True, at_most=True)
    return [
        _figure(f"timer lag at {rate:,} due/s, p99", [one.p99 for one in ours], [one.p99 for one in base], bar),
        _figure("timer lag, median", [one.median for one in ours], [one.median for one in base]),
        _figure("timer lag, greatest", [one.greatest for one in ours], [one.greatest for one in base]),
        _figure("timer lag after a rest, greatest", [one.lead for one in ours], [one.lead for one in base]),
    ]


def _figure(name: str, ours: Sequence[float], base: Sequence[float], bar: Bar | None = None) -> Figure:
    return Figure(name, "ms", Rounds(ours), Rounds(base), "one SQL statement in a loop", bar, as_times=True)


async def _lags(stage: Stage, rate: int, work: Callable[[Stage, int], Awaitable[datetime]]) -> Lags:
    """Let the crowd become due at an even rate, have it woken and return the lags."""
    await all_wait(stage)
    await settle(stage.database)
    start = await work(stage, rate)
    await stage.plan.check(stage, stage.people)
    rows = await stage.database.fetch(LAGS, start + timedelta(seconds=LEAD))
    counted = [row["lag"] for row in rows if row["counts"]]
    lead = max(row["lag"] for row in rows if not row["counts"])
    return Lags(counted[len(counted) // 2], counted[len(counted) * 99 // 100], counted[-1], lead)


async def _by_workers(stage: Stage, rate: int) -> datetime:
    async with crew(stage.database) as workers:
        start = await _plan(stage, rate)
        await all_awake(stage, workers)
    return start


async def _by_sql(stage: Stage, rate: int) -> datetime:
    start = await _plan(stage, rate)
    await sweep(stage, stage.people)
    return start


async def _plan(stage: Stage, rate: int) -> datetime:
    start = due_soon(stage.people)
    await fall_due(stage, stage.people, start, timedelta(seconds=stage.people / rate))
    await sleep_until(start)
    return start
