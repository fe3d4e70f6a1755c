"""Entering date-based flows when the planned moment has come.

What is here: due plans become runs, or refusals in the journal, and the next entry of each person is planned, in one
transaction. What is not: planning (`dates`). Source: reference 1.5.

A run is named by its flow, person, date and planned moment, so that a plan that was worked out twice starts one run.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from headrace.engine.core import Core
from headrace.engine.dates import date_still_holds, plan_entries
from headrace.engine.enter import Entering
from headrace.engine.entry import Attempt
from headrace.engine.faults import LOST
from headrace.flows.compiled import CompiledFlow
from headrace.ids import run_id
from headrace.model import Account, Profile, RunSource
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection
from headrace.storage.facts import load_profiles
from headrace.storage.flow_cache import LoadedFlow
from headrace.storage.planned import Plan, claim_planned, plans_of, put_plans
from headrace.storage.runs import NewRun

log = logging.getLogger(__name__)

WAIT_FOR_REPAIR = timedelta(hours=1)
"""After how long an entry that fails by a bug, as into a flow that cannot be read, is tried again."""

Work: TypeAlias = Callable[[Core, Connection, Sequence[Plan], datetime], Awaitable[None]]


class DateAttempt(Attempt):
    """One planned entry that has come due."""

    __slots__ = ("target_on",)

    def __init__(self, core: Core, plan: Plan, at: datetime, flow: CompiledFlow, account: Account, profile: Profile):
        row = {
            "bucket": plan.bucket,
            "account_id": plan.account_id,
            "profile_id": plan.profile_id,
            "accepted_at": at,
            "group_id": None,
            "chain": 0,
        }
        super().__init__(core, row, None, flow, account, profile)
        self.target_on = plan.target_on
        cause = f"date:{plan.target_on.isoformat()}:{plan.enters_at.isoformat()}"
        self.run_id = run_id(flow.flow_id, plan.profile_id, cause)

    def run(self) -> NewRun:
        """Return the run that begins, parked where entering failed by a bug, held where it is part of a mass entry."""
        return replace(super().run(), source=RunSource.DATE, target_on=self.target_on)


async def enter_planned(core: Core, clock: int, buckets: Sequence[int], now: datetime) -> int:
    """Carry out at most one batch of planned entries that are due on a clock; return how many were worked on.

    Raises what the database raises when it is away. A batch that fails otherwise is worked through one by one; what
    fails alone is tried again after `WAIT_FOR_REPAIR`.
    """
    plans: list[Plan] = []
    try:
        async with core.database.transaction() as transaction:
            locked = await lock_buckets(transaction, buckets)
            plans = await claim_planned(transaction, clock, locked, now, core.limits.entering) if locked else []
            await _enter(core, transaction, plans, now)
            core.at("dates: before commit")
    except LOST:
        raise
    except Exception:
        if not plans:
            raise
        return await _one_by_one(core, plans, now)
    core.at("dates: after commit")
    return len(plans)


async def _one_by_one(core: Core, plans: Sequence[Plan], now: datetime) -> int:
    """Carry out each plan in a transaction of its own; return how many were worked on, those put off included."""
    done = 0
    for plan in plans:
        try:
            done += await _alone(core, plan, now, _enter)
        except LOST:
            raise
        except Exception:
            log.exception("the entry of profile %s into flow %s failed", plan.profile_id, plan.flow_id)
            done += await _alone(core, plan, now, _put_off)
    return done


async def _alone(core: Core, plan: Plan, now: datetime, work: Work) -> int:
    async with core.database.transaction() as transaction:
        locked = await lock_buckets(transaction, [plan.bucket])
        if not locked or (await plans_of(transaction, [plan.key])).get(plan.key) != plan:
            return 0
        await work(core, transaction, [plan], now)
        return 1


async def _put_off(core: Core, transaction: Connection, plans: Sequence[Plan], now: datetime) -> None:
    await put_plans(transaction, [plan._replace(enters_at=now + WAIT_FOR_REPAIR) for plan in plans])


async def _enter(core: Core, transaction: Connection, plans: Sequence[Plan], now: datetime) -> None:
    if not plans:
        return
    flows = await core.flows.load(transaction, {plan.flow_id for plan in plans})
    await _put_off(core, transaction, [plan for plan in plans if _is_broken(flows.get(plan.flow_id))], now)
    readable = [plan for plan in plans if not _is_broken(flows.get(plan.flow_id))]
    attempts = await _attempts(core, transaction, readable, flows, now)
    if attempts:
        await core.partitions.ensure("journal", {attempt.entered_at for attempt in attempts.values()})
        await Entering().carry_out(transaction, list(attempts.values()))
    tried = {plan.key: plan for plan in readable if plan in attempts or not _is_open(flows.get(plan.flow_id))}
    await plan_entries(core, transaction, [plan.key for plan in readable], flows, tried)


def _is_broken(flow: LoadedFlow | None) -> bool:
    return flow is not None and not flow.closed and flow.compiled is None


def _is_open(flow: LoadedFlow | None) -> bool:
    return flow is not None and flow.compiled is not None and flow.compiled.entry_allowed_by_status()


async def _attempts(
    core: Core, transaction: Connection, plans: Sequence[Plan], flows: Mapping[str, LoadedFlow], now: datetime
) -> dict[Plan, Attempt]:
    """Return the attempt of each plan whose flow is open and whose date is still the person's."""
    accounts = await load_accounts(transaction, {plan.account_id for plan in plans})
    people = await load_profiles(transaction, {(plan.bucket, plan.account_id, plan.profile_id) for plan in plans})
    found: dict[Plan, Attempt] = {}
    for plan in plans:
        flow, profile = flows.get(plan.flow_id), people.get((plan.account_id, plan.profile_id))
        if flow is None or flow.compiled is None or flow.closed or profile is None or not _is_open(flow):
            continue
        attempt = _attempt(core, plan, flow.compiled, accounts[plan.account_id], profile, now)
        if attempt is not None:
            found[plan] = attempt
    return found


def _attempt(
    core: Core, plan: Plan, flow: CompiledFlow, owner: AccountTime, profile: Profile, now: datetime
) -> Attempt | None:
    zone = core.zones.of_profile(profile, owner.account)
    if not date_still_holds(flow, profile, plan.target_on, zone):
        return None
    return DateAttempt(core, plan, plan.enters_at if plan.clock else now, flow, owner.account, profile)
