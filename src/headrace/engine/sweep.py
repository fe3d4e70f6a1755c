"""Working through all buckets, slice by slice: what the jobs that touch many runs of a flow have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from headrace.engine.core import Core
from headrace.ids import BUCKETS
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection
from headrace.storage.jobs import Job

WIDTH = 32
"""Buckets that a slice tries to lock."""
LEFT = "left"
"""The entry of a job's progress that lists the buckets to come."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What became of one slice: how far the job has come, whether it is over, and whether anything was done.

    A job that waits for something else rests until `not_before` (system time).
    """

    progress: Mapping[str, Any]
    over: bool
    moved: bool
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one slice works on: the caller's transaction holds the locks of these buckets."""

    transaction: Connection
    buckets: Sequence[int]
    account: AccountTime
    now: datetime
    limit: int


Work: TypeAlias = Callable[[Batch], Awaitable[int]]
"""Works on at most `limit` runs and returns how many; fewer than `limit` means that its buckets are done."""


async def sweep(core: Core, job: Job, work: Work, counted: str) -> Slice:
    """Do one slice of a job that visits every bucket once, in one transaction.

    Buckets that somebody else holds are left for later. Progress holds the buckets to come and, as `counted`, how many
    runs were worked on. Should the account be gone, the job is over.
    """
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    now = account.now(core.clock)
    await core.partitions.ensure("journal", {now})
    left: list[int] = job.progress.get(LEFT, list(range(BUCKETS)))
    group = left[:WIDTH]
    async with core.database.transaction() as transaction:
        locked = await lock_buckets(transaction, group)
        batch = Batch(transaction, locked, account, now, core.limits.advancing)
        count = await work(batch) if locked else 0
    done = set(locked) if count < core.limits.advancing else set()
    left = [one for one in left[WIDTH:] + group if one not in done]
    progress = {counted: job.progress.get(counted, 0) + count, LEFT: left}
    return Slice(progress, over=not left, moved=bool(count or done))
