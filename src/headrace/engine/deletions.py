"""Deleting a person for good: what the request does at once, and the job that removes the rest.

    request: rows of imports that wait -> bucket locked -> profile, identifiers, consent, memberships, pending -> job
    job:     bucket locked -> runs end, messages are withdrawn -> next deliveries, runs, events, jobs' rows -> ...

From the request's commit on nobody has that id or address: whoever comes back with it is a new person, and a run or
message of the deleted one that is looked at in between ends as "Person Deleted". What arrives for the old id from a
request that looked before and wrote after it is removed, too (`strays`). One thing cannot be found any more: that a
filter refused an entry by a date; its row in the journal names nobody and goes by the journal's retention.
An import that was queued before the request brings nobody back: its rows that name the person are settled first.
Source: reference 7 (data privacy), 1.8.

Our choice: nothing is kept, not even that the person had unsubscribed, because any such mark would be a trace of who
they were. Whoever imports that address anew makes a person without consent or suppression; to keep an address from
being mailed, suppress the person instead of deleting them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from headrace.engine.core import Core
from headrace.engine.merges import Parts, end_runs, too_busy, wait_no_longer
from headrace.engine.sweep import Slice
from headrace.errors import NotFound
from headrace.ids import bucket_of
from headrace.storage import deletions, identity, jobs
from headrace.storage.account_clocks import load_accounts
from headrace.storage.aliases import follow_one
from headrace.storage.buckets import wait_for_buckets
from headrace.storage.database import Connection
from headrace.storage.deletion_imports import Names, names_of, settle_rows
from headrace.storage.deletions import Person
from headrace.storage.identity import Identifier
from headrace.storage.jobs import Job
from headrace.storage.merges import lock_profiles
from headrace.storage.profile_rows import existing
from headrace.storage.step_counts import Key, add_counts

DELETE = "delete-person"
"""The kind of job."""
EXITED = "person_deleted"
SKIPPED = "Person Deleted"
"""Why runs end and messages are skipped. Source: reference 1.8."""
ATTEMPTS = 5
"""How often a request begins anew because the person changed while their bucket was waited for."""
JOBS_AT_ONCE = 20
REST = timedelta(seconds=2)
"""How long the job rests while a message is in a worker's hands."""


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a request means: a profile id (also of a profile that was merged), or an address or number."""

    profile_id: str | None = None
    identifier: Identifier | None = None

    def __str__(self) -> str:
        return self.profile_id or (self.identifier.value if self.identifier else "")


class _Changed(Exception):
    """The person was merged, or got another address, while what they held was waited for."""


async def request_deletion(
    parts: Parts, account_id: str, named: Named, now: datetime, system_now: datetime, pointer: str | None = None
) -> str:
    """Delete a person and return the id of the job that removes what is left; durable on return.

    Raises `NotFound`, at `pointer`, when the account has nobody of that id, address or number, and `Unavailable` where
    the engine holds the bucket for too long.
    """
    for _ in range(ATTEMPTS):
        try:
            async with parts.database.transaction() as transaction:
                await wait_no_longer(transaction)
                names = await _settle_rows(transaction, account_id, named, pointer)
                profile_id = await _lock(transaction, account_id, named)
                if not names.cover(await names_of(transaction, account_id, profile_id)):
                    raise _Changed
                return await _delete(parts, transaction, Person(account_id, profile_id), now, system_now)
        except (asyncpg.TransactionRollbackError, _Changed):
            continue
        except asyncpg.LockNotAvailableError:
            break
    raise too_busy()


async def _delete(parts: Parts, transaction: Connection, person: Person, now: datetime, system_now: datetime) -> str:
    old_ids, values = await deletions.delete_identity(transaction, person)
    await deletions.delete_small(transaction, person, parts.ids, now)
    arguments = {"profile_ids": [person.profile_id, *old_ids], "values": values}
    return await jobs.enqueue(transaction, person.account_id, parts.ids, DELETE, arguments, system_now)


async def _settle_rows(transaction: Connection, account_id: str, named: Named, pointer: str | None) -> Names:
    """Settle the rows of imports that name the person, before anything else is held; return what they looked for."""
    profile_id = await _find(transaction, account_id, named)
    if profile_id is None:
        raise NotFound(f'There is no profile "{named}" in this account.', pointer=pointer)
    names = await names_of(transaction, account_id, profile_id)
    await settle_rows(transaction, account_id, names)
    return names


async def _lock(transaction: Connection, account_id: str, named: Named) -> str:
    """Lock the bucket and the row of the profile that is meant and return its id.

    Raises `_Changed` where it is gone, or has been merged while its bucket was waited for: then look again.
    """
    profile_id = await _find(transaction, account_id, named)
    if profile_id is None:
        raise _Changed
    await wait_for_buckets(transaction, [bucket_of(profile_id)])
    if not await lock_profiles(transaction, account_id, (profile_id,)):
        raise _Changed
    return profile_id


async def _find(transaction: Connection, account_id: str, named: Named) -> str | None:
    if named.identifier is not None:
        found = await identity.find(transaction, account_id, [named.identifier])
        return found.get(named.identifier)
    profile_id = await follow_one(transaction, account_id, named.profile_id or "")
    return profile_id if await existing(transaction, account_id, {profile_id}) else None


async def delete_person(core: Core, job: Job) -> Slice:
    """Remove one part of what is left of a person, in one transaction; the job is over when nothing is."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    ids = [str(one) for one in job.arguments.get("profile_ids", ())]
    if account is None or not ids:
        return Slice({}, over=True, moved=False)
    now = account.now(core.clock)
    await core.partitions.ensure("journal", {now})
    people = [Person(job.account_id, one) for one in ids]
    async with core.database.transaction() as transaction:
        await wait_for_buckets(transaction, [bucket_of(one) for one in ids])
        await deletions.delete_identifiers(transaction, job.account_id, ids)
        done = [await _delete_rows(core, transaction, person, now) for person in people]
        flying = any([await deletions.has_in_flight(transaction, person) for person in people])
        step = (
            await _finish(transaction, core, job, ids, flying)
            if not sum(done)
            else Slice(
                {**job.progress, "deleted": int(job.progress.get("deleted", 0)) + sum(done)}, over=False, moved=True
            )
        )
        core.at("delete: before commit")
    core.at("delete: after commit")
    return step


async def _delete_rows(core: Core, transaction: Connection, person: Person, now: datetime) -> int:
    """Remove a bounded number of a person's rows and return how many; the caller holds their bucket."""
    await _end(transaction, person, now)
    await deletions.delete_small(transaction, person, core.ids, now)
    count = await deletions.anonymize_deliveries(transaction, person, core.ids)
    count += await deletions.delete_runs(transaction, person)
    return count + await deletions.delete_events(transaction, person)


async def _end(transaction: Connection, person: Person, now: datetime) -> None:
    """Withdraw what waits to be sent and let the person out of every flow, and count both."""
    counts: Counter[Key] = Counter()
    for flow_id, action_id in await deletions.withdraw_deliveries(transaction, person, SKIPPED):
        counts[person.account_id, flow_id, action_id, "skipped", SKIPPED] += 1
        counts[person.account_id, flow_id, action_id, "passed", ""] -= 1
    counts.update(await end_runs(transaction, await deletions.live_runs(transaction, person), now, EXITED))
    await add_counts(transaction, counts)


async def _finish(transaction: Connection, core: Core, job: Job, ids: Sequence[str], flying: bool) -> Slice:
    """Wait for messages in flight; then clean the rows of jobs, and at last forget whom this one was about."""
    if flying:
        return Slice(job.progress, over=False, moved=False, not_before=core.clock.now() + REST)
    values = [str(one) for one in job.arguments.get("values", ())]
    after = str(job.progress.get("cleaned", ""))
    last = await deletions.clean_jobs(transaction, job.account_id, after, ids, values, JOBS_AT_ONCE)
    if last is not None:
        return Slice({**job.progress, "cleaned": last}, over=False, moved=True)
    await deletions.delete_aliases(transaction, job.account_id, ids)
    await deletions.forget_job(transaction, job.job_id)
    return Slice({"deleted": job.progress.get("deleted", 0)}, over=True, moved=True)
