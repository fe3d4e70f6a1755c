"""Partitions of `event` and `journal`, made on demand.

A partition is a month, or a whole year where the time lies before the last 24 months. Event times reach from 1990 to a
year ahead and virtual clocks move, so nothing is made in advance: whoever writes asks `Partitions.ensure` first. The
catalog is read once and then remembered, so that the common case costs a set look-up.
Source: DESIGN section 8 (event uniqueness).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from headrace.clock import Clock
from headrace.storage.database import Connection, Database

PARTITION_LOCK = 0x5061_7274
"""The advisory lock that one partition maker holds."""
MONTHLY_SPAN = 24
"""For how many months back a month gets a partition of its own."""


class Partitions:
    """Knows which partitions exist and makes those that are missing."""

    __slots__ = ("_clock", "_database", "_known")

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, frozenset[str]] = {}

    async def ensure(self, table: str, moments: Iterable[datetime]) -> None:
        """Make sure that `table` has a partition for each moment; may be asked within a transaction."""
        months = {(moment.year, moment.month) for moment in moments}
        if missing := self._missing(table, months):
            await self._create(table, missing)

    def _missing(self, table: str, months: set[tuple[int, int]]) -> set[tuple[int, int]]:
        known = self._known.get(table, frozenset())
        return {(year, month) for year, month in months if not _covered(table, year, month, known)}

    async def _create(self, table: str, months: set[tuple[int, int]]) -> None:
        async with self._database.errand() as transaction:
            await transaction.execute("SELECT pg_advisory_xact_lock($1)", PARTITION_LOCK)
            known = await _existing(transaction, table)
            for year, month in sorted(months):
                if not _covered(table, year, month, known):
                    name, statements = _plan(table, year, month, known, self._clock.now())
                    for statement in statements:
                        await transaction.execute(statement)
                    known |= {name}
        self._known[table] = known


def _covered(table: str, year: int, month: int, known: frozenset[str]) -> bool:
    return f"{table}_{year:04}_{month:02}" in known or f"{table}_{year:04}" in known


async def _existing(connection: Connection, table: str) -> frozenset[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass", table
    )
    return frozenset(row["name"] for row in rows)


def _plan(table: str, year: int, month: int, known: frozenset[str], now: datetime) -> tuple[str, tuple[str, ...]]:
    """Return the new partition's name and the statements that make it.

    A table is made first and attached afterwards, because attaching does not stop those who read and write.
    """
    age = (now.year - year) * 12 + now.month - month
    has_months = any(name.startswith(f"{table}_{year:04}_") for name in known)
    whole_year = age > MONTHLY_SPAN + 11 and not has_months
    if whole_year:
        name, start, end = f"{table}_{year:04}", (year, 1), (year + 1, 1)
    else:
        name, start = f"{table}_{year:04}_{month:02}", (year, month)
        end = (year + 1, 1) if month == 12 else (year, month + 1)
    bounds = f"FROM ('{start[0]:04}-{start[1]:02}-01+00') TO ('{end[0]:04}-{end[1]:02}-01+00')"
    return name, (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}",
    )
