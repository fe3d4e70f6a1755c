"""Advancing: claiming due runs and letting each pass through its immediate actions until it waits, sends or ends.

New state, journal rows and queued deliveries are committed in one transaction; a crash at any instant rolls back to the
last committed state and another worker goes on. A run that fails by a bug is parked and never blocks its batch.
Source: DESIGN section 3 (advancing).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Need
from headrace.engine import changes, sends
from headrace.engine.core import Core
from headrace.engine.dates import date_still_holds, replan_people
from headrace.engine.edits import lead_to_present, locate
from headrace.engine.faults import LOST, told
from headrace.engine.loading import load_needs, load_triggers
from headrace.engine.wake import Wake
from headrace.flows.step import Advance, Change, Exit, Send, Skip, Wait
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection, Row
from headrace.storage.deliveries import insert_deliveries
from headrace.storage.facts import load_profiles
from headrace.storage.flow_cache import DELETED, LoadedFlow
from headrace.storage.journal import insert_journal
from headrace.storage.planned import DATE_CHANGED
from headrace.storage.runs import claim_due, reload_run, set_awaits, update_runs
from headrace.storage.step_counts import Key, add_counts

NOBODY = "person_deleted"


async def advance_batch(core: Core, clock: int, buckets: Sequence[int], now: datetime) -> int:
    """Advance at most one batch of the runs that are due by `now` on a clock and return how many.

    A batch holds at most one run per profile, and none of buckets that somebody else holds.

    On a virtual clock (`clock` > 0) a step's moment is the run's own `resume_at`. Raises what the database raises when
    it is away; a batch that fails otherwise is worked through run by run.
    """
    await core.partitions.ensure("journal", {now})
    wakes: list[Wake] = []
    try:
        async with core.database.transaction() as transaction:
            locked = await lock_buckets(transaction, buckets)
            rows = await claim_due(transaction, clock, locked, now, core.limits.advancing) if locked else []
            wakes = _wakes(rows, clock, now)
            if clock:
                await core.partitions.ensure("journal", {wake.now for wake in wakes})
            await advance_wakes(core, transaction, wakes)
            core.at("advance: before commit")
    except LOST:
        raise
    except Exception:
        if not wakes:
            raise
        return await _one_by_one(core, clock, [row_key(wake) for wake in wakes], now)
    core.at("advance: after commit")
    return len(wakes)


async def advance_wakes(core: Core, transaction: Connection, wakes: Sequence[Wake]) -> None:
    """Carry runs through their immediate actions and write down where they came to; the caller holds their buckets."""
    if not wakes:
        return
    await _prepare(core, transaction, wakes)
    known: sends.LastSends = {}
    active = [wake for wake in wakes if wake.active]
    while active:
        active = await _round(core, transaction, active, known)
    await insert_deliveries(transaction, [one for wake in wakes for one in wake.deliveries])
    await _write_down(transaction, wakes)


async def _write_down(transaction: Connection, wakes: Sequence[Wake]) -> None:
    await insert_journal(transaction, [entry for wake in wakes for entry in wake.journal])
    await update_runs(transaction, [wake.update() for wake in wakes])
    waits = [(*row_key(wake), wake.awaits) for wake in wakes if wake.awaits != wake.row["awaits"]]
    await set_awaits(transaction, waits)
    await add_counts(transaction, tally(wakes))


def tally(wakes: Iterable[Wake]) -> dict[Key, int]:
    """Return what wakes add to the counts of their flows' actions."""
    counts: dict[Key, int] = {}
    for wake in wakes:
        account_id, flow_id = wake.account_id, wake.flow_id
        for action_id, counter, detail, amount in wake.counts():
            key = (account_id, flow_id, action_id, counter, detail)
            counts[key] = counts.get(key, 0) + amount
    return counts


def row_key(wake: Wake) -> tuple[int, str, uuid.UUID]:
    """Return the whole key of a run."""
    return wake.bucket, wake.account_id, wake.run_id


def _wakes(rows: Sequence[Row], clock: int, now: datetime) -> list[Wake]:
    """Return the wakes of the claimed runs, the earliest of each profile only."""
    first: dict[str, Row] = {}
    for row in rows:
        known = first.get(row["profile_id"])
        if known is None or row["resume_at"] < known["resume_at"]:
            first[row["profile_id"]] = row
    return [Wake(row, row["resume_at"] if clock else now) for row in first.values()]


async def _prepare(core: Core, transaction: Connection, wakes: Sequence[Wake]) -> None:
    """Give every run its flow, account and person; runs without one of them end."""
    flows = await core.flows.load(transaction, {wake.flow_id for wake in wakes})
    accounts = await load_accounts(transaction, {wake.account_id for wake in wakes})
    people = await load_profiles(transaction, [(wake.bucket, wake.account_id, wake.profile_id) for wake in wakes])
    for wake in wakes:
        _give_flow(wake, flows.get(wake.flow_id))
        profile = people.get((wake.account_id, wake.profile_id))
        if profile is None and wake.active:
            wake.exit(NOBODY)
        elif profile is not None:
            time: AccountTime = accounts[wake.account_id]
            zones = core.zones
            wake.meet(time.account, zones.of_account(time.account), profile, zones.of_profile(profile, time.account))
    await _check_dates(core, transaction, wakes)
    await lead_to_present(transaction, core.flows, wakes)
    using = {flow_id for flow_id, flow in flows.items() if flow.uses_event}
    if using:
        await load_triggers(transaction, [wake for wake in wakes if wake.active and wake.flow_id in using])


async def _check_dates(core: Core, transaction: Connection, wakes: Sequence[Wake]) -> None:
    """End the runs of people whose date is gone or another one, and plan these anew. Source: reference 1.5."""
    changed = [wake for wake in wakes if wake.active and wake.row["target_on"] is not None and not _date_holds(wake)]
    for wake in changed:
        wake.exit(DATE_CHANGED)
    if changed:
        await replan_people(core, transaction, [(wake.bucket, wake.account_id, wake.profile_id) for wake in changed])


def _date_holds(wake: Wake) -> bool:
    return date_still_holds(wake.flow, wake.facts.profile, wake.row["target_on"], wake.zone)


def _give_flow(wake: Wake, flow: LoadedFlow | None) -> None:
    if flow is None or flow.closed:
        wake.exit(flow.why_closed if flow else DELETED)
    elif flow.compiled is None:
        wake.park(flow.error or f"flow {wake.flow_id} cannot be read")
    else:
        wake.flow = flow.compiled


async def _round(core: Core, transaction: Connection, wakes: Sequence[Wake], known: sends.LastSends) -> list[Wake]:
    """Carry out the present action of each run; return the runs that go on to another one at once."""
    await load_needs(transaction, [(wake, needs) for wake in wakes if (needs := _needs(wake))])
    sending: list[tuple[Wake, Send]] = []
    changing: list[tuple[Wake, Change]] = []
    for wake in wakes:
        if wake.active:
            try:
                _step(wake, sending, changing)
            except Exception as error:  # a bug in one step must not stop the others
                wake.park(told(error))
    if sending:
        await sends.carry_out(transaction, [pair for pair in sending if pair[0].active], known)
    if changing:
        await changes.carry_out(core, transaction, changing)
    return [wake for wake in wakes if wake.active]


def _needs(wake: Wake) -> frozenset[Need]:
    """Find the run's next action and return what its step must know."""
    try:
        action = locate(wake)
        return wake.flow.needs(action.action_id, wake.facts.moment) if action else NO_NEEDS
    except Exception as error:  # as in a step
        wake.park(told(error))
        return NO_NEEDS


def _step(wake: Wake, sending: list[tuple[Wake, Send]], changing: list[tuple[Wake, Change]]) -> None:
    assert wake.action_id is not None
    action = wake.flow.actions[wake.action_id]
    outcome = action.step(wake.context())
    match outcome:
        case Advance():
            _advance(wake, outcome, passed_over=outcome.branch is None and not action.acts)
        case Wait():
            wake.sleep(outcome.until, outcome.next_id)
        case Send():
            sending.append((wake, outcome))
        case Change():
            changing.append((wake, outcome))
        case Skip():
            wake.note("skipped", {"reason": outcome.reason})
            wake.go_on(outcome.next_id)
        case Exit():
            wake.exit(outcome.reason)


def _advance(wake: Wake, outcome: Advance, passed_over: bool) -> None:
    if passed_over:
        wake.note("passed")
        wake.pass_to(outcome.next_id)
    else:
        wake.note("branch", {"branch": outcome.branch, "seen": outcome.seen})
        wake.go_on(outcome.next_id)


async def _one_by_one(core: Core, clock: int, keys: Sequence[tuple[int, str, uuid.UUID]], now: datetime) -> int:
    """Advance each run in a transaction of its own and park those that fail; return how many were worked on."""
    done = 0
    for key in keys:
        try:
            done += await _alone(core, clock, key, now, None)
        except LOST:
            raise
        except Exception as error:
            done += await _alone(core, clock, key, now, told(error))
    return done


async def _alone(core: Core, clock: int, key: tuple[int, str, uuid.UUID], now: datetime, error: str | None) -> int:
    """Advance one run, or park it where `error` says why; 0 when it is no longer due or its bucket is taken."""
    async with core.database.transaction() as transaction:
        row = await reload_run(transaction, *key) if await lock_buckets(transaction, key[:1]) else None
        if row is None or row["resume_at"] > now:
            return 0
        wake = Wake(row, row["resume_at"] if clock else now)
        if error is None:
            await advance_wakes(core, transaction, [wake])
        else:
            wake.park(error)
            await _write_down(transaction, [wake])
    return 1
