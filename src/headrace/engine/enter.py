"""Entering: what follows from accepted events. The consumer of `pending`.

Bucket by bucket and in order within a profile, one transaction per batch attributes conversions, notes when each person
was last heard of, starts runs and deletes the pending rows. Source: DESIGN section 3 (ingest), reference 1.2-1.4.

A run begins at the second in which its event was accepted, and its first step is due at once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Need
from headrace.engine.advance import LOST, told
from headrace.engine.core import Core
from headrace.engine.entry import Attempt
from headrace.engine.loading import load_needs
from headrace.flows.compiled import CompiledFlow
from headrace.flows.reentry import ALWAYS
from headrace.model import Account, Event, Profile
from headrace.reports.attribution import WINDOWS
from headrace.storage.account_clocks import load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.conversions import Candidate, attribute_conversions
from headrace.storage.database import Connection, Row
from headrace.storage.facts import load_events, load_profiles
from headrace.storage.journal import Entry, insert_journal
from headrace.storage.last_events import note_last_events
from headrace.storage.pending import claim_pending, delete_pending, is_pending, postpone_pending
from headrace.storage.runs import NewRun, insert_runs, last_entries

log = logging.getLogger(__name__)

Triggers = Mapping[tuple[str, str], Sequence[tuple[CompiledFlow, datetime]]]
"""(account id, metric id) -> the flows that its events may start, and since when."""


async def enter_batch(core: Core, buckets: Sequence[int]) -> int:
    """Work out the consequences of at most one batch of accepted events and return how many.

    Raises what the database raises when it is away. A batch that fails otherwise is worked through event by event; an
    event that fails alone stays pending, behind all others, and its error is raised when nothing else was done.
    """
    rows: list[Row] = []
    try:
        async with core.database.transaction() as transaction:
            locked = await lock_buckets(transaction, buckets)
            rows = await claim_pending(transaction, locked, core.limits.entering) if locked else []
            await _work_out(core, transaction, rows)
    except LOST:
        raise
    except Exception:
        if len(rows) <= 1:
            raise
        return await _one_by_one(core, rows)
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
            log.exception("event %s of profile %s waits for its consequences", row["number"], row["profile_id"])
            failure = error
            async with core.database.transaction() as transaction:
                await postpone_pending(transaction, row)
    if failure is not None and not done:
        raise failure
    return done


async def _work_out(core: Core, transaction: Connection, rows: Sequence[Row]) -> None:
    if not rows:
        return
    flows = await _triggers(core, transaction, rows)
    events = await _events(transaction, rows, flows)
    await _attribute(transaction, rows, events)
    entering = _Entering()
    attempts = await _attempts(core, transaction, rows, events, flows)
    if attempts:
        await core.partitions.ensure("journal", {attempt.entered_at for attempt in attempts})
        await entering.decide(transaction, attempts)
    await note_last_events(transaction, rows)
    await insert_runs(transaction, entering.runs)
    await insert_journal(transaction, entering.journal)
    await delete_pending(transaction, rows)


async def _triggers(core: Core, transaction: Connection, rows: Sequence[Row]) -> Triggers:
    found: defaultdict[tuple[str, str], list[tuple[CompiledFlow, datetime]]] = defaultdict(list)
    for flow in await core.flows.load_open(transaction, {row["account_id"] for row in rows}):
        compiled = flow.compiled
        metric_id = compiled.trigger.metric_id if compiled and compiled.trigger else None
        if compiled and metric_id and flow.opened_at and compiled.entry_allowed_by_status():
            found[flow.account_id, metric_id].append((compiled, flow.opened_at))
    return found


async def _events(transaction: Connection, rows: Sequence[Row], flows: Triggers) -> dict[tuple[str, int], Event]:
    """Load the batch's events; their properties only for those that some flow waits for."""
    waited = [row for row in rows if (row["account_id"], row["metric_id"]) in flows]
    others = [row for row in rows if (row["account_id"], row["metric_id"]) not in flows]
    events = await load_events(transaction, [_key(row) for row in others], properties=False)
    return events | await load_events(transaction, [_key(row) for row in waited])


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
    flows: Triggers,
) -> list[Attempt]:
    """Return every (event, flow) whose trigger matches, in order."""
    matching = [pair for pair in _pairs(rows, events, flows) if (pair[3] or pair[4])]
    if not matching:
        return []
    accounts = await load_accounts(transaction, {row["account_id"] for row, *_ in matching})
    people = await load_profiles(
        transaction, {(row["bucket"], row["account_id"], row["profile_id"]) for row, *_ in matching}
    )
    attempts = []
    for row, event, flow, _, error in matching:
        profile: Profile | None = people.get((row["account_id"], row["profile_id"]))
        if profile is not None:
            account: Account = accounts[row["account_id"]].account
            attempts.append(Attempt(core, row, event, flow, account, profile, error))
    return attempts


def _pairs(
    rows: Sequence[Row], events: Mapping[tuple[str, int], Event], flows: Triggers
) -> Iterator[tuple[Row, Event, CompiledFlow, bool, str | None]]:
    """Yield each event with each flow that waits for its metric, whether the trigger matches, and how asking failed.

    Our choice: an event that was accepted before the flow ceased to be a draft is none of the flow's business.
    """
    for row in rows:
        event = events.get((row["profile_id"], row["number"]))
        if event is not None and not row["backfill"]:
            for flow, opened_at in flows.get((row["account_id"], row["metric_id"]), ()):
                if row["accepted_at"] < opened_at:
                    continue
                yield (row, event, flow, *_matches(flow, event, row["accepted_at"]))


def _matches(flow: CompiledFlow, event: Event, now: datetime) -> tuple[bool, str | None]:
    try:
        return flow.trigger is not None and flow.trigger.matches(event, now), None
    except Exception as error:  # shown as a parked run, so that it holds up nobody else
        return False, told(error)


@dataclass(slots=True)
class _Entering:
    """The runs that a batch starts, and the notes about those that it does not."""

    runs: list[NewRun] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)

    async def decide(self, transaction: Connection, attempts: Sequence[Attempt]) -> None:
        """Decide each attempt in order: an entry earlier in the batch counts for the re-entry of a later one."""
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
            except Exception as error:  # as in `_matches`
                attempt.error = told(error)
        if reason is None:
            entries[key] = max(entries.get(key, attempt.entered_at), attempt.entered_at)
            self.runs.append(attempt.run())
        else:
            self.journal.append(attempt.note(reason))


def _needs(attempt: Attempt) -> frozenset[Need]:
    try:
        return attempt.flow.needs_at_entry(attempt.facts.moment)
    except Exception as error:  # as in `_matches`
        attempt.error = attempt.error or told(error)
        return NO_NEEDS
