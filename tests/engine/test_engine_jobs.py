"""Jobs: letting people out of archived flows, and settling people whose entry was held."""

from __future__ import annotations

from datetime import timedelta

import pytest
from job_runs import archive, counts, settle, unarchive, work_off

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.engine.jobs import run_jobs
from headrace.errors import Conflict, NotFound
from headrace.model.account import Settings
from headrace.storage.database import Database
from headrace.storage.held import DISCARD, RELEASE, held_of
from headrace.storage.jobs import JobState, get_job
from headrace.storage.step_counts import recount_waiting

HOUR = timedelta(hours=1)


async def _shop(database: Database, settings: Settings | None = None) -> tuple[EngineShop, str]:
    shop = await EngineShop.open(database, settings=settings)
    metric = await shop.metric("Checkout Started")
    return shop, await shop.flow(definition(metric, delay("wait", "mail"), email("mail", await shop.template())))


async def test_archiving_lets_everybody_out_at_once(database: Database) -> None:
    """The job ends the waiting runs now and not when they are due, nobody gets a message, and the counts follow."""
    shop, flow_id = await _shop(database)
    await shop.events("Checkout Started", ["ana", "ben", "cem"])
    await shop.drain()
    job = await work_off(shop, await archive(shop, flow_id))

    assert (JobState.COMPLETE, 3) == (job.state, job.progress["exited"])
    assert ["EXITED"] * 3 == await shop.run_states()
    assert {"flow_archived"} == {run["exit_reason"] for run in await shop.runs()}
    assert {"entered": 3, "exited": {"flow_archived": 3}} == await counts(shop, flow_id)
    assert {} == await recount_waiting(database, shop.account.account_id, flow_id)
    await shop.move(2 * HOUR)
    assert [] == await shop.sent()


async def test_an_archived_flow_takes_nobody_in(database: Database) -> None:
    """An event after the archiving starts no run."""
    shop, flow_id = await _shop(database)
    await work_off(shop, await archive(shop, flow_id))
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    assert [] == await shop.runs()


async def test_a_flow_that_is_opened_again_begins_anew(database: Database) -> None:
    """It has the status it had; what happened in between starts nothing, and what comes later does."""
    shop, flow_id = await _shop(database)
    await work_off(shop, await archive(shop, flow_id))
    await shop.event("Checkout Started", "between")
    await shop.move(HOUR)
    await unarchive(shop, flow_id)
    row = await database.fetch_row("SELECT archived, status, opened_at FROM flow WHERE flow_id = $1", flow_id)
    assert row is not None
    assert (False, "live", MONDAY + HOUR) == tuple(row.values())

    await shop.event("Checkout Started", "after")
    await shop.drain()
    assert [shop.people["after"]] == [run["profile_id"] for run in await shop.runs()]


async def test_a_flow_cannot_be_opened_while_people_are_let_out(database: Database) -> None:
    """Opening it then is a conflict that names the job."""
    shop, flow_id = await _shop(database)
    job_id = await archive(shop, flow_id)
    with pytest.raises(Conflict, match=job_id):
        await unarchive(shop, flow_id)


async def test_a_slice_that_is_repeated_changes_nothing(database: Database) -> None:
    """A worker that dies after a slice, before its progress is saved, leaves a job that comes to the same end."""
    shop, flow_id = await _shop(database)
    await shop.events("Checkout Started", [f"person-{number}" for number in range(40)])
    await shop.drain()
    job_id = await archive(shop, flow_id)
    assert 1 == await run_jobs(shop.core, job_id)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE job SET progress = '{}' WHERE job_id = $1", job_id)
    await work_off(shop, job_id)
    assert {"entered": 40, "exited": {"flow_archived": 40}} == await counts(shop, flow_id)


async def test_a_job_whose_slices_fail_is_given_up(database: Database) -> None:
    """After a failure a job rests; after the last it has failed, and says how."""
    shop, flow_id = await _shop(database)
    job_id = await archive(shop, flow_id)
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE job SET kind = 'unheard-of' WHERE job_id = $1", job_id)
    assert 0 == await run_jobs(shop.core)
    waiting = await get_job(database, shop.account.account_id, job_id)
    assert (JobState.RUNNING, 1) == (waiting.state, waiting.progress["failures"])
    assert 0 == await run_jobs(shop.core)
    for _ in range(4):
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE job SET lease_until = NULL WHERE job_id = $1", job_id)
        await run_jobs(shop.core)
    failed = await get_job(database, shop.account.account_id, job_id)
    assert JobState.FAILED == failed.state
    assert "'unheard-of' is not a kind of job" in str(failed.error)


async def test_a_job_of_another_account_is_not_found(database: Database) -> None:
    """Jobs are read by their own account only."""
    shop, flow_id = await _shop(database)
    job_id = await archive(shop, flow_id)
    with pytest.raises(NotFound, match=job_id):
        await get_job(database, "other1", job_id)


async def test_held_people_begin_when_they_are_released(database: Database) -> None:
    """A released run enters at the moment of the release, waits its whole delay, and gets its message."""
    shop, flow_id = await _shop(database, Settings(mass_entry_limit=2))
    await shop.events("Checkout Started", ["ana", "ben", "cem"])
    await shop.drain()
    assert {"held": 3} == await counts(shop, flow_id)
    assert 3 == (await held_of(database, shop.account.account_id, flow_id)).runs
    await shop.move(5 * HOUR)

    job = await settle(shop, flow_id, RELEASE)
    assert 3 == job.progress["released"]
    assert {"entered": 3} == await counts(shop, flow_id)
    await shop.move(2 * HOUR)
    assert [MONDAY + 6 * HOUR] * 3 == [moment for _, moment in await shop.sent()]
    assert {MONDAY + 5 * HOUR} == {run["entered_at"] for run in await shop.runs()}


async def test_discarded_people_get_nothing(database: Database) -> None:
    """A discarded run has ended for a reason of its own, and later events enter again."""
    shop, flow_id = await _shop(database, Settings(mass_entry_limit=2))
    await shop.events("Checkout Started", ["ana", "ben", "cem"])
    await shop.drain()
    await settle(shop, flow_id, DISCARD)
    assert {"entered": 3, "exited": {"mass_entry_discarded": 3}} == await counts(shop, flow_id)
    await shop.event("Checkout Started", "dora")
    await shop.drain()
    assert ["EXITED", "EXITED", "EXITED", "WAITING"] == await shop.run_states()


async def test_held_people_leave_an_archived_flow(database: Database) -> None:
    """Archiving lets out those who were held as well, and the gauge goes down."""
    shop, flow_id = await _shop(database, Settings(mass_entry_limit=2))
    await shop.events("Checkout Started", ["ana", "ben", "cem"])
    await shop.drain()
    await work_off(shop, await archive(shop, flow_id))
    assert {"entered": 3, "exited": {"flow_archived": 3}} == await counts(shop, flow_id)
