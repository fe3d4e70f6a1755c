"""New and edited segments: working out everybody's place, some buckets at a time.

What is here: a job's slice. What is not: the statements (`storage.segment_evaluation`), keeping the places right
afterwards (`segments`). Nobody enters a flow by it. Source: reference 1.2 (editing triggers nobody), DESIGN section 3.

A slice holds its buckets' locks, so that nobody works on these people meanwhile; done twice it finds no difference.
Whoever changed a person just before the segment was made did not know that it asks: such a change is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from headrace.conditions.facts import Moment
from headrace.conditions.topics import of_group
from headrace.engine.core import Core
from headrace.engine.sweep import LEFT, Slice
from headrace.ids import BUCKETS
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection
from headrace.storage.jobs import Job
from headrace.storage.segment_evaluation import (
    Segment,
    count_people,
    differences,
    have_ended,
    mark_evaluated,
    newest_transaction,
    people_a_bucket,
    plan_looks,
)
from headrace.storage.segment_members import move, note_moves
from headrace.storage.segments import SEGMENT, VERSION

PEOPLE = 20_000
"""Our choice: about how many people a slice works out, so that their buckets are not locked for long."""
LONGEST_WAIT = timedelta(minutes=1)
"""Our choice: how long those are waited for who were writing when the segment was made."""
AFTER, WIDTH = "after", "width"
"""Entries of a job's progress: the mark of the transactions that are waited for, and how many buckets a slice takes."""


@dataclass(slots=True)
class _Done:
    """What one slice did; `stale` tells that the job's version is not the segment's any longer."""

    buckets: Sequence[int] = ()
    people: int = 0
    joined: int = 0
    gone: int = 0
    stale: bool = False


async def evaluate_segment(core: Core, job: Job) -> Slice:
    """Do one slice of working out a segment. Progress counts buckets `done` of 256, `people`, those who `joined` and
    are `gone`. A job of a version that is not the present one ends."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    progress = await _begin(core, job)
    if progress is None:
        return Slice({**job.progress, AFTER: await _mark(core, job)}, over=False, moved=False)
    left: list[int] = progress.get(LEFT, list(range(BUCKETS)))
    group = left[: progress[WIDTH]]
    async with core.database.transaction() as transaction:
        done = await _work(core, transaction, job, account, group)
        core.at("evaluating: before commit")
    core.at("evaluating: after commit")
    left = [one for one in left[len(group) :] + group if one not in set(done.buckets)]
    told = _told(progress, done, left)
    if done.stale or left:
        return Slice(told, over=done.stale, moved=bool(done.buckets))
    async with core.database.transaction() as transaction:
        await mark_evaluated(transaction, job.account_id, job.arguments[SEGMENT], job.arguments[VERSION])
    return Slice(told, over=True, moved=True)


async def _mark(core: Core, job: Job) -> str:
    known: str | None = job.progress.get(AFTER)
    if known is not None:
        return known
    async with core.database.statements() as connection:
        return await newest_transaction(connection)


async def _begin(core: Core, job: Job) -> dict[str, Any] | None:
    """Return the progress to go on from, None while others who were writing before are waited for."""
    if WIDTH in job.progress:
        return dict(job.progress)
    mark = await _mark(core, job)
    async with core.database.statements() as connection:
        if not await have_ended(connection, mark) and core.clock.now() - job.created_at < LONGEST_WAIT:
            return None
        a_bucket = await people_a_bucket(connection, job.account_id, PEOPLE)
    return {**job.progress, AFTER: mark, WIDTH: max(1, min(BUCKETS, PEOPLE // max(1, a_bucket)))}


async def _work(core: Core, transaction: Connection, job: Job, account: AccountTime, group: Sequence[int]) -> _Done:
    locked = await lock_buckets(transaction, group)
    segments = await core.segments.load(transaction, [job.account_id])
    own = segments.get(job.account_id)
    loaded = own.by_id.get(job.arguments[SEGMENT]) if own else None
    if own is None or loaded is None or loaded.version != job.arguments[VERSION]:
        return _Done(stale=True)
    if not locked:
        return _Done()
    segment = Segment(job.account_id, loaded.group_id, loaded.condition, account.account.clock)
    moment = Moment(account.now(core.clock), None, UTC)
    moves = await move(transaction, await differences(transaction, segment, locked, moment))
    await plan_looks(transaction, segment, locked, moment)
    if own.asking((of_group(loaded.group_id),)):
        await note_moves(transaction, moves, core.clock.now())
    joined = sum(one.joins for one in moves)
    return _Done(locked, await count_people(transaction, job.account_id, locked), joined, len(moves) - joined)


def _told(progress: dict[str, Any], done: _Done, left: Sequence[int]) -> dict[str, Any]:
    counted = {"people": done.people, "joined": done.joined, "gone": done.gone}
    sums = {name: progress.get(name, 0) + amount for name, amount in counted.items()}
    return {**progress, LEFT: list(left), "done": BUCKETS - len(left), **sums}
