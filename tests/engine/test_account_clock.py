"""Freezing an account's clock and letting it follow the machine's: everything that is planned comes along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine_shop import MONDAY, EngineShop
from headrace.engine.account_clock import advance, follow_clock, freeze_clock, run_to_next, standing
from headrace.errors import Conflict, Invalid, NotFound, PermissionDenied
from headrace.model.account import Settings
from headrace.storage.database import Database

LATER = datetime(2027, 1, 1, tzinfo=UTC)
RUN = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, resume_at, clock, state, visited,
                 steps, chain)
SELECT 1, $1, gen_random_uuid(), 'F', 'P', 1, $2, $2, 0, state, '{}', 0, 0 FROM generate_series(0, 4) AS s (state)
"""
DELIVERY = """
INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id,
                      channel, format, state, clock, queued_at, due_at)
SELECT 1, $1, gen_random_uuid(), gen_random_uuid(), 'F', 1, 'M', '', 'P', 1, '', state, 0, $2, $2
FROM generate_series(0, 7) AS s (state)
"""
PLANNED = "INSERT INTO planned_entry VALUES (1, $1, 'F', 'P', $2, '2027-01-02', 0)"


async def shop_for_tests(database: Database) -> EngineShop:
    """Return a test account on the machine's clock, with a row of every kind and state that is planned for later."""
    shop = await EngineShop.open(database, virtual=False, settings=Settings(test=True))
    async with database.transaction() as transaction:
        for statement in (RUN, DELIVERY, PLANNED):
            await transaction.execute(statement, shop.account.account_id, LATER)
    return shop


async def on_own_clock(shop: EngineShop) -> dict[str, list[int]]:
    """Return the states of the rows that are on a clock other than the machine's."""
    found = {}
    for table, state in (("run", "state"), ("delivery", "state"), ("planned_entry", "0::smallint")):
        rows = await shop.database.fetch(f"SELECT {state} AS state FROM {table} WHERE clock > 0 ORDER BY 1")
        found[table] = [row["state"] for row in rows]
    return found


async def test_what_may_still_happen_comes_along(database: Database) -> None:
    """Waiting, parked and held runs; queued, sending and reviewed messages; planned entries. What is over stays."""
    shop = await shop_for_tests(database)

    await freeze_clock(database, shop.account.account_id, shop.core.clock)
    frozen = await on_own_clock(shop)
    await follow_clock(database, shop.account.account_id)

    assert {"run": [0, 3, 4], "delivery": [0, 1, 6], "planned_entry": [0]} == frozen
    assert {"run": [], "delivery": [], "planned_entry": []} == await on_own_clock(shop)


async def test_freezing_a_clock_that_stands_leaves_it_where_it_is(database: Database) -> None:
    """Asking twice is no mistake."""
    shop = await EngineShop.open(database)
    await freeze_clock(database, shop.account.account_id, shop.core.clock)
    found = await standing(database, shop.account.account_id, shop.core.clock)
    assert ("frozen", MONDAY, True) == (found.mode, found.now, found.test)


async def test_other_accounts_keep_their_clocks(database: Database) -> None:
    """Only the account's own rows are rewritten."""
    shop = await shop_for_tests(database)
    other = await EngineShop.open(database, virtual=False, settings=Settings(test=True))
    await freeze_clock(database, other.account.account_id, other.core.clock)
    assert {"run": [], "delivery": [], "planned_entry": []} == await on_own_clock(shop)


async def test_a_move_without_patience_ends_early_and_goes_on_when_it_is_asked_again(database: Database) -> None:
    """Between two portions of time the clock stands short of its target."""
    shop = await EngineShop.open(database)
    account_id, target = shop.account.account_id, MONDAY + timedelta(days=10)

    first = await advance(shop.core, account_id, target, patience=-1.0)
    stands = await shop.now()
    second = await advance(shop.core, account_id, target)

    assert (False, True) == (first.complete, second.complete)
    assert MONDAY < stands < target
    assert target == await shop.now()


async def test_who_may_not_be_moved_is_refused(database: Database) -> None:
    """Production accounts, clocks that do not stand, moments in the past, accounts that are not there."""
    live = await EngineShop.open(database, virtual=False)
    running = await shop_for_tests(database)
    stopped = await EngineShop.open(database)
    with pytest.raises(PermissionDenied, match="is not a test account"):
        await freeze_clock(database, live.account.account_id, live.core.clock)
    with pytest.raises(Conflict, match="freeze it first"):
        await run_to_next(running.core, running.account.account_id)
    with pytest.raises(Invalid, match="cannot go back"):
        await advance(stopped.core, stopped.account.account_id, MONDAY - timedelta(days=1))
    with pytest.raises(NotFound, match="no account"):
        await standing(database, "NOBODY", stopped.core.clock)
