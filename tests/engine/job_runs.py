"""Working off jobs in tests of the engine."""

from __future__ import annotations

from engine_shop import EngineShop
from headrace.clock import SystemClock
from headrace.engine.back_populate import request_back_populate
from headrace.engine.jobs import run_jobs
from headrace.storage import flow_states, held
from headrace.storage.jobs import Job, get_job
from headrace.storage.step_counts import flow_counts


async def work_off(shop: EngineShop, job_id: str) -> Job:
    """Work at a job until it has ended and return it."""
    while await run_jobs(shop.core, job_id):
        pass
    return await get_job(shop.database, shop.account.account_id, job_id)


async def back_populate(shop: EngineShop, flow_id: str, mode: str | None = None) -> Job:
    """Add past profiles to a flow."""
    async with shop.database.transaction() as transaction:
        place = (transaction, shop.account.account_id, shop.ids, flow_id, mode)
        job_id = await request_back_populate(*place, SystemClock().now())
    return await work_off(shop, job_id)


async def archive(shop: EngineShop, flow_id: str) -> str:
    """Archive a flow and return the id of the job that lets people out."""
    async with shop.database.transaction() as transaction:
        now = await shop.now()
        place = (transaction, shop.account.account_id, shop.ids, flow_id, now)
        job_id = await flow_states.archive(*place, SystemClock().now())
    assert job_id is not None
    return job_id


async def unarchive(shop: EngineShop, flow_id: str) -> None:
    """Open a flow again."""
    async with shop.database.transaction() as transaction:
        await flow_states.unarchive(transaction, shop.account.account_id, flow_id, await shop.now())


async def settle(shop: EngineShop, flow_id: str, kind: str) -> Job:
    """Release or discard the held people of a flow."""
    async with shop.database.transaction() as transaction:
        place = (transaction, shop.account.account_id, shop.ids, flow_id, kind)
        job_id = await held.settle_held(*place, await shop.now(), SystemClock().now())
    return await work_off(shop, job_id)


async def counts(shop: EngineShop, flow_id: str) -> dict[str, object]:
    """Return a flow's own counters that are not zero or empty."""
    shown = await flow_counts(shop.database, shop.account.account_id, flow_id)
    return {name: value for name, value in shown.items() if value and name != "actions"}
