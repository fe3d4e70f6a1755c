"""Entering: what follows from what happened to people. The consumer of `pending`.

Bucket by bucket and in order within a profile, one transaction per batch attributes conversions, notes when each person
was last heard of, brings segments up to date, starts runs, plans date-based entries anew, notes the events' properties
and deletes the pending rows.
Source: DESIGN section 3 (ingest), reference 1.2-1.4.

A run begins at the second in which its event was accepted or its group was joined, and its first step is due at once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Need
from headrace.conditions.topics import EVERYTHING, PROPERTY, of_metric
from headrace.engine.core import Core
from headrace.engine.dates import replan_people
from headrace.engine.entry import Attempt
from headrace.engine.faults import LOST, told
from headrace.engine.guard import hold_bursts
from headrace.engine.loading import load_needs
from headrace.engine.openings import Openings, awaits_row, load_openings, matches
from headrace.engine.segments import reevaluate
from headrace.engine.strays import without_strays
from headrace.flows.reentry import ALWAYS
from headrace.model import Event
from headrace.reports.attribution import WINDOWS
from headrace.storage.account_clocks import load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.conversions import Candidate, attribute_conversions
from headrace.storage.database import Connection, Row
from headrace.storage.facts import load_bare_events, load_events, load_profiles
from headrace.storage.journal import Entry, insert_journal
from headrace.storage.last_events import note_last_events
from headrace.storage.pending import Kind, claim_pending, delete_pending, is_pending, postpone_pending
from headrace.storage.runs import insert_runs, last_entries
from headrace.storage.segment_cache import AccountSegments
from headrace.storage.step_counts import FLOW, Key, add_counts

log = logging.getLogger(__name__)


async def enter_batch(core: Core, buckets: Sequence[int], account_id: str | None = None) -> int:
    """Work out the consequences of at most one batch of what happened, in one account if given; return how many.

    Raises what the database raises when it is away. A batch that fails otherwise is worked through event by event; what
    fails alone stays pending, behind all others, and its error is raised when nothing else was done.
    """
    rows: list[Row] = []
    try:
        async with core.database.transaction() as transaction:
            locked = await lock_buckets(transaction, buckets)
            rows = await claim_pending(transaction, locked, core.limits.entering, account_id) if locked else []
            await _work_out(core, transaction, rows)
            core.at("enter: before commit")
    except LOST:
        raise
    except Exception:
        if len(rows) <= 1:
            raise
        return await _one_by_one(core, rows)
    core.at("enter: after commit")
    return len(rows)


async def _one_by_one(core: Core, rows: Sequence[Row]) -> int:
    failure: Exception | None = None
    done = 0
    for row in rows:
        try:
            async with core.database.transaction() as transaction:
                locked = await lock_buckets(transaction, [row["bucket"]])
                if locked and await is_pending(transaction, row):
                    await _work_out(core, transaction, [row])
                    done += 1
        except LOST:
            raise
        except Exception as error:
            log.exception("what happened to profile %s (%s) waits for its consequences", row["profile_id"], row["seq"])
            failure = error
            async with core.database.transaction() as transaction:
                await postpone_pending(transaction, row)
    if failure is not None and not done:
        raise failure
    return done


async def _work_out(core: Core, transaction: Connection, rows: Sequence[Row]) -> None:
    rows = await without_strays(core, transaction, rows)
    if not rows:
        return
    openings = await load_openings(core, transaction, rows)
    happened = [row for row in rows if row["kind"] == Kind.EVENT]
    segments = await core.segments.load(transaction, {row["account_id"] for row in happened})
    events, names = await _events(transaction, happened, openings, segments)
    await _attribute(transaction, happened, events)
    await note_last_events(transaction, happened)
    await reevaluate(core, transaction, rows, events)
    attempts = await _attempts(core, transaction, rows, events, openings)
    if attempts:
        await core.partitions.ensure("journal", {attempt.entered_at for attempt in attempts})
        await Entering().carry_out(transaction, attempts)
    changed = [(row["bucket"], row["account_id"], row["profile_id"]) for row in rows if _may_move_a_date(row)]
    if changed:
        await replan_people(core, transaction, changed)
    await core.properties.note(transaction, happened, events, names)
    await delete_pending(transaction, rows)


def _may_move_a_date(row: Row) -> bool:
    """Tell whether a row tells of a change of the person's own data."""
    if row["kind"] != Kind.CHANGED:
        return False
    topics = row["topics"]
    return topics is None or any(topic == EVERYTHING or topic.startswith(PROPERTY) for topic in topics)


async def _events(
    transaction: Connection, rows: Sequence[Row], openings: Openings, segments: Mapping[str, AccountSegments]
) -> tuple[dict[tuple[str, int], Event], Mapping[tuple[str, int], Sequence[str]]]:
    """Load the batch's events; their properties only for those that some flow waits for or some segment asks about.

    Of the others, the names of their properties are loaded, which come second.
    """
    waited: list[Row] = []
    others: list[Row] = []
    for row in rows:
        (waited if awaits_row(openings, row) or _is_asked_about(segments, row) else others).append(row)
    events, names = await load_bare_events(transaction, [_key(row) for row in others])
    return events | await load_events(transaction, [_key(row) for row in waited]), names


def _is_asked_about(segments: Mapping[str, AccountSegments], row: Row) -> bool:
    own = segments.get(row["account_id"])
    return own is not None and of_metric(row["metric_id"]) in own.by_topic


def _key(row: Row) -> tuple[int, str, str, str, datetime, int]:
    place = (row["bucket"], row["account_id"], row["profile_id"], row["metric_id"])
    return (*place, row["occurred_at"], row["number"])


async def _attribute(transaction: Connection, rows: Sequence[Row], events: Mapping[tuple[str, int], Event]) -> None:
    by_account: defaultdict[str, list[Candidate]] = defaultdict(list)
    for row in rows:
        event = events.get((row["profile_id"], row["number"]))
        value = event.value if event else None
        place = (row["bucket"], row["profile_id"], row["metric_id"], row["number"], row["occurred_at"])
        by_account[row["account_id"]].append(Candidate(*place, value))
    for account_id, candidates in sorted(by_account.items()):
        await attribute_conversions(transaction, account_id, candidates, WINDOWS)


async def _attempts(
    core: Core,
    transaction: Connection,
    rows: Sequence[Row],
    events: Mapping[tuple[str, int], Event],
    openings: Openings,
) -> list[Attempt]:
    """Return every (happening, flow) whose trigger matches, in order."""
    found = list(matches(rows, events, openings))
    if not found:
        return []
    accounts = await load_accounts(transaction, {one.row["account_id"] for one in found})
    people = await load_profiles(
        transaction, {(one.row["bucket"], one.row["account_id"], one.row["profile_id"]) for one in found}
    )
    attempts = []
    for one in found:
        account_id = one.row["account_id"]
        profile = people.get((account_id, one.row["profile_id"]))
        if profile is not None:
            account = accounts[account_id].account
            attempts.append(Attempt(core, one.row, one.event, one.flow, account, profile, one.error))
    return attempts


@dataclass(slots=True)
class Entering:
    """The entries of a batch, and the notes about those who do not enter."""

    entering: list[Attempt] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    counts: dict[Key, int] = field(default_factory=dict)

    async def carry_out(self, transaction: Connection, attempts: Sequence[Attempt]) -> None:
        """Decide each attempt in order and write down what came of it."""
        await self._decide(transaction, attempts)
        await hold_bursts(transaction, self.entering)
        begun = await insert_runs(transaction, [one.run() for one in self.entering])
        for attempt in self.entering:
            if attempt.run_id in begun:
                self._count(attempt, "held" if attempt.held else "entered")
                if attempt.error is not None:
                    self._count(attempt, "parked")
        await insert_journal(transaction, self.journal)
        await add_counts(transaction, self.counts)

    async def _decide(self, transaction: Connection, attempts: Sequence[Attempt]) -> None:
        """An entry earlier in the batch counts for the re-entry of a later one."""
        await load_needs(transaction, [(one, needs) for one in attempts if (needs := _needs(one))])
        limited = {
            (one.bucket, one.account_id, one.profile_id, one.flow.flow_id)
            for one in attempts
            if one.flow.reentry != ALWAYS
        }
        entries = await last_entries(transaction, sorted(limited))
        for attempt in attempts:
            self._one(attempt, entries)

    def _one(self, attempt: Attempt, entries: dict[tuple[str, str], datetime]) -> None:
        key = (attempt.flow.flow_id, attempt.profile_id)
        reason: str | None = None
        if attempt.error is None:
            try:
                reason = attempt.refusal(entries.get(key))
            except Exception as error:  # as in `openings`
                attempt.error = told(error)
        if reason is None:
            entries[key] = max(entries.get(key, attempt.entered_at), attempt.entered_at)
            self.entering.append(attempt)
        else:
            self.journal.append(attempt.note(reason))
            self._count(attempt, "refused", reason)

    def _count(self, attempt: Attempt, counter: str, detail: str = "") -> None:
        key = (attempt.account_id, attempt.flow.flow_id, FLOW, counter, detail)
        self.counts[key] = self.counts.get(key, 0) + 1


def _needs(attempt: Attempt) -> frozenset[Need]:
    try:
        return attempt.flow.needs_at_entry(attempt.facts.moment)
    except Exception as error:  # as in `openings`
        attempt.error = attempt.error or told(error)
        return NO_NEEDS
