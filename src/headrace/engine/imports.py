"""Importing a file: its rows go in batches, each in one transaction that also says how far the file is done.

What is here: putting batches together, writing them one after the other while the next one is read, and telling rows
that are wrong from those that are right. What is not: reading files, what a row means and how errors are shown
(`cli.imports`), and the statements. Our choice: batches are written in the order of the file, because a later row
changes what an earlier one made; what is gained by two at once is gained by reading ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import asyncpg
import orjson

from headrace.clock import Clock
from headrace.errors import CommandError, Invalid, Problem
from headrace.storage.database import Connection, Database
from headrace.storage.import_files import FileKey, Progress, move_import
from headrace.storage.resolve import LostRace

BATCH = 1_000
"""Rows of one transaction."""
TURN = 50
"""After how many rows read the batch that is being written gets its turn."""
RACES = 20
"""How often a batch that lost a race for an identifier begins anew before that counts as a bug."""
REFUSED_BY_DATABASE = (asyncpg.DataError, asyncpg.exceptions.ProgramLimitExceededError, orjson.JSONEncodeError)
"""What a row may cause that no check foresaw."""

Item = TypeVar("Item")
Taken = TypeVar("Taken", contravariant=True)


@dataclass(frozen=True, slots=True)
class Record(Generic[Item]):
    """One row of a file: its number, the byte at which it ends, and what it says (`raw` as it stands in the file).

    `item` is None where there are `problems`. A blank row has neither.
    """

    row: int
    end: int
    raw: Any
    item: Item | None
    problems: tuple[Problem, ...] = ()


class Target(Protocol[Taken]):
    """Where rows go."""

    async def prepare(self, items: Sequence[Taken]) -> Any:
        """Do what must happen before the transaction and return what `write` is to write."""
        ...

    async def write(self, transaction: Connection, prepared: Any) -> list[Problem | None]:
        """Write a batch and return what is wrong with each row, None for what was written. May raise `LostRace`."""
        ...


class Errors(Protocol):
    """The error file."""

    def write(self, size: int, refused: Sequence[Record[Any]]) -> int:
        """Cut the file to `size` bytes, add what is wrong with the rows, and return its new size."""
        ...


Step = Callable[[Progress, Sequence[Record[Any]]], Awaitable[Progress]]
"""Takes one batch in and returns how far the file is then done."""


async def take_in(
    records: Iterable[Record[Any]], first: Progress, step: Step, tell: Callable[[Progress], None]
) -> Progress:
    """Take the rows of a file in, batch by batch, and return how far the file is done; `tell` is told on the way.

    Memory does not grow with the file: there is one batch being written and one being read.
    """
    progress = first
    writing: asyncio.Task[Progress] | None = None
    try:
        async for batch in _batches(records):
            if writing is not None:
                progress = await writing
                tell(progress)
            writing = asyncio.create_task(_stepped(step, progress, batch))
        if writing is not None:
            progress = await writing
            tell(progress)
    finally:
        if writing is not None and not writing.done():
            await asyncio.wait([writing])
    return progress


async def _stepped(step: Step, progress: Progress, batch: Sequence[Record[Any]]) -> Progress:
    return await step(progress, batch)


async def _batches(records: Iterable[Record[Any]]) -> AsyncIterator[list[Record[Any]]]:
    batch: list[Record[Any]] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            yield batch
            batch = []
        elif len(batch) % TURN == 0:
            await asyncio.sleep(0)
    if batch:
        yield batch


class Checking:
    """The step that writes nothing but the error file."""

    __slots__ = ("_errors",)

    def __init__(self, errors: Errors) -> None:
        self._errors = errors

    async def __call__(self, before: Progress, batch: Sequence[Record[Any]]) -> Progress:
        """Count a batch."""
        refused = [record for record in batch if record.problems]
        return _after(before, batch, refused, self._errors.write(before.errors_size, refused))


class Writing(Generic[Item]):
    """The step that writes a batch, what is wrong with it, and how far the file is done, or none of the three."""

    __slots__ = ("_clock", "_database", "_errors", "_key", "_target")

    def __init__(self, database: Database, key: FileKey, target: Target[Item], errors: Errors, clock: Clock) -> None:
        self._database = database
        self._key = key
        self._target = target
        self._errors = errors
        self._clock = clock

    async def __call__(self, before: Progress, batch: Sequence[Record[Item]]) -> Progress:
        """Write a batch; where the database refuses a row of it, the others are written without that one."""
        try:
            return await self._commit(before, batch)
        except REFUSED_BY_DATABASE as error:
            if len(batch) == 1:
                problem = Invalid(f"The database does not take the row: {error}.")
                return await self._commit(before, [replace(batch[0], item=None, problems=(problem,))])
            middle = len(batch) // 2
            return await self(await self(before, batch[:middle]), batch[middle:])

    async def _commit(self, before: Progress, batch: Sequence[Record[Item]]) -> Progress:
        good = [record for record in batch if record.item is not None]
        for _ in range(RACES):
            prepared = await self._target.prepare([record.item for record in good if record.item is not None])
            try:
                async with self._database.transaction() as transaction:
                    return await self._write(transaction, before, batch, good, prepared)
            except (LostRace, asyncpg.DeadlockDetectedError):
                continue
        raise RuntimeError(f"a batch of {len(batch)} rows lost {RACES} races for its identifiers")

    async def _write(
        self,
        transaction: Connection,
        before: Progress,
        batch: Sequence[Record[Item]],
        good: Sequence[Record[Item]],
        prepared: Any,
    ) -> Progress:
        found = await self._target.write(transaction, prepared) if good else []
        refused = [record for record in batch if record.problems]
        refused += [
            replace(record, problems=(problem,)) for record, problem in zip(good, found, strict=True) if problem
        ]
        refused.sort(key=lambda record: record.row)
        after = _after(before, batch, refused, self._errors.write(before.errors_size, refused))
        if not await move_import(transaction, self._key, before, after, self._clock.now()):
            raise CommandError("another process imports the same file; wait until it is done")
        return after


def _after(
    before: Progress, batch: Sequence[Record[Any]], refused: Sequence[Record[Any]], errors_size: int
) -> Progress:
    given = sum(record.item is not None or bool(record.problems) for record in batch)
    last = batch[-1]
    return Progress(last.end, last.row, before.taken + given - len(refused), before.refused + len(refused), errors_size)
