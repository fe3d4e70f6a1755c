"""Runs that wait for a result: what a result changes, and what it leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from headrace.storage.awaited import Settled, settle_awaited
from headrace.storage.database import Database, Row

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
RUN, DELIVERY, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
OUTPUT = {"status": 200, "body": {"score": 7}, "error": None}

_RUN = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, action_id, resume_at, clock,
                 state, visited, steps, chain, awaits, outputs)
VALUES (5, 'AbC123', $1, 'FlOw01', 'ana', 1, $2, 10, $3, 0, $4, '{}', 0, 0, $5, $6)
"""


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A pool over a fresh, migrated database."""
    pool = await Database.connect(database_dsn, size=4)
    yield pool
    await pool.close()


async def wait(database: Database, *, state: int = 0, awaits: UUID | None = DELIVERY, outputs: Any = None) -> None:
    """Store a run that waits."""
    async with database.transaction() as transaction:
        await transaction.execute(_RUN, RUN, NOON, LATER, state, awaits, outputs)


def settled(delivery: UUID = DELIVERY) -> Settled:
    """Return a result."""
    return Settled(5, "AbC123", RUN, delivery, 7, NOON, OUTPUT)


async def settle(database: Database, *results: Settled) -> Row:
    """Write results and return the run."""
    async with database.transaction() as transaction:
        await settle_awaited(transaction, results)
    row = await database.fetch_row("SELECT awaits, outputs, resume_at FROM run")
    assert row is not None
    return row


async def test_the_run_gets_the_output_and_is_due(database: Database) -> None:
    """Under the action's id, beside what it had."""
    await wait(database, outputs={"3": {"status": 204}})
    row = await settle(database, settled())
    assert (None, NOON, {"3": {"status": 204}, "7": OUTPUT}) == (row["awaits"], row["resume_at"], row["outputs"])


async def test_another_delivery_is_not_what_it_waits_for(database: Database) -> None:
    """Its result changes nothing, and neither does the right one once nothing is awaited."""
    await wait(database)
    assert (DELIVERY, None, LATER) == tuple((await settle(database, settled(OTHER))).values())
    await settle(database, settled())
    row = await settle(database, Settled(5, "AbC123", RUN, DELIVERY, 7, LATER, {"status": 500}))
    assert (NOON, {"7": OUTPUT}) == (row["resume_at"], row["outputs"])


async def test_a_run_that_has_ended_is_left_alone(database: Database) -> None:
    """Whatever it once waited for."""
    await wait(database, state=2)
    assert (DELIVERY, None, LATER) == tuple((await settle(database, settled())).values())


async def test_a_run_that_goes_on_meanwhile_is_looked_at_again(database: Database) -> None:
    """A worker whose patience is over holds the row; the result that comes at that moment finds nobody waiting."""
    await wait(database)
    async with database.transaction() as worker:
        await worker.execute("UPDATE run SET awaits = NULL, action_id = 11")
        late = asyncio.create_task(settle(database, settled()))
        while not await worker.fetch_value("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)"):
            pass  # the result waits for the worker's lock soon
    row = await late
    assert (None, LATER, None) == (row["awaits"], row["resume_at"], row["outputs"])
