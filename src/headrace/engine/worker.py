"""A worker: one process that enters, advances, delivers, does jobs and folds reports until it is told to stop.

Each kind of work is a loop of its own that polls while it finds something and rests, longer and longer, while it does
not. Any number of workers run side by side over one database. `drain` does the same work until nothing is left that is
due, for tests, imports and virtual clocks. Source: DESIGN section 3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from headrace.clock import stopwatch
from headrace.engine.advance import advance_batch
from headrace.engine.chores import CHORES_EVERY, clean_up
from headrace.engine.core import Core
from headrace.engine.date_entries import enter_planned
from headrace.engine.dates import plan_flows
from headrace.engine.deliver import deliver_batch, resolve_leases
from headrace.engine.enter import enter_batch
from headrace.engine.experiments import settle_experiments
from headrace.engine.faults import LOST
from headrace.engine.jobs import run_jobs
from headrace.engine.rings import BucketRing
from headrace.engine.segment_looks import look_at_due
from headrace.engine.webhooks import Teller
from headrace.storage.account_clocks import read_clocks
from headrace.storage.buckets import buckets_with_deliveries, buckets_with_runs, pending_buckets
from headrace.storage.deliveries import in_flight
from headrace.storage.planned import buckets_with_planned
from headrace.storage.planning import buckets_to_plan
from headrace.storage.segment_members import buckets_with_looks
from headrace.storage.segments import evaluations_open

log = logging.getLogger(__name__)

Clocks = Sequence[tuple[int, datetime]]
"""(number, present moment) of clocks."""

Batch = Callable[[Core, int, Sequence[int], datetime], Awaitable[int]]
"""Works on at most one batch: engine, clock, buckets, present moment."""

Given = TypeVar("Given")

SHORTEST_REST = 0.02
LONGEST_REST = 1.0
AFTER_FAILURE = 5.0
"""Seconds of rest, between which an idle loop doubles, and after an error."""
ENTERING_REST = 0.4
"""Our choice: seconds after which an idle worker looks for what happened, at the latest, so that whoever comes to
belong to a segment is in it well within a second."""
STEPS_A_DELIVERY = 8
"""Our choice: while runs are due in masses, so many batches of steps go before one of deliveries, so that a burst is
stepped through quickly and messages keep going out."""
LOOK_SHARE = 3.0
"""Our choice: after a look that found nothing a loop rests at least three times as long as the look took, so that an
installation with very many accounts does not spend its time on looking."""
EXPERIMENTS_EVERY = 60.0
"""Seconds between two looks at experiments."""
LEASES_EVERY = 5.0
"""Seconds between two looks at lapsed leases."""


class Worker:
    """Works off what is due. `fold` adds report deltas to the roll-ups and returns how many it found, None for none."""

    def __init__(self, core: Core, fold: Callable[[], Awaitable[int]] | None = None) -> None:
        self._core = core
        self._fold = fold
        self._stopping = asyncio.Event()
        self._may_deliver = asyncio.Event()
        self._stepping = False
        self._steps = 0
        self._rings: dict[tuple[str, int], BucketRing] = {}

    def stop(self) -> None:
        """Let every loop end after its present batch."""
        self._stopping.set()
        self._may_deliver.set()

    async def run(self) -> None:
        """Work until `stop` is called; errors are logged and the work goes on after a rest."""
        loops = [
            self._loop("entering", self.enter, ENTERING_REST),
            self._loop("entering by dates", self.enter_by_dates, LONGEST_REST),
            self._loop("looking at segments", self.look, LONGEST_REST),
            self._loop("advancing", self._advance_in_turn, LONGEST_REST),
            self._loop("delivering", self._deliver_in_turn, LONGEST_REST),
            self._loop("planning dates", self.plan, LONGEST_REST),
            self._loop("working off jobs", partial(run_jobs, self._core), LONGEST_REST),
            self._loop("resolving leases", self._resolve, LEASES_EVERY),
            self._loop("settling experiments", self._settle, EXPERIMENTS_EVERY, EXPERIMENTS_EVERY),
            self._loop("cleaning up", partial(clean_up, self._core), CHORES_EVERY, CHORES_EVERY),
        ]
        if self._fold is not None:
            loops.append(self._loop("folding reports", self._fold, LONGEST_REST))
        teller = Teller(self._core)
        try:
            await asyncio.gather(*loops, self._loop("telling webhooks", teller.look, LONGEST_REST))
        finally:
            await teller.close()

    async def drain(self, clocks: Clocks | None = None, account_id: str | None = None) -> int:
        """Work until nothing is pending and nothing is due on `clocks`, by default on all; return the batches' sum.

        With an `account_id` only what happened in that account, and its jobs, are worked off. What follows from a batch
        of steps is worked out and sent before the next, so that on a virtual clock each person's history is in order.
        Work that another worker holds is waited for, until its lease lapses if need be; what a provider asked to send
        later is not.
        """
        total = 0
        while True:
            done = await self.plan(account_id)
            done += await _exhaust(self.enter_by_dates, clocks)
            done += await _exhaust(self.enter, account_id)
            done += await self.look(clocks)
            done += await _exhaust(self.enter, account_id)
            done += await self.advance(clocks)
            done += await _exhaust(self.deliver, clocks)
            done += await run_jobs(self._core, account_id=account_id)
            total += done
            if done == 0:
                if not await self._is_due(clocks, account_id):
                    return total
                await resolve_leases(self._core)
                await asyncio.sleep(SHORTEST_REST)

    async def enter(self, account_id: str | None = None) -> int:
        """Work out the consequences of one batch of what happened; return how many, 0 when a round found none."""
        ring = self._ring(f"enter {account_id or ''}", 0)
        if not ring:
            ring.fill(await pending_buckets(self._core.database, account_id))
        work = partial(enter_batch, self._core, account_id=account_id)
        return await _visit(ring, work, self._core.limits.entering)

    async def plan(self, account_id: str | None = None) -> int:
        """Plan one page of the people of date-based flows that went live; return how much work it was."""
        ring = self._ring(f"plan {account_id or ''}", 0)
        if not ring:
            ring.fill(await buckets_to_plan(self._core.database, account_id))
        return await _visit(ring, partial(plan_flows, self._core), self._core.limits.entering)

    async def enter_by_dates(self, clocks: Clocks | None = None) -> int:
        """Start one batch of the runs that dates bring; return how many, 0 when a round found none."""
        return await self._on_each("dates", enter_planned, self._core.limits.entering, clocks)

    async def look(self, clocks: Clocks | None = None) -> int:
        """Look again at one batch of the places in segments that time may change; return how many, 0 for none."""
        return await self._on_each("look", look_at_due, self._core.limits.entering, clocks)

    async def advance(self, clocks: Clocks | None = None) -> int:
        """Advance one batch of due runs on each clock; return how many, 0 when a round found none."""
        return await self._on_each("advance", advance_batch, self._core.limits.advancing, clocks)

    async def deliver(self, clocks: Clocks | None = None) -> int:
        """Deliver one batch of due messages on each clock; return how many, 0 when a round found none."""
        return await self._on_each("deliver", deliver_batch, self._core.limits.delivering, clocks)

    async def _on_each(self, kind: str, batch: Batch, limit: int, clocks: Clocks | None) -> int:
        clocks = clocks or await self._clocks()
        await self._fill(kind, clocks)
        done = 0
        for clock, now in clocks:
            visit = partial(_on_clock, batch, self._core, clock, now)
            done += await _visit(self._ring(kind, clock), visit, limit)
        return done

    async def _clocks(self) -> Clocks:
        return await read_clocks(self._core.database, self._core.clock)

    async def _fill(self, kind: str, clocks: Clocks) -> None:
        """Begin a new round on the clocks whose last one is over."""
        empty = [pair for pair in clocks if not self._ring(kind, pair[0])]
        if empty:
            for clock, buckets in (await self._due(kind, empty)).items():
                self._ring(kind, clock).fill(buckets)

    async def _due(self, kind: str, clocks: Clocks) -> dict[int, list[int]]:
        database = self._core.database
        match kind:
            case "advance":
                return await buckets_with_runs(database, clocks)
            case "dates":
                return await buckets_with_planned(database, clocks)
            case "look":
                return await buckets_with_looks(database, clocks)
            case _:
                return await buckets_with_deliveries(database, clocks, self._core.clock.now())

    async def _is_due(self, clocks: Clocks | None, account_id: str | None) -> bool:
        clocks, database = clocks or await self._clocks(), self._core.database
        if await pending_buckets(database, account_id) or await buckets_to_plan(database, account_id):
            return True
        if await in_flight(database, [one for one, _ in clocks]) or await evaluations_open(database, account_id):
            return True
        return any([await self._due(kind, clocks) for kind in ("advance", "dates", "look", "deliver")])

    def _ring(self, kind: str, clock: int) -> BucketRing:
        key = (kind, clock)
        if key not in self._rings:
            self._rings[key] = BucketRing(self._core.name)
        return self._rings[key]

    async def _advance_in_turn(self) -> int:
        """Advance one batch; every so many of them, and an idle or failed look, give deliveries their turn."""
        done = 0
        try:
            done = await self.advance()
        finally:
            self._stepping = done > 0
            self._steps += 1
            if not done or self._steps >= STEPS_A_DELIVERY:
                self._may_deliver.set()
        return done

    async def _deliver_in_turn(self) -> int:
        """Wait for the turn of deliveries and deliver one batch."""
        await self._may_deliver.wait()
        done = await self.deliver()
        if self._stepping and not self._stopping.is_set():
            self._steps = 0
            self._may_deliver.clear()
        return done

    async def _settle(self) -> int:
        """Settle experiments, once a while: finding some is no reason to look again at once."""
        await settle_experiments(self._core)
        return 0

    async def _resolve(self) -> int:
        count = await resolve_leases(self._core)
        if count:
            log.warning("%d deliveries had lapsed leases", count)
        return count

    async def _loop(
        self,
        name: str,
        work: Callable[[], Awaitable[int]],
        longest_rest: float,
        shortest_rest: float = SHORTEST_REST,
    ) -> None:
        rest = shortest_rest
        while not self._stopping.is_set():
            began = stopwatch()
            try:
                done = await work()
            except LOST as error:
                log.warning("%s waits for the database: %s", name, error)
                rest = AFTER_FAILURE
                done = 0
            except Exception:
                log.exception("%s failed", name)
                rest = AFTER_FAILURE
                done = 0
            if done:
                rest = shortest_rest
            else:
                await self._pause(max(rest, LOOK_SHARE * (stopwatch() - began)))
                rest = min(rest * 2, longest_rest)

    async def rest(self) -> None:
        """Rest for a moment while others are at work."""
        await self._pause(SHORTEST_REST)

    async def _pause(self, seconds: float) -> None:
        """Rest, or less when the worker is told to stop meanwhile."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


async def _exhaust(work: Callable[[Given], Awaitable[int]], given: Given) -> int:
    """Carry out batches until one finds nothing; return their sum."""
    total = 0
    while done := await work(given):
        total += done
    return total


async def _on_clock(batch: Batch, core: Core, clock: int, now: datetime, buckets: Sequence[int]) -> int:
    return await batch(core, clock, buckets, now)


async def _visit(ring: BucketRing, work: Callable[[Sequence[int]], Awaitable[int]], limit: int) -> int:
    """Visit groups of buckets until one yields something or the round is over; return how much it was."""
    while ring:
        group = ring.take()
        done = await work(group)
        ring.tell(group, done, limit)
        if done:
            return done
    return 0
