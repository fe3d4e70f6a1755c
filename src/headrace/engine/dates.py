"""Planning who enters date-based flows, and when.

What is here: the plans of everybody for a flow that went live, of people who changed, and whether a date still holds.
What is not: the entries themselves (`date_entries`), the arithmetic (`flows.schedule`). Source: reference 1.5.

Going live on day D: Klaviyo's daily job looks a day ahead, so that nobody whose date is D enters, and surely whoever's
is D+2. Our choice: who would enter within 24 hours after the flow went live does not, or, where the flow begins before
the date, joins it then.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from headrace.engine.core import Core
from headrace.flows.compiled import CompiledFlow
from headrace.flows.schedule import entry_moment, falls_on, next_joining
from headrace.flows.triggers.date import CompiledDate
from headrace.model import Account, Profile
from headrace.storage.account_clocks import load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection
from headrace.storage.facts import load_profiles
from headrace.storage.flow_cache import LoadedFlow
from headrace.storage.planned import Plan, PlanKey, dates_entered, drop_plans, plans_of, put_plans
from headrace.storage.planning import claim_planning, note_progress, people_to_plan

log = logging.getLogger(__name__)

LOOK_AHEAD = timedelta(hours=24)
"""How long after a flow went live nobody enters it."""
ROWS_AT_ONCE = 32
"""Our choice: a transaction plans people of so many buckets, so that a small account is planned in few of them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to plan for: their account, its present moment and their zone."""

    account: Account
    profile: Profile
    now: datetime
    zone: tzinfo


async def plan_flows(core: Core, buckets: Sequence[int]) -> int:
    """Plan one page of the people of flows that went live; return how much work it was, 0 when there was none."""
    async with core.database.transaction() as transaction:
        locked = await lock_buckets(transaction, buckets)
        rows = await claim_planning(transaction, locked, ROWS_AT_ONCE) if locked else []
        if not rows:
            return 0
        page = max(1, core.limits.entering // len(rows))
        people = await people_to_plan(transaction, rows, page)
        flows = await core.flows.load(transaction, {row["flow_id"] for row in rows})
        await plan_entries(core, transaction, people, flows)
        await note_progress(transaction, rows, people, page)
        return len(rows) + len(people)


async def replan_people(core: Core, transaction: Connection, keys: Iterable[tuple[int, str, str]]) -> None:
    """Plan anew, under the bucket locks, for each (bucket, account id, profile id) that changed."""
    people = sorted(set(keys))
    flows = await core.flows.load_open(transaction, {account_id for _, account_id, _ in people})
    dated = {flow.flow_id: flow for flow in flows if flow.compiled and flow.compiled.date_trigger}
    pairs = [
        (bucket, account_id, flow.flow_id, profile_id)
        for bucket, account_id, profile_id in people
        for flow in dated.values()
        if flow.account_id == account_id
    ]
    if pairs:
        await plan_entries(core, transaction, pairs, dated)


def date_still_holds(flow: CompiledFlow, profile: Profile, target_on: date, zone: tzinfo) -> bool:
    """Tell whether a date-based run may go on: the person's date is, or recurs on, the day to which the run leads.

    `zone` is the profile's, else the account's. A run for which this is false ends with `planned.DATE_CHANGED`.
    """
    trigger = flow.date_trigger
    value = trigger.date_in(profile, zone) if trigger else None
    return trigger is not None and value is not None and falls_on(trigger.plan, value, target_on)


async def plan_entries(
    core: Core,
    transaction: Connection,
    keys: Sequence[PlanKey],
    flows: Mapping[str, LoadedFlow],
    tried: Mapping[PlanKey, Plan] | None = None,
) -> None:
    """Write the next entry of each person into each flow, under the bucket locks, and drop those that there are not.

    `tried` are plans that came to their entry just now: the next one is after it and leads to another date.
    """
    done = tried or {}
    people = await _people(core, transaction, keys)
    present = await plans_of(transaction, [key for key in keys if key not in done]) | dict(done)
    entered = await dates_entered(transaction, keys)
    plans: dict[PlanKey, Plan | None] = {}
    for key in keys:
        person, just = people.get(key[3]), done.get(key)
        dates = entered.get((key[2], key[3]), frozenset())
        if just is None:
            plans[key] = _plan(key, flows.get(key[2]), person, dates, present.get(key), None)
        else:
            plans[key] = _plan(key, flows.get(key[2]), person, dates | {just.target_on}, None, just.enters_at)
    await put_plans(transaction, [plan for key, plan in plans.items() if plan and plan != present.get(key)])
    await drop_plans(transaction, [key for key, plan in plans.items() if plan is None and key in present])


async def _people(core: Core, transaction: Connection, keys: Collection[PlanKey]) -> dict[str, Person]:
    accounts = await load_accounts(transaction, {account_id for _, account_id, _, _ in keys})
    profiles = await load_profiles(transaction, {(bucket, account, one) for bucket, account, _, one in keys})
    found = {}
    for (account_id, profile_id), profile in profiles.items():
        account, now = accounts[account_id].account, accounts[account_id].now(core.clock)
        found[profile_id] = Person(account, profile, now, core.zones.of_profile(profile, account))
    return found


def _plan(
    key: PlanKey,
    flow: LoadedFlow | None,
    person: Person | None,
    entered: Collection[date],
    present: Plan | None,
    since: datetime | None,
) -> Plan | None:
    """Return somebody's next entry into a flow after `since`, by default the present moment."""
    opened_at = flow.opened_at if flow and not flow.closed else None
    trigger = flow.compiled.date_trigger if flow and flow.compiled else None
    if trigger is None or opened_at is None or person is None:
        return None
    floor = max(since or person.now, opened_at + LOOK_AHEAD)
    try:
        found = _entry(trigger, person, floor, entered, present)
    except Exception:  # a bug about one person must not stop the others
        log.exception("the entry of profile %s into flow %s cannot be planned", key[3], key[2])
        return None
    return Plan(*key, *found, person.account.clock) if found else None


def _entry(
    trigger: CompiledDate, person: Person, floor: datetime, entered: Collection[date], present: Plan | None
) -> tuple[datetime, date] | None:
    """Return when somebody enters next and for which date.

    A plan whose date still holds is kept, so that a change of something else makes up for nothing that was refused.
    """
    value = trigger.date_in(person.profile, person.zone)
    if value is None:
        return None
    if present is None or not falls_on(trigger.plan, value, present.target_on):
        return next_joining(trigger.plan, value, floor, person.zone, entered)
    moment = entry_moment(trigger.plan, present.target_on, person.zone)
    return moment if moment > floor else min(present.enters_at, floor), present.target_on
