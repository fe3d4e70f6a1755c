"""Merging two people in tests of the engine, and what is left of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine_shop import MONDAY, EngineShop
from headrace.clock import SystemClock
from headrace.engine.jobs import run_jobs
from headrace.engine.merges import request_merge
from headrace.engine.setup import choose_providers
from headrace.ids import bucket_of
from headrace.storage.database import Database
from headrace.storage.events import NewEvent, insert_pending
from headrace.storage.step_counts import counts_of, recount_waiting, waiting_of

METRIC = "Checkout Started"


async def merge(shop: EngineShop, source: str, into: str) -> str:
    """Merge two people, named as the shop knows them."""
    people = (shop.people[source], shop.people[into])
    return await request_merge(shop.core, shop.account, *people, await shop.now(), SystemClock().now())


async def work(shop: EngineShop) -> None:
    """Work off every job."""
    while await run_jobs(shop.core):
        pass


async def left_of(shop: EngineShop, profile_id: str) -> dict[str, int]:
    """Return table -> rows that still name a profile, those without any left out."""
    found = {}
    tables = await shop.database.fetch(
        """SELECT table_name AS name FROM information_schema.columns JOIN information_schema.tables USING (table_name)
        WHERE column_name = 'profile_id' AND table_type = 'BASE TABLE' AND table_name <> 'profile_alias'"""
    )
    for row in tables:
        query = f"SELECT count(*) FROM {row['name']} WHERE profile_id = $1"
        if count := await shop.database.fetch_value(query, profile_id):
            found[row["name"]] = count
    return found


async def two_people(shop: EngineShop) -> tuple[str, str]:
    """Make Ana and Bea and return their ids."""
    return await shop.person("ana"), await shop.person("bea")


async def recipients(shop: EngineShop) -> list[tuple[str, str]]:
    """Return (subject, recipient) of all that was sent, in order."""
    rows = await shop.database.fetch("SELECT subject, recipient FROM inbox_message ORDER BY number")
    return [(row["subject"], row["recipient"]) for row in rows]


async def open_shop(database: Database, **rest: Any) -> EngineShop:
    """Return a shop whose messages are kept in the inbox."""
    return await EngineShop.open(database, providers=choose_providers(database), **rest)


async def check_gauges(shop: EngineShop, flow_id: str) -> None:
    """Compare the gauges of waiting runs with the runs."""
    place = (shop.database, shop.account.account_id, flow_id)
    assert await recount_waiting(*place) == waiting_of(await counts_of(*place))


def with_points(shop: EngineShop, at: Any) -> EngineShop:
    shop.core = replace(shop.core, at=at)
    return shop


async def late_event(shop: EngineShop, profile_id: str) -> None:
    """Write an event of a profile as a request does that looked before."""
    at = await shop.now()
    await shop.partitions.ensure("event", [at])
    number = (await shop.serials.take(1))[0]
    event = NewEvent(bucket_of(profile_id), profile_id, await shop.metric(METRIC), "late", number, at, {})
    async with shop.database.transaction() as transaction:
        await insert_pending(transaction, shop.account.account_id, [event], at, SystemClock().now())


async def many_events(shop: EngineShop, profile_id: str, count: int) -> None:
    await shop.partitions.ensure("event", [MONDAY - timedelta(days=7 * week) for week in range(5)])
    async with shop.database.transaction() as transaction:
        await transaction.execute(
            """
            WITH made AS (SELECT n, $3::timestamptz - n * interval '4 minutes' AS at FROM generate_series(0, $5 - 1) n),
            keys AS (
                INSERT INTO event_key (bucket, account_id, profile_id, metric_id, unique_id)
                SELECT $1, $2, $4, $6, 'many-' || n FROM made
            )
            INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, properties)
            SELECT $1, $2, $4, $6, at, n, n, '{}' FROM made
            """,
            bucket_of(profile_id),
            shop.account.account_id,
            MONDAY,
            profile_id,
            count,
            await shop.metric(METRIC),
        )
