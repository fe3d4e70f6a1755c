"""Event serials, taken from the database in blocks so that drawing one costs nothing.

One value of the sequence `event_serial` stands for a block of `BLOCK` numbers. A process that dies wastes the rest of
its block; no serial is ever given twice until 2^31 have passed.
"""

from __future__ import annotations

import asyncio

from headrace.storage.database import Database

BLOCK = 1 << 16


class Serials:
    """Hands out ranges of event serials."""

    __slots__ = ("_database", "_end", "_lock", "_next")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._next = 0
        self._end = 0

    async def take(self, count: int) -> list[int]:
        """Return `count` serials, none of which anybody else has or will get."""
        async with self._lock:
            serials: list[int] = []
            while len(serials) < count:
                if self._next == self._end:
                    await self._refill()
                stop = min(self._end, self._next + count - len(serials))
                serials.extend(range(self._next, stop))
                self._next = stop
            return serials

    async def _refill(self) -> None:
        async with self._database.errand() as errand:
            block: int = await errand.fetch_value("SELECT nextval('event_serial')")
        self._next, self._end = block * BLOCK, (block + 1) * BLOCK
