"""Counts of actions: exact before, while and after they are folded."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from headrace.clock import SystemClock
from headrace.ids import SeededIds
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database, Row
from headrace.storage.step_counts import (
    Counts,
    add_counts,
    counts_document,
    counts_of,
    fold_counts,
)

SHOP, FLOW_ID = "SHOP01", "FLOW01"


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A pool over a fresh database with one account."""
    pool = await Database.connect(database_dsn, size=8)
    await create_account(pool, SeededIds(1), Account(SHOP, "Shop"), SystemClock())
    yield pool
    await pool.close()


async def add(database: Database, *counts: tuple[int, str, str, int]) -> None:
    """Add counts in one transaction."""
    keyed: Counts = {(SHOP, FLOW_ID, action, counter, detail): by for action, counter, detail, by in counts}
    async with database.transaction() as transaction:
        await add_counts(transaction, keyed)


async def told(database: Database) -> list[tuple[int, str, str, int]]:
    """Return the counters that are not 0."""
    rows = await counts_of(database, SHOP, FLOW_ID)
    return [(row["action_id"], row["counter"], row["detail"], row["amount"]) for row in rows]


async def test_counts_are_the_same_before_and_after_folding(database: Database) -> None:
    """A reader adds what is not folded yet; other flows and accounts are none of its business."""
    await add(database, (7, "waiting", "", 3), (7, "skipped", "Smart Sending", 2))
    await fold_counts(database)
    await add(database, (7, "waiting", "", -1), (8, "passed", "", 1))
    async with database.transaction() as transaction:
        await add_counts(transaction, {(SHOP, "OTHER1", 7, "waiting", ""): 9, ("SHOP02", FLOW_ID, 7, "waiting", ""): 9})

    before = await told(database)
    await fold_counts(database)

    assert [(7, "skipped", "Smart Sending", 2), (7, "waiting", "", 2), (8, "passed", "", 1)] == before
    assert before == await told(database)
    assert 0 == await database.fetch_value("SELECT count(*) FROM step_delta WHERE account_id = $1", SHOP)


async def test_a_gauge_that_comes_to_nothing_is_not_shown(database: Database) -> None:
    """Whoever came and went leaves no row behind in the answer."""
    await add(database, (7, "waiting", "", 1))
    await fold_counts(database)
    await add(database, (7, "waiting", "", -1))

    assert [] == await told(database)


async def test_nothing_is_lost_or_doubled_while_folders_and_writers_work_side_by_side(database: Database) -> None:
    """Readers see a whole number of batches at every moment, and all of them in the end."""
    seen: list[int] = []

    async def write() -> None:
        for _ in range(20):
            await add(database, (7, "arrived", "", 5), (7, "passed", "", 5))

    async def watch() -> None:
        for _ in range(20):
            await fold_counts(database)
            amounts = {counter: amount for _, counter, _, amount in await told(database)}
            assert amounts.get("arrived", 0) == amounts.get("passed", 0)
            seen.append(amounts.get("arrived", 0))

    await asyncio.gather(write(), write(), watch(), watch())
    await fold_counts(database)

    assert [(7, "arrived", "", 200), (7, "passed", "", 200)] == await told(database)
    assert all(amount % 5 == 0 for amount in seen)


async def test_counts_of_nothing_write_nothing(database: Database) -> None:
    """An empty batch, or one that comes to 0, is no statement."""
    await add(database)
    await add(database, (7, "waiting", "", 0))

    assert 0 == await database.fetch_value("SELECT count(*) FROM step_delta")


def test_the_document_shows_every_action_and_deleted_ones_that_were_reached() -> None:
    """Actions that nobody reached have zeros."""
    rows: list[Row] = [
        {"action_id": 0, "counter": "entered", "detail": "", "amount": 4},
        {"action_id": 0, "counter": "refused", "detail": "reentry", "amount": 2},
        {"action_id": 8, "counter": "branch", "detail": "true", "amount": 3},
        {"action_id": 8, "counter": "waiting", "detail": "", "amount": 1},
    ]
    actions: list[Row] = [
        {"action_id": 7, "type": "time-delay", "name": None, "deleted_at": None},
        {"action_id": 8, "type": "conditional-split", "name": None, "deleted_at": "then"},
        {"action_id": 9, "type": "send-email", "name": "Hi", "deleted_at": "then"},
    ]

    document = counts_document(rows, actions)

    assert (4, 0, {"reentry": 2}) == (document["entered"], document["finished"], document["refused"])
    assert [("7", False, 0, {}), ("8", True, 1, {"true": 3})] == [
        (one["id"], one["deleted"], one["waiting"], one["branches"]) for one in document["actions"]
    ]
