"""Holding the members that are maintained against a full evaluation, and working out anew what differs.

What is here: the comparison and its repair. What is not: how it is told (`cli.segments`, `doctor`). A person something
of whom is still to be worked out differs for good reason and is left out.
Source: docs/decisions/0012-maintained-segments.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from headrace.clock import stopwatch
from headrace.conditions.facts import Moment
from headrace.engine.core import Core
from headrace.engine.jobs import run_jobs
from headrace.engine.worker import Worker
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.database import Connection
from headrace.storage.segment_cache import LoadedSegment
from headrace.storage.segment_evaluation import Segment, differences, unsettled
from headrace.storage.segment_members import Move
from headrace.storage.segments import accounts_with_segments, evaluations_open, list_segments, request_evaluation

SETTLING_SECONDS = 60.0
"""Our choice: how long a check works off what is pending before it compares what is there."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the members of a segment compare with a full evaluation, by profile ids.

    `missing` should be members and are not, `extra` are members and should not be. `skipped` says why nothing was
    compared, None where it was.
    """

    account_id: str
    segment_id: str
    name: str
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    skipped: str | None = None

    @property
    def differs(self) -> bool:
        """Whether somebody is in the wrong place."""
        return bool(self.missing or self.extra)


async def settle(core: Core, account_id: str, seconds: float = SETTLING_SECONDS) -> None:
    """Work off what is pending in an account, due looks and its jobs, for so many seconds at most.

    Flows are entered by it, as a worker would let people in; no run goes on, and nothing is sent.
    """
    worker, began = Worker(core), stopwatch()
    while stopwatch() - began < seconds:
        done = await worker.enter(account_id) + await worker.look()
        if not done + await run_jobs(core, account_id=account_id):
            if not await evaluations_open(core.database, account_id):
                return
            await worker.rest()


async def compare_all(core: Core) -> list[Comparison]:
    """Compare the segments of every account."""
    found: list[Comparison] = []
    for account_id in await accounts_with_segments(core.database):
        found += await compare(core, account_id)
    return found


async def compare(core: Core, account_id: str, segment_id: str | None = None) -> list[Comparison]:
    """Compare an account's segments, or one of them, with a full evaluation at the account's present moment."""
    async with core.database.transaction() as transaction:
        await transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        time = (await load_accounts(transaction, [account_id]))[account_id]
        now = time.now(core.clock)
        own = (await core.segments.load(transaction, [account_id])).get(account_id)
        rows = await list_segments(transaction, account_id, segment_id)
        found: list[Comparison] = []
        for row in rows:
            named = (account_id, row["group_id"], row["name"])
            segment = own.by_id.get(row["group_id"]) if own else None
            if not row["is_active"] or row["definition"] is None:
                found.append(Comparison(*named, skipped="inactive"))
            elif row["is_processing"]:
                found.append(Comparison(*named, skipped="processing"))
            elif segment is None:
                found.append(Comparison(*named, skipped="unreadable"))
            else:
                wrong = await _differences(transaction, segment, time, now)
                missing = tuple(sorted(one.profile_id for one in wrong if one.joins))
                extra = tuple(sorted(one.profile_id for one in wrong if not one.joins))
                found.append(Comparison(*named, missing, extra))
        return found


async def repair(core: Core, comparisons: Sequence[Comparison]) -> int:
    """Let jobs work out anew the segments that differ or cannot be told; return how many."""
    wrong = [one for one in comparisons if one.differs]
    for one in wrong:
        async with core.database.transaction() as transaction:
            place = (transaction, one.account_id, one.segment_id)
            await request_evaluation(*place, ids=core.ids, system_now=core.clock.now())
    return len(wrong)


async def _differences(transaction: Connection, loaded: LoadedSegment, time: AccountTime, now: datetime) -> list[Move]:
    segment = Segment(loaded.account_id, loaded.group_id, loaded.condition, time.account.clock)
    found = await differences(transaction, segment, Moment(now, None, UTC))
    waiting = await unsettled(transaction, segment, [(one.bucket, one.profile_id) for one in found], now)
    return [one for one in found if one.profile_id not in waiting]
