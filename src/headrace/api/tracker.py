"""Recording opens and clicks behind the answers to them.

What is here: a queue per process whose batches are written while new ones gather. What is not: the routes (`tracking`)
and the statements (`storage.interactions`). Whoever opened or clicked is answered after a moment even when the database
is down; what they did stays queued and is tried again until it is written. Only a queue that is full, a process that
ends while the database is away, and what cannot be written by itself lose any, and the log says how many.
Follows DESIGN section 5.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg

from headrace.clock import Clock
from headrace.ids import bucket_of
from headrace.messages.tokens import Payload
from headrace.model import Channel
from headrace.storage.account_clocks import load_accounts
from headrace.storage.aliases import follow
from headrace.storage.consents import UNSUBSCRIBED, Purpose, load_subscriptions
from headrace.storage.database import Database
from headrace.storage.delivery_channels import deliveries_under_way, delivery_channels
from headrace.storage.interactions import Interaction, Kind, Prepared, Recorder, record_interactions
from headrace.storage.message_events import METRIC_NAMES

BATCH = 1_000
QUEUED = 100_000
"""Interactions that wait at most; more are lost, and counted in the log."""
RETRY_SECONDS = 1.0
EARLY_SECONDS = 2.0
"""What is opened before its sending has been recorded is looked at again after so long."""
LONGEST_EARLY = timedelta(minutes=15)
"""For how long (system time) that goes on, which is longer than any lease."""
FAREWELL_SECONDS = 5.0
"""How long a process that ends tries to write what is queued."""

PASSING = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""Errors after which the same batch is tried again: the server is away, or the transaction was in the way."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    payload: Payload
    kind: Kind
    url: str | None
    received_at: datetime
    written: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Tracker:
    """Takes what links in messages report and writes it in batches."""

    __slots__ = ("_clock", "_database", "_early", "_lost", "_queue", "_recorder", "_task")

    def __init__(self, database: Database, clock: Clock, recorder: Recorder) -> None:
        self._database = database
        self._clock = clock
        self._recorder = recorder
        self._queue: list[_Seen] = []
        self._early: list[_Seen] = []
        self._task: asyncio.Task[None] | None = None
        self._lost = 0

    async def note(self, payload: Payload, kind: Kind, patience: float, url: str | None = None) -> bool:
        """Queue what happened and wait up to `patience` seconds for it to be written; return whether it was."""
        if payload.delivery_id is None:
            return False
        if len(self._queue) + len(self._early) >= QUEUED:
            self._lost += 1
            return False
        seen = _Seen(payload, kind, url, self._clock.now())
        self._queue.append(seen)
        self._start()
        done, _ = await asyncio.wait((seen.written,), timeout=patience)
        return bool(done)

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    def _look_again(self) -> None:
        """Queue what was early once more."""
        if self._early:
            self._queue += self._early
            self._early.clear()
            self._start()

    async def close(self) -> None:
        """Write what is queued; what cannot be written soon is lost and logged."""
        self._look_again()
        if self._task is not None and not self._task.done():
            await asyncio.wait((self._task,), timeout=FAREWELL_SECONDS)
            self._task.cancel()
        lost = self._lost + len(self._queue) + len(self._early)
        if lost:
            _log.error("%d opens and clicks were not recorded", lost)

    async def _drain(self) -> None:
        # One turn of the loop, so that requests parsed in the same turn share the first batch.
        await asyncio.sleep(0)
        while self._queue:
            batch = self._queue[:BATCH]
            try:
                await self._write_most(batch)
            except PASSING:
                _log.exception("opens and clicks wait to be recorded: %d", len(self._queue))
                await asyncio.sleep(RETRY_SECONDS)

    async def _write_most(self, batch: Sequence[_Seen]) -> None:
        """Write the beginning of the queue, without what the database refuses by itself.

        Raises what says nothing about the batch; what was written before that is off the queue.
        """
        try:
            await self._write(batch)
        except PASSING:
            raise
        except Exception:
            _log.exception("%d opens and clicks cannot be recorded together", len(batch))
            if len(batch) > 1:
                half = len(batch) // 2
                await self._write_most(batch[:half])
                await self._write_most(batch[half:])
                return
            self._lost += 1
        self._finish(batch)

    def _finish(self, batch: Sequence[_Seen]) -> None:
        del self._queue[: len(batch)]
        for seen in batch:
            if not seen.written.done():
                seen.written.set_result(None)

    async def _write(self, batch: Sequence[_Seen]) -> None:
        by_account: defaultdict[str, list[_Seen]] = defaultdict(list)
        for seen in batch:
            by_account[seen.payload.account_id].append(seen)
        clocks = await load_accounts(self._database, by_account)
        prepared: list[Prepared] = []
        early: list[_Seen] = []
        for account_id, theirs in sorted(by_account.items()):
            if account_id in clocks:
                theirs = await self._present(account_id, theirs)
                waiting = frozenset(await self._too_early(account_id, theirs))
                early += waiting
                ready = await self._allowed(account_id, [one for one in theirs if one not in waiting])
                items = await self._items(account_id, ready, clocks[account_id].virtual_now)
                prepared.append(await self._recorder.prepare(account_id, items))
        async with self._database.transaction() as transaction:
            for one in prepared:
                await record_interactions(transaction, one)
        self._set_aside(early)

    async def _allowed(self, account_id: str, batch: Sequence[_Seen]) -> list[_Seen]:
        """Return what may be recorded: opens only of those who have not refused to be seen opening e-mail."""
        opened = [one for one in batch if one.kind is Kind.OPENED]
        people = {one.payload.profile_id for one in opened}
        keys = [(bucket_of(one), account_id, one, int(Channel.EMAIL)) for one in people]
        known = await load_subscriptions(self._database, keys)
        refused = {
            profile_id
            for (_, profile_id, _, purpose), word in known.items()
            if purpose == Purpose.OPEN_TRACKING and word == UNSUBSCRIBED
        }
        return [one for one in batch if one.kind is not Kind.OPENED or one.payload.profile_id not in refused]

    def _set_aside(self, early: Sequence[_Seen]) -> None:
        if early and not self._early:
            asyncio.get_running_loop().call_later(EARLY_SECONDS, self._look_again)
        self._early += early

    async def _present(self, account_id: str, batch: list[_Seen]) -> list[_Seen]:
        """Return a batch with the profiles that people are now: deliveries move when these are merged, links do not."""
        homes = await follow(self._database, account_id, {one.payload.profile_id for one in batch})
        return [_of(one, homes[one.payload.profile_id]) if one.payload.profile_id in homes else one for one in batch]

    async def _too_early(self, account_id: str, batch: Sequence[_Seen]) -> list[_Seen]:
        """Return what is about messages whose sending is not recorded yet: people may be faster than the worker."""
        since = self._clock.now() - LONGEST_EARLY
        keys = [(bucket_of(one.payload.profile_id), one.payload.delivery_id) for one in batch]
        known = [(bucket, delivery_id) for bucket, delivery_id in keys if delivery_id is not None]
        under_way = await deliveries_under_way(self._database, account_id, known)
        return [one for one in batch if one.payload.delivery_id in under_way and one.received_at > since]

    async def _items(self, account_id: str, batch: Sequence[_Seen], virtual_now: datetime | None) -> list[Interaction]:
        """Return what can be recorded: of deliveries that exist, on channels that know of such a thing."""
        keys = [(bucket_of(one.payload.profile_id), one.payload.delivery_id) for one in batch]
        known = await delivery_channels(self._database, account_id, [(at, key) for at, key in keys if key is not None])
        items = []
        for (bucket, delivery_id), seen in zip(keys, batch, strict=True):
            channel = None if delivery_id is None else known.get(delivery_id)
            if delivery_id is not None and channel is not None and (channel, seen.kind) in METRIC_NAMES:
                at = virtual_now or seen.received_at
                items.append(Interaction(seen.kind, channel, bucket, delivery_id, at, url=seen.url))
        return items


def _of(seen: _Seen, profile_id: str) -> _Seen:
    return replace(seen, payload=replace(seen.payload, profile_id=profile_id))
