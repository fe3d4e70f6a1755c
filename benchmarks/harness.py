"""What every benchmark shares: a server, fresh databases, interleaved rounds and the way figures are told.

A figure is told as a ratio to a baseline that was measured in the same run, because machines are noisy. Rounds of the
two are interleaved; the median counts and is given with the least and the greatest.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from headrace.storage import embedded
from headrace.storage.database import Database
from headrace.storage.migrate import migrate


@dataclass(frozen=True, slots=True)
class Rounds:
    """Measured values of one thing, one a round."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:,.0f} ({min(self.values):,.0f}-{max(self.values):,.0f})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One result: ours and the baseline in `unit`, and the aim for the ratio ours / baseline."""

    name: str
    unit: str
    ours: Rounds
    baseline: Rounds
    baseline_name: str
    aim: float
    as_times: bool = False

    @property
    def ratios(self) -> Rounds:
        """Ours divided by the baseline, round by round."""
        return Rounds([ours / base for ours, base in zip(self.ours.values, self.baseline.values, strict=True)])

    def __str__(self) -> str:
        low, high = min(self.ratios.values), max(self.ratios.values)
        show = (lambda value: f"{value:,.0f}x") if self.as_times else (lambda value: f"{value:.1%}")
        return (
            f"{self.name}: {show(self.ratios.median)} of {self.baseline_name} ({show(low)}-{show(high)}),"
            f" aim {show(self.aim)}; {self.ours} against {self.baseline} {self.unit}, {len(self.ours.values)} rounds"
        )


@contextmanager
def server() -> Iterator[embedded.Server]:
    """Run an embedded server with the settings of production, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-bench-"))
    folder.chmod(0o755)
    try:
        with embedded.running(folder / "data") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def fresh_database(server: embedded.Server, name: str) -> AsyncIterator[Database]:
    """Lend a new, migrated database and drop it afterwards."""
    await _execute(server.dsn, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await _execute(server.dsn, f"CREATE DATABASE {name}")
    dsn = server.dsn.replace("/headrace?", f"/{name}?")
    await migrate(dsn)
    database = await Database.connect(dsn, size=12)
    try:
        yield database
    finally:
        await database.close()
        await _execute(server.dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def interleave(
    count: int, ours: Callable[[int], Awaitable[float]], baseline: Callable[[int], Awaitable[float]]
) -> tuple[Rounds, Rounds]:
    """Measure the two in turn, `count` times each; each gets the number of its round."""
    one, two = [], []
    for number in range(count):
        two.append(await baseline(number))
        one.append(await ours(number))
    return Rounds(one), Rounds(two)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
