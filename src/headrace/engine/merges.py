"""Merging two profiles: what the request decides at once, and the job that moves the rest.

    request: both buckets locked -> alias, identifiers, attributes -> runs settled -> newest rows moved -> job
    job:     both buckets locked -> next rows moved, the newest first -> ... until nothing is left

From the request's commit on there is one person: the old id leads to the new one, and whoever waits somewhere waits as
the new profile. What the job still has to move is old history, of people with more than a thousand events, deliveries
or runs; until it has, a condition about that long ago sees a part of it. What arrives for the old profile in spite of
that, from a request that looked before the merge and wrote after it, is moved where it is found (`strays`).
Source: DESIGN section 8 (identity). Our choice: everything about which of two answers wins, see the functions.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import asyncpg

from headrace.conditions.topics import EVERYTHING
from headrace.engine.core import Core
from headrace.engine.exits import GAUGES
from headrace.engine.sweep import Slice
from headrace.engine.wake import Wake
from headrace.errors import Invalid, NotFound, Unavailable
from headrace.flows.reentry import ALWAYS, Reentry
from headrace.ids import IdSource, bucket_of
from headrace.model import Account, RunState
from headrace.storage import jobs, merge_rows, merges
from headrace.storage.account_clocks import load_accounts
from headrace.storage.aliases import follow, follow_one
from headrace.storage.buckets import wait_for_buckets
from headrace.storage.database import Connection, Database, Row
from headrace.storage.flow_cache import FlowCache
from headrace.storage.jobs import Job
from headrace.storage.journal import insert_journal
from headrace.storage.merge_rows import Move
from headrace.storage.metrics import Metrics
from headrace.storage.noting import note_changed
from headrace.storage.own_events import OwnEvent, OwnEvents, Room, write_own_events
from headrace.storage.partitions import Partitions
from headrace.storage.runs import update_runs
from headrace.storage.serials import Serials
from headrace.storage.step_counts import Key, add_counts

MERGE = "merge-profiles"
"""The kind of job."""
MERGED_PROFILE = "Merged Profile"
"""The metric. Source: reference 5.2."""
PROFILE_MERGED = "profile_merged"
"""Why a run ends whose flow the destination is, or was, in itself."""
ALREADY_THERE = "Profile Merged"
"""Why its messages that were not sent yet are skipped."""

LIVE = (RunState.WAITING, RunState.PARKED, RunState.HELD)
"""Runs that are not over."""

INTO_AT = "/data/id"
SOURCE_AT = "/data/relationships/profiles/data/0/id"
PATIENCE = "20s"
"""Our choice: how long a request waits for the engine, whose batches take a second at most, 20 seconds."""
PAUSES = (0.01, 0.05, 0.2, 0.5)
"""Seconds before a merge that met another one begins anew."""


class Parts(Protocol):
    """What merging needs of a process: `Core` has it, and so have the services of the API."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def ids(self) -> IdSource:
        """Where ids come from."""

    @property
    def partitions(self) -> Partitions:
        """Who makes partitions."""

    @property
    def serials(self) -> Serials:
        """Where serials of events come from."""

    @property
    def metrics(self) -> Metrics:
        """Who knows metrics by name."""


async def wait_no_longer(transaction: Connection) -> None:
    """Bound how long a request waits for buckets that the engine is working on."""
    await transaction.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")


def too_busy() -> Unavailable:
    """Return the problem of a request that waited for a bucket in vain."""
    return Unavailable("The engine is working on these people just now; nothing was changed. Try again in a moment.")


class _Moved(Exception):
    """One of the profiles was merged while its bucket was waited for."""


async def request_merge(
    parts: Parts, account: Account, source: str, into: str, now: datetime, system_now: datetime
) -> str:
    """Merge the profile `source` into `into` and return the id of the one that remains; durable on return.

    `into` may itself have been merged: its present profile counts. A merge that was done before is answered alike, so
    that asking twice, or two profiles into each other at once, ends well. Raises `Invalid` for a profile into itself,
    `NotFound` for one that the account does not have, or that was merged into somebody else, and `Unavailable` where
    the engine holds their buckets for too long.
    """
    if source == into:
        raise Invalid(f'The profile "{source}" cannot be merged into itself; name two profiles.', pointer=SOURCE_AT)
    own = OwnEvents(parts.metrics, parts.serials, parts.partitions)
    await parts.partitions.ensure("journal", {now})
    for pause in (*PAUSES, None):
        room = await own.room(account.account_id, [MERGED_PROFILE], 1, {now})
        try:
            async with parts.database.transaction() as transaction:
                return await _merge(parts, transaction, account, (source, into), room, now, system_now)
        except asyncpg.LockNotAvailableError:
            raise too_busy() from None
        except (_Moved, asyncpg.TransactionRollbackError):
            if pause is None:
                raise too_busy() from None
            await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


async def _merge(
    parts: Parts,
    transaction: Connection,
    account: Account,
    named: tuple[str, str],
    room: Room,
    now: datetime,
    system_now: datetime,
) -> str:
    source, into = await _lock(transaction, account.account_id, named)
    if source == into:
        return into
    move = Move(account.account_id, source, into)
    await _settle_runs(transaction, move, now)
    await merges.join_profiles(transaction, move, now)
    await move_rows(transaction, move)
    await note_changed(transaction, move.account_id, {into: {EVERYTHING}}, now, starts_nothing=True)
    properties = {"Source Profile ID": source, "Destination Profile ID": into}
    event = OwnEvent(into, MERGED_PROFILE, now, properties, key=source)
    await write_own_events(transaction, room, [event], now)
    await enqueue_merge(transaction, parts.ids, move, system_now)
    return into


async def _lock(transaction: Connection, account_id: str, named: tuple[str, str]) -> tuple[str, str]:
    """Lock both profiles, as they are named now, and return their ids; one and the same where they are one already."""
    await wait_no_longer(transaction)
    before = await follow(transaction, account_id, named)
    source, into = named[0], before.get(named[1], named[1])
    await wait_for_buckets(transaction, [bucket_of(source), bucket_of(into)])
    if before != await follow(transaction, account_id, named):
        raise _Moved
    there = await merges.lock_profiles(transaction, account_id, (source, into))
    if into not in there:
        raise NotFound(f'There is no profile with the id "{named[1]}" to merge into.', pointer=INTO_AT)
    if before.get(source) == into:
        return into, into
    if source in before:
        raise NotFound(
            f'The profile "{source}" was merged into the profile "{before[source]}".',
            pointer=SOURCE_AT,
            meta={"merged_into": before[source]},
        )
    if source not in there:
        raise NotFound(f'There is no profile with the id "{source}" to merge from.', pointer=SOURCE_AT)
    return source, into


async def enqueue_merge(transaction: Connection, ids: IdSource, move: Move, system_now: datetime) -> str:
    """Ask for the job that moves what is left of a merged profile; return its id."""
    arguments = {"source": move.source, "into": move.into}
    return await jobs.enqueue(transaction, move.account_id, ids, MERGE, arguments, system_now)


# --- runs ---------------------------------------------------------------------------------------------------------


async def _settle_runs(transaction: Connection, move: Move, now: datetime) -> None:
    """End those runs of the source that the destination's own entries leave no room for.

    Our choice: the question is that of re-entry, asked of both entries as those of one person. Where the flow would
    have let them in for both, as flows of a metric do for each event, both runs go on; otherwise the destination's
    stays, be it waiting or over, and the source's ends together with what it has not sent yet, so that nobody gets a
    message twice. Runs that no event began end as well where the destination's own one is not over, or led to the same
    date. What the source has done counts as the destination's from now on.
    """
    live = await merges.live_runs(transaction, move)
    if not live:
        return
    flows = await FlowCache().load(transaction, {row["flow_id"] for row in live})
    entries = await merges.entries_of(transaction, move, set(flows))
    rules = {flow_id: flow.compiled.reentry if flow.compiled else ALWAYS for flow_id, flow in flows.items()}
    ending = [row for row in live if _excluded(rules.get(row["flow_id"], ALWAYS), row, entries.get(row["flow_id"], ()))]
    if ending:
        counts: Counter[Key] = Counter()
        skipped = await merges.withdraw_deliveries(transaction, move, [row["run_id"] for row in ending], ALREADY_THERE)
        for flow_id, action_id in skipped:
            counts[move.account_id, flow_id, action_id, "skipped", ALREADY_THERE] += 1
            counts[move.account_id, flow_id, action_id, "passed", ""] -= 1
        counts.update(await end_runs(transaction, ending, now, PROFILE_MERGED))
        await add_counts(transaction, counts)


def _excluded(rule: Reentry, row: Row, others: Sequence[Row]) -> bool:
    """Tell whether one of the other profile's runs through the same flow takes this one's place."""
    return any(_takes_place(rule, row, other) for other in others)


def _takes_place(rule: Reentry, row: Row, other: Row) -> bool:
    at, entered_at = row["entered_at"], other["entered_at"]
    if not rule.allows(min(at, entered_at), max(at, entered_at)):
        return True
    if row["event_number"] is not None:
        return False
    return other["state"] in LIVE or (row["target_on"] is not None and row["target_on"] == other["target_on"])


async def end_runs(transaction: Connection, rows: Sequence[Row], now: datetime, reason: str) -> dict[Key, int]:
    """End runs that wait, are parked or held, whose buckets the caller holds; return what that adds to the counts."""
    counts: Counter[Key] = Counter()
    wakes = [Wake(row, now) for row in rows]
    for wake in wakes:
        # Who leaves early has not passed the delay that they are in.
        wake.counted = list(GAUGES.get(wake.row["state"], ()))
        wake.exit(reason)
        for action_id, counter, detail, amount in _counted(wake):
            counts[wake.account_id, wake.flow_id, action_id, counter, detail] += amount
    await insert_journal(transaction, [entry for wake in wakes for entry in wake.journal])
    await update_runs(transaction, [wake.update() for wake in wakes])
    return dict(counts)


def _counted(wake: Wake) -> list[tuple[int, str, str, int]]:
    """Return what ending a run counts; only one that waits stands in the gauge of its delay."""
    if wake.row["state"] == RunState.WAITING:
        return list(wake.counts())
    return wake.counted


# --- rows ---------------------------------------------------------------------------------------------------------


async def move_rows(transaction: Connection, move: Move, limit: int = merge_rows.NEWEST) -> int:
    """Move a bounded part of what is kept about the source, the newest first; return how many rows, 0 at the end.

    The caller holds both buckets. What live runs look at, what waits to be sent and what small tables hold goes whole.
    """
    deliveries, needed = await merge_rows.move_deliveries(transaction, move, limit)
    runs = await merge_rows.move_runs(transaction, move, needed, limit)
    pending = await merge_rows.move_pending(transaction, move)
    await merge_rows.move_small(transaction, move)
    await merges.move_identifiers(transaction, move)
    keys = await merge_rows.move_event_keys(transaction, move, 10 * limit)
    events = await merge_rows.move_newest_events(transaction, move, limit)
    return deliveries + runs + pending + keys + events


async def merge_profiles(core: Core, job: Job) -> Slice:
    """Move one part of what is left of a merged profile, in one transaction; the job is over when none is."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    source = str(job.arguments["source"])
    async with core.database.transaction() as transaction:
        into = await follow_one(transaction, job.account_id, source)
        await wait_for_buckets(transaction, [bucket_of(source), bucket_of(into)])
        if into != await follow_one(transaction, job.account_id, source):
            return Slice(job.progress, over=False, moved=True)
        move = Move(job.account_id, source, into)
        if source == into or not await merges.lock_profiles(transaction, job.account_id, (into,)):
            return Slice(job.progress, over=True, moved=False)  # whoever deletes the person takes the rest along
        moved = await move_rows(transaction, move)
        if moved:
            now = account.now(core.clock)
            await note_changed(transaction, job.account_id, {into: {EVERYTHING}}, now, starts_nothing=True)
        core.at("merge: before commit")
    core.at("merge: after commit")
    progress = {"moved": int(job.progress.get("moved", 0)) + moved}
    return Slice(progress, over=not moved, moved=bool(moved))
