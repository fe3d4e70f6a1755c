"""New and edited segments: working out everybody's place.

What is here: a job's one slice. What is not: the statements (`storage.segment_evaluation`), keeping the places right
afterwards (`segments`). Nobody enters a flow by it. Source: reference 1.2 (editing triggers nobody), DESIGN section 3.

Everybody's place is worked out by one statement that locks nobody, into a draft. The draft is then carried over, some
buckets at a time, under their locks. To whom something happens meanwhile is not looked at as long as the job goes on: a
look is planned for them, the draft leaves them alone, and the look comes when the job is done. Whoever changed a person
just before the segment was made did not know that it asks: such a change is waited for. A job that dies begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from headrace.conditions.facts import Moment
from headrace.conditions.topics import of_group
from headrace.engine.core import Core
from headrace.engine.sweep import Slice
from headrace.ids import BUCKETS
from headrace.storage import jobs
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.buckets import wait_for_buckets
from headrace.storage.database import Connection
from headrace.storage.jobs import Job
from headrace.storage.segment_cache import LoadedSegment
from headrace.storage.segment_evaluation import (
    Segment,
    carry_over,
    count_people,
    draw_up,
    forget_draft,
    forget_looks,
    have_ended,
    mark_evaluated,
    newest_transaction,
    people_a_bucket,
    still_wanted,
)
from headrace.storage.segment_members import Move, note_moves
from headrace.storage.segments import SEGMENT, VERSION

PEOPLE = 20_000
"""Our choice: about how many people are carried over at once, so that their buckets are not locked for long."""
LONGEST_WAIT = timedelta(minutes=1)
"""Our choice: how long those are waited for who were writing when the segment was made."""
DRAFTING = timedelta(minutes=10)
"""Our choice: after how long a job is taken for dead that is drawing up its draft."""
CARRYING = timedelta(minutes=1)
"""The same for one that carries its draft over."""
AFTER = "after"
"""The entry of a job's progress that holds the mark of the transactions that are waited for."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What a job works out: a version of a segment. `hung_on` tells that other segments ask about it."""

    job: Job
    segment: Segment
    version: int
    hung_on: bool


@dataclass(slots=True)
class _Tally:
    """What was done so far."""

    done: int = 0
    people: int = 0
    joined: int = 0
    gone: int = 0

    def add(self, buckets: int, people: int, moves: Sequence[Move]) -> None:
        """Count some more buckets."""
        joined = sum(one.joins for one in moves)
        self.done += buckets
        self.people += people
        self.joined += joined
        self.gone += len(moves) - joined

    def told(self, job: Job) -> dict[str, Any]:
        """Return the job's progress."""
        counted = {"done": self.done, "people": self.people, "joined": self.joined, "gone": self.gone}
        return {**job.progress, **counted}


async def evaluate_segment(core: Core, job: Job) -> Slice:
    """Work out a segment. Progress counts buckets `done` of 256, `people`, those who `joined` and are `gone`.

    A job of a version that is not the present one ends.
    """
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    mark = job.progress.get(AFTER)
    if mark is None:
        async with core.database.statements() as connection:
            mark = await newest_transaction(connection)
    async with core.database.statements() as connection:
        if not await have_ended(connection, mark) and core.clock.now() - job.created_at < LONGEST_WAIT:
            return Slice({**job.progress, AFTER: mark}, over=False, moved=False)
    async with core.database.keeping() as keeper:
        task = await _task(core, keeper, job, account)
        tally = _Tally()
        try:
            ended = task is None or await _work(core, keeper, task, tally)
        finally:
            await forget_draft(keeper)
    return Slice(tally.told(job), over=ended, moved=tally.done > 0)


async def _task(core: Core, keeper: Connection, job: Job, account: AccountTime) -> _Task | None:
    """Return what the job is to work out, None when there is nothing to work out any longer."""
    own = (await core.segments.load(keeper, [job.account_id])).get(job.account_id)
    loaded: LoadedSegment | None = own.by_id.get(job.arguments[SEGMENT]) if own else None
    if own is None or loaded is None or loaded.version != job.arguments[VERSION]:
        return None
    segment = Segment(job.account_id, loaded.group_id, loaded.condition, account.account.clock)
    hung_on = bool(own.asking((of_group(loaded.group_id),)))
    return _Task(job, segment, loaded.version, hung_on)


async def _work(core: Core, keeper: Connection, task: _Task, tally: _Tally) -> bool:
    """Draw up the draft and carry it over; return whether the job is over: not where somebody else has claimed it.

    Looks are forgotten before the draft is begun: what they were planned for is in the database by then.
    """
    if not await _hold(core, keeper, task, tally, DRAFTING):
        return False
    await forget_looks(keeper, task.segment)
    account = (await load_accounts(keeper, [task.segment.account_id]))[task.segment.account_id]
    moment = Moment(account.now(core.clock), None, UTC)
    await draw_up(keeper, task.segment, moment)
    a_bucket = await people_a_bucket(keeper, task.segment.account_id, PEOPLE)
    width = max(1, min(BUCKETS, PEOPLE // max(1, a_bucket)))
    for first in range(0, BUCKETS, width):
        buckets = range(first, min(first + width, BUCKETS))
        async with keeper.transaction():
            await wait_for_buckets(keeper, buckets)
            if not await _hold(core, keeper, task, tally, CARRYING):
                return False
            if not await still_wanted(keeper, task.segment, task.version):
                return True
            moves = await carry_over(keeper, task.segment, buckets, moment)
            if task.hung_on:
                await note_moves(keeper, moves, core.clock.now())
            tally.add(len(buckets), await count_people(keeper, task.segment.account_id, buckets), moves)
            core.at("evaluating: before commit")
        core.at("evaluating: after commit")
    async with keeper.transaction():
        if not await _hold(core, keeper, task, tally, CARRYING):
            return False
        await mark_evaluated(keeper, task.segment.account_id, task.segment.group_id, task.version)
    return True


async def _hold(core: Core, connection: Connection, task: _Task, tally: _Tally, span: timedelta) -> bool:
    return await jobs.hold(connection, task.job, tally.told(task.job), core.clock.now() + span)
