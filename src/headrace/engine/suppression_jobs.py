"""The jobs that suppress people, by address or all of a list or segment, and take that back, slice by slice.

What is here: both handlers, and that of the members of a list that was deleted. What is not: the shape of requests
(`api.commands`). Progress is written in the transaction of its slice, so that everybody is counted once.

Source: the operations' descriptions; reference 4.3. Our choice: the members are those of when the job was asked for;
who is suppressed already, or was not, counts as skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from headrace.engine.core import Core
from headrace.engine.sweep import Slice
from headrace.storage import identity, jobs, profile_rows
from headrace.storage.account_clocks import load_accounts
from headrace.storage.database import Connection
from headrace.storage.groups import SLICE, page_of_members, take_off_members
from headrace.storage.identity import Identifier, IncomingProfile, Kind
from headrace.storage.jobs import Job
from headrace.storage.resolve import LostRace, Resolver
from headrace.storage.suppressions import Reason, Suppression, suppress, unsuppress

SUPPRESS = "suppress-profiles"
UNSUPPRESS = "unsuppress-profiles"
"""The kinds of job."""
MEMBERS = 500
"""People of one slice of a list or segment."""
RACES = 20


def arguments(asked_at: datetime, emails: Sequence[str], list_id: str | None, segment_id: str | None) -> dict[str, Any]:
    """Return the arguments of a job; `asked_at` is the account's time."""
    return {"asked_at": asked_at.isoformat(), "emails": list(emails), "list_id": list_id, "segment_id": segment_id}


async def change_suppressions(core: Core, job: Job) -> Slice:
    """Suppress a slice of people, or lift their manual suppression."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    for _ in range(RACES):
        try:
            async with core.database.transaction() as transaction:
                done = await _slice(core, transaction, job, account.now(core.clock))
                if not await jobs.keep_progress(transaction, job, done.progress):
                    raise RuntimeError(f"a slice of job {job.job_id} was done by somebody else meanwhile")
                await jobs.forget_argument(transaction, job.job_id, "emails")
            return done
        except (LostRace, asyncpg.DeadlockDetectedError):
            continue
    raise RuntimeError(f"a slice of job {job.job_id} lost {RACES} races for its identifiers")


async def _slice(core: Core, transaction: Connection, job: Job, now: datetime) -> Slice:
    group_id = job.arguments["list_id"] or job.arguments["segment_id"]
    progress: dict[str, Any] = {"completed": 0, "skipped": 0, **job.progress, "failures": 0}
    if group_id is None:
        emails = job.arguments.get("emails", ())
        people, seen, over = await _people(core, transaction, job, now), len(emails), True
        if len(await profile_rows.keep(transaction, job.account_id, people)) < len(people):
            raise LostRace  # somebody was merged or deleted meanwhile
    else:
        asked_at = datetime.fromisoformat(job.arguments["asked_at"])
        after = progress.get("after")
        place = (datetime.fromisoformat(after[0]), after[1]) if after else None
        page = await page_of_members(transaction, job.account_id, group_id, asked_at, place, MEMBERS)
        people, seen, over = [row["profile_id"] for row in page], len(page), len(page) < MEMBERS
        if page:
            progress["after"] = [page[-1]["joined_at"].isoformat(), page[-1]["profile_id"]]
    changed = len(await _change(transaction, job, people, now))
    progress["completed"] += changed
    progress["skipped"] += seen - changed
    return Slice(progress, over=over, moved=True)


async def _change(transaction: Connection, job: Job, people: Sequence[str], now: datetime) -> set[str]:
    if job.kind == SUPPRESS:
        at = datetime.fromisoformat(job.arguments["asked_at"])  # so that whoever subscribes after it is free
        wanted = [Suppression(one, Reason.USER_SUPPRESSED, at) for one in people]
        return await suppress(transaction, job.account_id, wanted, now)
    return await unsuppress(transaction, job.account_id, people, [Reason.USER_SUPPRESSED], now) if people else set()


async def _people(core: Core, transaction: Connection, job: Job, now: datetime) -> list[str]:
    """Return the profiles of the addresses; to be suppressed, those that are unknown are made."""
    emails = job.arguments.get("emails", ())
    if job.kind == SUPPRESS:
        resolver = Resolver(transaction, job.account_id, core.ids, now)
        answers = await resolver.resolve([IncomingProfile(email=one) for one in emails])
        return sorted({one for one in answers if isinstance(one, str)})
    wanted = [Identifier(Kind.EMAIL, one) for email in emails if (one := identity.normal_email(email))]
    return sorted(set((await identity.find(transaction, job.account_id, wanted)).values()))


async def take_off_list(core: Core, job: Job) -> Slice:
    """Take a slice of the members of a deleted list off it."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    async with core.database.transaction() as transaction:
        place = (transaction, job.account_id, job.arguments["list_id"])
        gone = await take_off_members(*place, account.now(core.clock), core.clock.now())
    progress = {**job.progress, "taken_off": job.progress.get("taken_off", 0) + gone}
    return Slice(progress, over=gone < SLICE, moved=gone > 0)
