"""Durable steps per second, their processor time, and the memory of a worker, with a million waiting runs.

Every round makes a part of the waiting runs due and has them woken, by the baseline and by two workers in turn (see
`crowd`). With full sizes one more pair of rounds makes all of them due at once. A step is one wake of one run: claim,
its immediate actions, commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.crew import crew
from benchmarks.crowd import Stage, Woken, by_sql, by_workers, make_stage
from benchmarks.harness import Bar, Figure, Rounds, fresh_database
from benchmarks.journey import JOURNEY
from headrace.storage import embedded
from headrace.storage.database import Database

NAME = "one SQL statement per 1,000"
SPEED = Bar(must=0.20, aim=0.40)
COST = Bar(must=180, aim=90, value=True, at_most=True)
MEMORY = Bar(must=200, aim=120, value=True, at_most=True)


@dataclass(frozen=True, slots=True)
class Size:
    """How many runs wait, how many are due in a round, and how many rounds there are."""

    waiting: int
    due: int
    rounds: int
    all_at_once: bool


FULL = Size(1_000_000, 100_000, 5, True)
SHORT = Size(100_000, 20_000, 2, False)


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    return await measure(server, FULL if full else SHORT)


async def measure(server: embedded.Server, size: Size) -> list[Figure]:
    """Measure with chosen sizes."""
    async with fresh_database(server, "bench_steps") as database:
        empty = await _idle_memory(database)
        stage = await make_stage(database, JOURNEY, size.waiting)
        pairs = [await _pair(stage, size.due) for _ in range(size.rounds)]
        whole = [await _pair(stage, size.waiting)] if size.all_at_once else []
    crowd = f"{size.waiting:,} waiting"
    figures = [
        _speed(f"durable steps, {crowd}, {size.due:,} of them due", pairs),
        _cost(f"CPU per wake, PostgreSQL's included, {crowd}", pairs),
        _memory(f"RSS of an idle worker, {crowd}", [ours.idle for _, ours in pairs + whole], empty),
        _memory(f"RSS of a worker at work, {crowd}", [ours.memory for _, ours in pairs + whole], empty),
    ]
    if whole:
        figures[1:1] = [_speed(f"durable steps, {crowd}, all of them due", whole)]
    return figures


async def _idle_memory(database: Database) -> float:
    """Return the MiB of the larger of two workers that have started and find nothing to do."""
    async with crew(database) as workers:
        return workers.memory()


async def _pair(stage: Stage, due: int) -> tuple[Woken, Woken]:
    """Return what the baseline took and what the workers took, measured one after the other."""
    return await by_sql(stage, due), await by_workers(stage, due)


def _speed(name: str, pairs: Sequence[tuple[Woken, Woken]]) -> Figure:
    base, ours = Rounds([one.rate for one, _ in pairs]), Rounds([one.rate for _, one in pairs])
    return Figure(name, "steps/s", ours, base, NAME, SPEED)


def _cost(name: str, pairs: Sequence[tuple[Woken, Woken]]) -> Figure:
    base, ours = Rounds([one.cost for one, _ in pairs]), Rounds([one.cost for _, one in pairs])
    return Figure(name, "us", ours, base, NAME, COST, as_times=True)


def _memory(name: str, sizes: Sequence[float], empty: float) -> Figure:
    base = Rounds([empty] * len(sizes))
    return Figure(name, "MiB", Rounds(sizes), base, "over an empty database", MEMORY, as_times=True)
