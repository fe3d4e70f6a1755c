"""`python -m benchmarks.profile_steps [RUNS]`: where the time of a durable step goes, by statement and by function.

The journey of the benchmarks is worked off by one worker in this process, twice. The first time tells the rate, the
processor time on both sides and what each statement took (from sending it until its rows are read, encoding included);
the second time, under the profiler of the standard library, what each function took: its shares count, not its sums.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

from benchmarks.crowd import Stage, all_wait, fall_due, make_stage
from benchmarks.harness import fresh_database, server, settle
from benchmarks.journey import JOURNEY
from benchmarks.usage import Meter, postgres
from headrace.cli.engine import engine_core, make_signer, make_worker
from headrace.cli.memory import calm_collector
from headrace.clock import SystemClock, stopwatch
from headrace.config import Config
from headrace.ids import RandomIds
from headrace.storage import embedded
from headrace.storage.database import Connection

FUNCTIONS = 40
WIDTH = 100
KEY = "benchmark-key-01"
TIMED = ("fetch", "fetch_row", "fetch_value", "execute")


class Statements:
    """Calls and seconds of each statement."""

    def __init__(self) -> None:
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def add(self, query: object, seconds: float) -> None:
        """Count one call."""
        name = " ".join(str(query).split())
        self.calls[name] += 1
        self.seconds[name] += seconds

    def told(self, runs: int) -> str:
        """Return the statements, the dearest first."""
        lines = [f"{'calls':>7} {'ms/call':>8} {'us/wake':>8}  statement"]
        for name in sorted(self.seconds, key=lambda name: -self.seconds[name]):
            calls, seconds = self.calls[name], self.seconds[name]
            shown = name if len(name) <= WIDTH else f"{name[: WIDTH // 2]} ... {name[-WIDTH // 2 :]}"
            lines.append(f"{calls:7} {seconds / calls * 1e3:8.2f} {seconds / runs * 1e6:8.2f}  {shown}")
        return "\n".join(lines)


def main() -> None:
    """Read how many runs there are to be, and profile."""
    parser = argparse.ArgumentParser(prog="benchmarks.profile_steps")
    parser.add_argument("runs", nargs="?", type=int, default=20_000)
    parser.add_argument("--functions", type=int, default=FUNCTIONS, help="how many functions are shown")
    options = parser.parse_args()
    with server() as running:
        asyncio.run(profile(running, options.runs, options.functions))


async def profile(server: embedded.Server, runs: int, functions: int) -> None:
    """Work the journey off twice and print both tables."""
    statements = Statements()
    async with fresh_database(server, "bench_profile") as database:
        stage = await make_stage(database, JOURNEY, runs)
        own, other = Meter([os.getpid()]), Meter([await postgres(database)])
        seconds, own_cpu, other_cpu = await _work(stage, own, other, _timed(statements))
        print(f"{runs:,} wakes in {seconds:.2f} s: {runs / seconds:,.0f} steps/s of one worker")
        print(f"CPU per wake: {own_cpu / runs * 1e6:.1f} us here, {other_cpu / runs * 1e6:.1f} us in PostgreSQL\n")
        print(statements.told(runs), "\n")
        profiler = cProfile.Profile()
        await _work(stage, own, other, profiler)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(functions)


async def _work(
    stage: Stage, own: Meter, other: Meter, watch: AbstractContextManager[object]
) -> tuple[float, float, float]:
    """Work everything off; return the seconds taken, and processor seconds here and in PostgreSQL.

    `watch` is entered for that work alone.
    """
    await all_wait(stage)
    await fall_due(stage, stage.people, SystemClock().now() - timedelta(seconds=1))
    await settle(stage.database)
    config = Config.from_environment({"HEADRACE_DATABASE_URL": stage.database.dsn, "HEADRACE_SECRET_KEY": KEY})
    async with engine_core(stage.database, config, make_signer(config, RandomIds())) as core:
        worker = make_worker(core)
        calm_collector()
        before, began = (own.read(), other.read()), stopwatch()
        with watch:
            await worker.drain()
        seconds = stopwatch() - began
    used = seconds, own.read() - before[0], other.read() - before[1]
    await stage.plan.check(stage, stage.people)
    return used


@contextmanager
def _timed(statements: Statements) -> Iterator[None]:
    """Time every statement of every connection meanwhile."""
    plain = {name: getattr(Connection, name) for name in TIMED}
    for name, method in plain.items():
        setattr(Connection, name, _timing(method, statements))
    try:
        yield
    finally:
        for name, method in plain.items():
            setattr(Connection, name, method)


def _timing(method: Callable[..., Awaitable[Any]], statements: Statements) -> Callable[..., Awaitable[Any]]:
    async def timed(connection: Connection, query: Any, *args: Any) -> Any:
        began = stopwatch()
        try:
            return await method(connection, query, *args)
        finally:
            statements.add(query, stopwatch() - began)

    return timed


if __name__ == "__main__":
    main()
