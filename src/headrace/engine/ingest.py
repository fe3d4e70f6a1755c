"""Gathering concurrent event posts into few transactions.

Requests hand in their events and wait until these are committed; whatever arrives while one batch is being written
becomes the next batch. One caller's bad event never spoils another's: what can be known beforehand comes back as a
`Problem` of its own, and a batch that fails as a whole is written once more, request by request.
Source: DESIGN section 3 (ingest).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from headrace.clock import Clock
from headrace.errors import Problem
from headrace.ids import IdSource
from headrace.storage.database import Database
from headrace.storage.ingest import Accepted, Arrival, IncomingEvent, ingest, ingest_of_known
from headrace.storage.partitions import Partitions
from headrace.storage.resolve import LostRace
from headrace.storage.serials import Serials

BATCH = 2_000
"""Events in one transaction, unless a single request brings more."""
WRITERS = 2
"""Transactions under way at once in one process: while one commits, the next is being put together."""
ALONE = 100
"""Events of a request that is worth a transaction of its own. A smaller one waits for the writer at work, and shares
the next transaction with all that waits with it: half as many transactions carry the same events."""
LINGER = 0.001
"""Seconds that a writer whose last batch several requests shared waits for their senders to come back.

They answer within this time or are not in a hurry. Without it two halves of the senders take turns, and each
transaction carries half as many events, at nearly the price of all."""
RACES = 20
"""How often a batch that lost a race for an identifier begins anew before that counts as a bug."""

Result = list[Accepted | Problem]


@dataclass(slots=True, eq=False)
class _Submission:
    events: Sequence[IncomingEvent]
    accepted_at: datetime
    done: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Ingest:
    """Takes events and answers once they are durable."""

    __slots__ = ("_clock", "_database", "_gathering", "_ids", "_partitions", "_queues", "_serials", "_writers")

    def __init__(
        self, database: Database, clock: Clock, ids: IdSource, serials: Serials, partitions: Partitions
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._serials = serials
        self._partitions = partitions
        self._queues: defaultdict[str, deque[_Submission]] = defaultdict(deque)
        self._writers: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._gathering: dict[str, tuple[int, asyncio.Future[None]]] = {}

    async def submit(self, account_id: str, events: Sequence[IncomingEvent], accepted_at: datetime) -> Result:
        """Make `events` durable and return, in their order, what became of each.

        `accepted_at` is the account's present moment. Raises what the database raises when nothing could be written.
        """
        submission = _Submission(events, accepted_at)
        self._queues[account_id].append(submission)
        self._come(account_id)
        writers = self._writers[account_id]
        if not writers or (len(writers) < WRITERS and len(events) >= ALONE):
            task = asyncio.create_task(self._drain(account_id))
            writers.add(task)
        return await submission.done

    async def close(self) -> None:
        """Wait for what has been handed in, and for nobody who may come back."""
        for _, gathered in self._gathering.values():
            _set(gathered)
        while tasks := [task for writers in self._writers.values() for task in writers]:
            await asyncio.gather(*tasks)

    async def _drain(self, account_id: str) -> None:
        try:
            await self._write_queue(account_id)
        finally:
            # Not by a callback: whoever hands something in between the last look at the queue and that callback would
            # count on a writer that is gone, and wait for ever.
            task = asyncio.current_task()
            if task is not None:
                self._writers[account_id].discard(task)

    async def _write_queue(self, account_id: str) -> None:
        queue = self._queues[account_id]
        # One turn of the loop, so that requests parsed in the same turn share the first batch.
        await asyncio.sleep(0)
        while queue:
            batch = _take(queue)
            crowd = len(batch) + len(queue)
            try:
                await self._write(account_id, batch)
            except Exception as error:
                if len(batch) == 1:
                    _fail(batch[0], error)
                else:
                    await self._write_singly(account_id, batch)
            if len(batch) > 1:
                await self._linger(account_id, max(crowd, len(batch) + len(queue)))

    def _come(self, account_id: str) -> None:
        """Let the writer that waits for senders go on when the last of them has come."""
        awaited = self._gathering.get(account_id)
        if awaited is not None and len(self._queues[account_id]) >= awaited[0]:
            _set(awaited[1])

    async def _linger(self, account_id: str, crowd: int) -> None:
        """Wait for a moment until as many requests wait as there were at the last batch and beside it."""
        if len(self._queues[account_id]) >= crowd:
            return
        gathered = asyncio.get_running_loop().create_future()
        self._gathering[account_id] = (crowd, gathered)
        handle = asyncio.get_running_loop().call_later(LINGER, _set, gathered)
        try:
            await gathered
        finally:
            handle.cancel()
            self._gathering.pop(account_id, None)

    async def _write_singly(self, account_id: str, batch: list[_Submission]) -> None:
        for submission in batch:
            try:
                await self._write(account_id, [submission])
            except Exception as error:
                _fail(submission, error)

    async def _write(self, account_id: str, batch: list[_Submission]) -> None:
        events = [event for submission in batch for event in submission.events]
        await self._partitions.ensure("event", {event.occurred_at for event in events})
        serials = await self._serials.take(len(events))
        arrival = Arrival(max(one.accepted_at for one in batch), self._clock.now())
        results = await self._commit(account_id, events, serials, arrival)
        position = 0
        for submission in batch:
            end = position + len(submission.events)
            if not submission.done.done():
                submission.done.set_result(results[position:end])
            position = end

    async def _commit(
        self, account_id: str, events: Sequence[IncomingEvent], serials: Sequence[int], arrival: Arrival
    ) -> Result:
        for _ in range(RACES):
            try:
                async with self._database.statements() as connection:
                    done = await ingest_of_known(connection, account_id, events, serials, arrival, self._ids)
                if done is not None:
                    return done
                async with self._database.transaction() as transaction:
                    return await ingest(transaction, account_id, events, serials, arrival, self._ids)
            except (LostRace, asyncpg.DeadlockDetectedError):
                # Two batches may each hold a person, or an identifier, that the other one wants: begin anew.
                continue
        raise RuntimeError(f"a batch of {len(events)} events lost {RACES} races for its identifiers")


def _take(queue: deque[_Submission]) -> list[_Submission]:
    batch = [queue.popleft()]
    size = len(batch[0].events)
    while queue and size + len(queue[0].events) <= BATCH:
        size += len(queue[0].events)
        batch.append(queue.popleft())
    return batch


def _set(gathered: asyncio.Future[None]) -> None:
    if not gathered.done():
        gathered.set_result(None)


def _fail(submission: _Submission, error: Exception) -> None:
    if not submission.done.done():
        submission.done.set_exception(error)
