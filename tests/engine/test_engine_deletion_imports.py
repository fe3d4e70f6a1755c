"""Imports that were queued before somebody was deleted: their rows bring nobody back."""

from __future__ import annotations

import asyncio
from typing import Any

from engine_shop import EngineShop
from headrace.clock import SystemClock
from headrace.engine.deletions import Named, request_deletion
from headrace.engine.jobs import run_jobs
from headrace.engine.profile_imports import IMPORT, LISTS, TOTAL
from headrace.storage import job_items, jobs
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.job_items import NewItem, Settled
from headrace.storage.profile_wishes import ProfileChange, Wish, kept_wish, wish_from
from headrace.storage.profiles import write_profiles

ANA = IncomingProfile(
    email="ana@example.com", phone_number="+12025550143", external_id="Kunde „4711“", anonymous_id="Browser-0815"
)
DELETED = {"detail": "The person of this row was deleted."}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def asks_for(**fields: Any) -> Wish:
    """Return the wish of a row that names somebody by columns."""
    return Wish(ProfileChange(fields))


async def import_(shop: EngineShop, *wishes: Wish) -> str:
    """Queue an import and return its id."""
    told = {LISTS: [], TOTAL: len(wishes)}
    async with shop.database.transaction() as transaction:
        place = (transaction, shop.account.account_id)
        job_id = await jobs.enqueue(*place, shop.ids, IMPORT, told, SystemClock().now())
        rows = [NewItem({"row": {"attributes": one.change.fields}, **kept_wish(one)}) for one in wishes]
        await job_items.add_items(*place, job_id, rows)
    return job_id


async def delete(shop: EngineShop, person: str) -> None:
    """Ask for a person's deletion."""
    named = Named(profile_id=shop.people[person])
    await request_deletion(shop.core, shop.account.account_id, named, await shop.now(), SystemClock().now())


async def work(shop: EngineShop) -> None:
    """Work off every job."""
    while await run_jobs(shop.core):
        pass


async def errors(shop: EngineShop, job_id: str) -> list[Any]:
    """Return what is wrong with each of a job's rows, in their order."""
    query = "SELECT error FROM job_item WHERE job_id = $1 ORDER BY number"
    return [row["error"] for row in await shop.database.fetch(query, job_id)]


async def emails(shop: EngineShop) -> list[str]:
    """Return everybody's address."""
    return [row["email"] for row in await shop.database.fetch("SELECT email FROM profile ORDER BY email")]


async def test_a_queued_import_brings_nobody_back(database: Database) -> None:
    """By whatever a row names the deleted person; the other rows of the job are worked off."""
    shop = await EngineShop.open(database)
    ana = await shop.person("ana", ANA)
    rows = [
        asks_for(email=" Ana@Example.com"),
        asks_for(email="bea@example.com"),
        asks_for(phone_number="+12025550143", email="new@example.com"),
        asks_for(external_id="Kunde „4711“"),
        asks_for(anonymous_id="Browser-0815"),
        Wish(ProfileChange(), ana),
        Wish(ProfileChange({"email": "cleo@example.com"}, more_emails=("ana@example.com",))),
        Wish(ProfileChange({"email": "dora@example.com"}, properties={"invited_by": "ana@example.com"})),
    ]
    job_id = await import_(shop, *rows)
    await delete(shop, "ana")
    await work(shop)
    assert ["bea@example.com", "dora@example.com"] == await emails(shop)
    assert [DELETED, None, DELETED, DELETED, DELETED, DELETED, DELETED, None] == await errors(shop, job_id)
    assert jobs.JobState.COMPLETE == (await jobs.get_job(database, shop.account.account_id, job_id)).state
    assert {"{}"} == {row["item"] for row in await database.fetch("SELECT item::text FROM job_item")}


async def test_an_import_after_the_deletion_makes_a_new_person(database: Database) -> None:
    """Queued before the job of the deletion has run."""
    shop = await EngineShop.open(database)
    ana = await shop.person("ana", ANA)
    await delete(shop, "ana")
    job_id = await import_(shop, asks_for(email="ana@example.com"))
    await work(shop)
    assert ["ana@example.com"] == await emails(shop)
    assert [None] == await errors(shop, job_id)
    assert 0 == await database.fetch_value("SELECT count(*) FROM profile WHERE profile_id = $1", ana)


async def test_the_rows_of_many_jobs_are_settled(database: Database) -> None:
    """More jobs than are looked through at once."""
    shop = await EngineShop.open(database)
    await shop.person("ana", ANA)
    for _ in range(25):
        await import_(shop, asks_for(email="ana@example.com"))
    await delete(shop, "ana")
    await work(shop)
    assert [] == await emails(shop)
    assert 25 == await database.fetch_value("SELECT count(*) FROM job_item WHERE error = $1", DELETED)


async def test_a_slice_that_holds_the_row_is_waited_for(database: Database) -> None:
    """It changes the person who is there, even their address, and then they are deleted as they are by then."""
    shop = await EngineShop.open(database)
    ana = await shop.person("ana", ANA)
    place = (shop.account.account_id, await import_(shop, Wish(ProfileChange({"email": "anna@example.com"}), ana)))
    later = await import_(shop, asks_for(email="anna@example.com"))
    async with database.transaction() as transaction:
        [row] = await job_items.next_items(transaction, *place, 500)
        deletion = asyncio.create_task(delete(shop, "ana"))
        while not await database.fetch_value(WAITING):
            assert not deletion.done()
        wishes = [wish_from(row["item"])]
        await write_profiles(transaction, place[0], shop.ids, wishes, await shop.now())
        await job_items.settle_items(transaction, *place, [Settled(row["number"], ana)])
    await deletion
    await work(shop)
    assert [] == await emails(shop)
    assert [DELETED] == await errors(shop, later)


async def test_other_people_keep_their_rows(database: Database) -> None:
    """Somebody else's deletion settles none of them."""
    shop = await EngineShop.open(database)
    await shop.person("ana", ANA)
    await shop.person("bea")
    job_id = await import_(shop, asks_for(email="ana@example.com", first_name="Ana"))
    await delete(shop, "bea")
    await work(shop)
    assert [None] == await errors(shop, job_id)
    assert ["Ana"] == [row["first_name"] for row in await database.fetch("SELECT first_name FROM profile")]
