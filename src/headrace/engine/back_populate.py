"""Adding past profiles: people whom a flow had missed are placed where they would be now.

What is here: what may be asked for, and the job that places people page by page. What is not: the walk of one person
(`past`). Source: reference 1.7.

A trigger that started a run when it happened has that run's id, so that nobody is placed twice, however often this is
asked for and wherever a worker died. Re-entry is not asked. Source: reference 1.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias, cast

from headrace.engine.core import Core
from headrace.engine.loading import load_needs
from headrace.engine.past import Past
from headrace.engine.sweep import WIDTH, Slice
from headrace.errors import Conflict, Invalid
from headrace.flows.actions.base import RUNNING
from headrace.flows.actions.time_delay import CompiledTimeDelay
from headrace.flows.compiled import CompiledFlow, compile_flow
from headrace.flows.schedule import Delay
from headrace.ids import BUCKETS, IdSource
from headrace.storage import jobs, past_triggers
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection
from headrace.storage.facts import load_profiles
from headrace.storage.flow_rows import StoredFlow, lock_flow
from headrace.storage.jobs import FLOW, Job
from headrace.storage.journal import Entry, insert_journal
from headrace.storage.runs import insert_runs
from headrace.storage.step_counts import FLOW as OF_FLOW
from headrace.storage.step_counts import Key, add_counts

BACK_POPULATE = "back-populate"
"""The kind of job."""

MODES = ("at_start", "by_join_date")
MODE_AT = "/data/attributes/mode"

PAGE = 500
"""People of one slice, over all its buckets."""
LEAST_SHARE = 16
LEFT = "left"
"""The entry of the job's progress that says after whom each bucket goes on."""

Place: TypeAlias = tuple[int, str]
"""A bucket and the profile id after which it goes on."""

BY_GROUP = frozenset(("list", "segment"))
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
SINCE_EVER = timedelta(days=36_525)
"""No event is older: their times begin in 1990."""


# --- asking -------------------------------------------------------------------------------------------------------


async def request_back_populate(
    connection: Connection, account_id: str, ids: IdSource, flow_id: str, mode: str | None, system_now: datetime
) -> str:
    """Ask that past profiles be added to a flow, in the caller's transaction; return the id of the job that does it.

    `mode` is for flows that begin with a list or segment: `by_join_date` places members where they would be now,
    `at_start` places all at the beginning. Raises `NotFound`, `Invalid` for a mode that does not go with the trigger,
    and `Conflict` for a flow that cannot take past profiles.
    """
    stored = await lock_flow(connection, account_id, flow_id)
    flow = compile_flow(flow_id, stored.name, stored.status, stored.version, stored.definition)
    kind = flow.trigger.type if flow.trigger else "none"
    if kind != "metric" and kind not in BY_GROUP:
        raise Conflict(
            f'Past profiles cannot be added to the flow "{flow_id}": its trigger is of the type "{kind}"; it must be '
            "metric, list or segment.",
            meta={"trigger": kind},
        )
    _check_mode(kind, mode)
    _check_flow(stored, flow, needs_delay=mode != "at_start")
    job = await jobs.open_job(connection, account_id, (BACK_POPULATE,), flow_id)
    if job is not None:
        raise Conflict(
            f'Past profiles are being added to the flow "{flow_id}" already, by the job "{job.job_id}".',
            meta={"job_id": job.job_id},
        )
    arguments = {FLOW: flow_id, "mode": mode}
    return await jobs.enqueue(connection, account_id, ids, BACK_POPULATE, arguments, system_now)


def _check_mode(kind: str, mode: str | None) -> None:
    if kind == "metric" and mode is not None:
        raise Invalid(
            f'The mode is "{mode}"; a flow that begins with a metric takes none, each event is placed by its time.',
            pointer=MODE_AT,
        )
    if kind in BY_GROUP and mode not in MODES:
        raise Invalid(
            f"The mode is {'missing' if mode is None else repr(mode)}; a flow that begins with a {kind} needs "
            f"{' or '.join(MODES)}.",
            pointer=MODE_AT,
        )


def _check_flow(stored: StoredFlow, flow: CompiledFlow, *, needs_delay: bool) -> None:
    if stored.archived or stored.status not in RUNNING or not flow.entry_allowed_by_status():
        state = "archived" if stored.archived else stored.status
        raise Conflict(
            f'Past profiles cannot be added to the flow "{stored.flow_id}", which is {state}; it must be live or '
            "manual, and so must one of its actions.",
            meta={"status": state},
        )
    if needs_delay and not _delays(flow):
        raise Conflict(
            f'Past profiles cannot be added to the flow "{stored.flow_id}": it has no delay, so everybody would be '
            "past its end."
        )


def _delays(flow: CompiledFlow) -> list[Delay]:
    return [action.delay for action in flow.actions.values() if isinstance(action, CompiledTimeDelay)]


def longest(flow: CompiledFlow) -> timedelta:
    """Return a time in which everybody has come to the end of a flow, whichever way they took."""
    total = timedelta(0)
    for delay in _delays(flow):
        slack = 2 * WEEK + (2 * DAY if delay.until_time else timedelta(0))
        total = min(total + delay.elapsed + slack, SINCE_EVER)
    return total


# --- placing ------------------------------------------------------------------------------------------------------


async def back_populate(core: Core, job: Job) -> Slice:
    """Place one page of people, in one transaction. The job ends early where the flow takes nobody in any longer."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    now = account.now(core.clock)
    await core.partitions.ensure("journal", {now})
    left: list[Place] = job.progress.get(LEFT, [(bucket, "") for bucket in range(BUCKETS)])
    group, later = dict(left[:WIDTH]), left[WIDTH:]
    async with core.database.transaction() as transaction:
        locked = await lock_buckets(transaction, list(group))
        flow = await _open_flow(core, transaction, job.arguments[FLOW])
        if flow is None:
            return Slice({**job.progress, "stopped": "the flow is not open"}, over=True, moved=True)
        share = max(LEAST_SHARE, PAGE // max(1, len(locked)))
        places = {bucket: group[bucket] for bucket in locked}
        people = await past_triggers.people_after(transaction, job.account_id, places, share)
        placed = await _place(core, transaction, job, flow, account, people, now) if people else 0
    held = [(bucket, after) for bucket, after in group.items() if bucket not in places]
    after = [*_after(people, share), *later, *held]
    progress = {"placed": job.progress.get("placed", 0) + placed, LEFT: after}
    return Slice(progress, over=not after, moved=bool(locked))


async def _open_flow(core: Core, transaction: Connection, flow_id: str) -> CompiledFlow | None:
    """Return a flow that people may enter; it stays as it is until the transaction ends."""
    await transaction.execute("SELECT FROM flow WHERE flow_id = $1 FOR SHARE", flow_id)
    loaded = (await core.flows.load(transaction, [flow_id])).get(flow_id)
    if loaded is None or loaded.closed or loaded.compiled is None or not loaded.compiled.entry_allowed_by_status():
        return None
    return loaded.compiled


def _after(people: Sequence[tuple[int, str]], share: int) -> list[Place]:
    """Return where buckets go on after a page of people; those that gave less than their share are through."""
    found, last = Counter(bucket for bucket, _ in people), dict(people)
    return [(bucket, last[bucket]) for bucket, count in found.items() if count == share]


async def _place(
    core: Core,
    transaction: Connection,
    job: Job,
    flow: CompiledFlow,
    account: AccountTime,
    people: Sequence[tuple[int, str]],
    now: datetime,
) -> int:
    pasts = [past for past in await _pasts(core, transaction, flow, account, people, now) if past.matches()]
    if flow.profile_filter.groups:
        await _filter(transaction, pasts)
    if job.arguments["mode"] == "at_start":
        for past in pasts:
            if past.active:
                past.begin()
    await _walk(transaction, pasts)
    placed = [past for past in pasts if past.resume_at is not None or past.error is not None]
    begun = await insert_runs(transaction, [past.run() for past in placed])
    new = [past for past in placed if past.run_id in begun]
    await _write_behind(transaction, flow, new)
    await insert_journal(transaction, [_entry(past, now) for past in new])
    await add_counts(transaction, _counts(new))
    return len(new)


async def _pasts(
    core: Core,
    transaction: Connection,
    flow: CompiledFlow,
    account: AccountTime,
    people: Sequence[tuple[int, str]],
    now: datetime,
) -> list[Past]:
    """Return what would have started the flow, for each person in order."""
    owner = account.account
    keys = [(bucket, owner.account_id, profile_id) for bucket, profile_id in people]
    profiles = {profile_id: one for (_, profile_id), one in (await load_profiles(transaction, keys)).items()}
    trigger = flow.trigger
    assert trigger is not None, "checked when it was asked for, and triggers cannot be changed"
    if trigger.group_id is not None:
        rows = await past_triggers.members(transaction, owner.account_id, people, trigger.group_id, flow.flow_id)
        made = [(row["bucket"], profiles.get(row["profile_id"]), row["joined_at"], None) for row in rows]
        return [
            Past(core, flow, owner, profile, bucket, now, at, event) for bucket, profile, at, event in made if profile
        ]
    since = now - longest(flow)
    events = await past_triggers.past_events(
        transaction, owner.account_id, people, cast(str, trigger.metric_id), since, now, flow.flow_id
    )
    return [
        Past(core, flow, owner, profiles[event.profile_id], bucket, now, event.occurred_at, event)
        for bucket, event in events
        if event.profile_id in profiles
    ]


async def _filter(transaction: Connection, pasts: Iterable[Past]) -> None:
    """Leave out those who fail the flow's filter now, as it is asked at every entry."""
    await load_needs(transaction, [(past, past.needs_at_entry()) for past in pasts])
    for past in pasts:
        if past.active:
            past.ask_filter()


async def _walk(transaction: Connection, pasts: Iterable[Past]) -> None:
    """Walk everybody to where they are now; what one round of steps must know is loaded for all at once."""
    active = [past for past in pasts if past.active]
    while active:
        await load_needs(transaction, [(past, needs) for past in active if (needs := past.needs())])
        for past in active:
            if past.active:
                past.step()
        active = [past for past in active if past.active]


async def _write_behind(transaction: Connection, flow: CompiledFlow, new: Sequence[Past]) -> None:
    """Write what each new run has behind it; in a flow of a group, what earlier runs of the person did as well.

    Our choice: in a flow of a metric each event has its own messages, so only the event's own run counts.
    """
    earlier: dict[str, list[int]] = {}
    if new and flow.trigger is not None and flow.trigger.group_id is not None:
        people = {(past.bucket, past.profile_id) for past in new}
        earlier = await past_triggers.carried_out(transaction, new[0].account_id, sorted(people), flow.flow_id)
    await past_triggers.set_visited(
        transaction,
        [(past.bucket, past.account_id, past.run_id, past.behind(earlier.get(past.profile_id, ()))) for past in new],
    )


def _entry(past: Past, now: datetime) -> Entry:
    detail = {"at": past.at.isoformat(), "until": past.resume_at.isoformat() if past.resume_at else None}
    key = (past.bucket, past.account_id, past.run_id, now, 0, past.flow.flow_id, past.waiting_in)
    return (*key, "placed", detail)


def _counts(new: Iterable[Past]) -> dict[Key, int]:
    counts: Counter[Key] = Counter()
    for past in new:
        place = past.account_id, past.flow.flow_id
        counts[*place, OF_FLOW, "entered", ""] += 1
        if past.error is not None:
            counts[*place, OF_FLOW, "parked", ""] += 1
        elif past.waiting_in is not None:
            counts[*place, past.waiting_in, "waiting", ""] += 1
    return dict(counts)
