"""What every benchmark shares: a server, fresh databases, interleaved rounds and the way figures are told.

A figure is told as a ratio to a baseline that was measured in the same run, because machines are noisy. Rounds of the
two are interleaved; the median counts and is given with the least and the greatest. What a figure must reach is a bar
on that ratio, or on the value itself where the value is what matters (a lag, a size).
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from headrace.storage import embedded
from headrace.storage.database import Database
from headrace.storage.migrate import migrate

NOTHING: Mapping[str, str] = {}
HEADINGS = ("work", "Headrace", "beside it", "ratio", "must", "aim", "")


@dataclass(frozen=True, slots=True)
class Rounds:
    """Measured values of one thing, one a round."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(min(self.values))}-{number(max(self.values))})"


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach (None: nothing) and what it aims at: of the ratio, or of our `value` itself.

    `at_most` tells that less is better.
    """

    must: float | None
    aim: float
    value: bool = False
    at_most: bool = False

    def verdict(self, reached: float) -> str:
        """Say how far a value got."""
        if self._met(reached, self.aim):
            return "aim reached"
        if self.must is None:
            return "aim missed"
        return "reached" if self._met(reached, self.must) else "MISSED"

    def _met(self, reached: float, bar: float) -> bool:
        return reached <= bar if self.at_most else reached >= bar


@dataclass(frozen=True, slots=True)
class Figure:
    """One result: ours and what was measured beside it, in `unit`, as many rounds of both.

    `bar` is None for what is reported and not judged. `baseline` is None where nothing could be measured beside ours,
    and `baseline_name` then says why. Ratios are shown as fractions, or `as_times`.
    """

    name: str
    unit: str
    ours: Rounds
    baseline: Rounds | None
    baseline_name: str
    bar: Bar | None = None
    as_times: bool = False

    @property
    def ratios(self) -> Rounds:
        """Ours divided by the baseline, round by round."""
        assert self.baseline is not None
        return Rounds([ours / base for ours, base in zip(self.ours.values, self.baseline.values, strict=True)])

    @property
    def verdict(self) -> str:
        """Whether the bar was reached."""
        if self.bar is None:
            return "not judged"
        return self.bar.verdict(self.ours.median if self.bar.value else self.ratios.median)

    def row(self) -> tuple[str, ...]:
        """Return the cells of the table, in the order of `HEADINGS`."""
        rounds = f"{len(self.ours.values)} rounds" if len(self.ours.values) > 1 else "1 round"
        beside = f"{self.baseline} {self.baseline_name}" if self.baseline else self.baseline_name
        bars = [self._shown(bar) for bar in (self.bar.must, self.bar.aim)] if self.bar else ["-", "-"]
        return (self.name, f"{self.ours} {self.unit}, {rounds}", beside, self._ratio(), *bars, self.verdict)

    def __str__(self) -> str:
        name, ours, beside, ratio, must, aim, verdict = self.row()
        return f"{name}: {ours}; beside it {beside}; ratio {ratio}; must {must}, aim {aim}: {verdict}"

    def _ratio(self) -> str:
        if self.baseline is None:
            return "-"
        low, high = min(self.ratios.values), max(self.ratios.values)
        middle = self._share(self.ratios.median)
        return middle if low == high else f"{middle} ({self._share(low)}-{self._share(high)})"

    def _share(self, ratio: float) -> str:
        return f"{number(ratio)}x" if self.as_times else f"{ratio:.1%}"

    def _shown(self, bar: float | None) -> str:
        if self.bar is None or bar is None:
            return "-"
        return f"{number(bar)} {self.unit}" if self.bar.value else self._share(bar)


def number(value: float) -> str:
    """Return a number with as many digits as are worth reading."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.2g}"


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a table, one line each."""
    rows = [HEADINGS, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


@contextmanager
def server(tuning: Mapping[str, str] = NOTHING) -> Iterator[embedded.Server]:
    """Run an embedded server with the settings of production, but for `tuning`, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-bench-"))
    folder.chmod(0o755)
    try:
        with embedded.running(folder / "data", tuning=tuning) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def fresh_database(server: embedded.Server, name: str) -> AsyncIterator[Database]:
    """Lend a new, migrated database and drop it afterwards."""
    async with empty_database(server, name) as dsn:
        await migrate(dsn)
        database = await Database.connect(dsn, size=12)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def empty_database(server: embedded.Server, name: str) -> AsyncIterator[str]:
    """Lend the address of a new database without any table and drop it afterwards."""
    await _execute(server.dsn, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await _execute(server.dsn, f"CREATE DATABASE {name}")
    try:
        yield server.dsn.replace("/headrace?", f"/{name}?")
    finally:
        await _execute(server.dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def settle(database: Database) -> None:
    """Clean up and write out what was prepared, so that none of it is paid for in what is measured next."""
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")


async def interleave(
    count: int, ours: Callable[[int], Awaitable[float]], baseline: Callable[[int], Awaitable[float]]
) -> tuple[Rounds, Rounds]:
    """Measure the two in turn, `count` times each; each gets the number of its round."""
    one, two = [], []
    for turn in range(count):
        two.append(await baseline(turn))
        one.append(await ours(turn))
    return Rounds(one), Rounds(two)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
