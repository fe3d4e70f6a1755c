"""The job that makes and changes profiles in bulk, slice by slice.

What is here: one slice. What is not: checking what was sent, which is done before the job is queued
(`api.commands.profile_imports`), and the rows (`storage.job_items`). People, their places on lists and what came of
the rows are written in one transaction, so that a slice that is done again finds nothing left to do.
Source: the operation's description.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace.engine.core import Core
from headrace.engine.sweep import Slice
from headrace.storage import job_items
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.consenting import Source, add_to_list, make_room
from headrace.storage.database import Connection, Row
from headrace.storage.job_items import Settled
from headrace.storage.jobs import Job
from headrace.storage.own_events import Room
from headrace.storage.profile_wishes import Result, Written, problem_of, wish_from
from headrace.storage.profiles import racing, write_profiles

IMPORT = "profile-bulk-import-job"
"""The kind of job."""
ROWS = "/data/attributes/profiles/data"
"""Where the profiles stand in the request."""
PEOPLE = 500
"""Profiles of one slice."""

LISTS, TOTAL, KEY_END = "lists", "total", "key_end"
"""Arguments: the lists that people are put on, how many rows there are, and the last letters of the caller's key."""
COMPLETED, FAILED, STARTED = "completed", "failed", "started_at"
"""Entries of the job's progress."""


async def import_profiles(core: Core, job: Job) -> Slice:
    """Make or change the people of the rows that come next."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    lists = job.arguments.get(LISTS, ())
    now = account.now(core.clock)
    count = PEOPLE * len(lists)
    room = await make_room(core.own_events, job.account_id, count, [now]) if lists else None

    async def attempt(transaction: Connection) -> Slice:
        # What an attempt that lost a race has drawn of the serials is gone.
        fresh = room and replace(room, serials=iter(await core.serials.take(count)))
        return await _slice(core, transaction, job, account, fresh)

    return await racing(core.database, attempt)


async def _slice(core: Core, transaction: Connection, job: Job, account: AccountTime, room: Room | None) -> Slice:
    rows = await job_items.next_items(transaction, job.account_id, job.job_id, PEOPLE)
    if rows:
        now = account.now(core.clock)
        wishes = [wish_from(row["item"]) for row in rows]
        results = await write_profiles(transaction, job.account_id, core.ids, wishes, now)
        people = sorted({one.profile_id for one in results if isinstance(one, Written)})
        if room is not None and people:
            source = Source("api", job.arguments.get(KEY_END, ""))
            for list_id in job.arguments[LISTS]:
                await add_to_list(transaction, room, list_id, people, now, source)
        await job_items.settle_items(transaction, job.account_id, job.job_id, _settled(rows, results))
    core.at("profile import: slice written")
    completed, failed = await job_items.count_items(transaction, job.account_id, job.job_id)
    started = job.progress.get(STARTED) or core.clock.now().isoformat()
    progress = {COMPLETED: completed, FAILED: failed, STARTED: started}
    return Slice(progress, over=completed + failed >= job.arguments.get(TOTAL, 0), moved=bool(rows))


def _settled(rows: Sequence[Row], results: Sequence[Result]) -> list[Settled]:
    found: list[Settled] = []
    for row, result in zip(rows, results, strict=True):
        if isinstance(result, Written):
            found.append(Settled(row["number"], result.profile_id))
        else:
            found.append(Settled(row["number"], problem=problem_of(result, f"{ROWS}/{row['number']}")))
    return found
