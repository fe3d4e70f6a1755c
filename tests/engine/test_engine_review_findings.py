"""Scenarios of defects that a review of the engine found."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.engine.account_clock import advance
from headrace.storage.database import Database

PATIENCE = 20.0
"""Seconds after which something that should end counts as stuck."""


async def dripping(database: Database, seed: int) -> EngineShop:
    """Return a shop with a person who gets an e-mail a day for a while."""
    shop = await EngineShop.open(database, seed=seed)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    actions = []
    for number in range(5):
        following = f"wait{number + 1}" if number < 4 else None
        actions.append(delay(f"wait{number}", f"mail{number}", unit="days", value=20))
        actions.append(email(f"mail{number}", template, following))
    await shop.flow(definition(metric, *actions))
    await shop.event("Checkout Started", "ana")
    return shop


async def test_more_clocks_than_connections_can_be_moved_at_once(database_dsn: str) -> None:
    """Who moves a clock keeps a connection for the lock, and must leave the others enough to get on with."""
    database = await Database.connect(database_dsn, size=4)
    shops = [await dripping(database, seed) for seed in range(6)]

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(shop.move(timedelta(days=101)) for shop in shops))

    assert [MONDAY + timedelta(days=101)] * 6 == [await shop.now() for shop in shops]
    assert 30 == await database.fetch_value("SELECT count(*) FROM delivery")
    await database.close()


async def test_what_a_transaction_needs_beside_itself_needs_no_connection_of_the_pool(database_dsn: str) -> None:
    """With every connection in a transaction, partitions, metrics and serials are there all the same."""
    database = await Database.connect(database_dsn, size=1)
    shop = await EngineShop.open(database)
    account_id = shop.account.account_id

    async with asyncio.timeout(PATIENCE), database.transaction():
        await shop.core.partitions.ensure("journal", {MONDAY})
        serials = await shop.core.serials.take(1)
        metrics = await shop.core.metrics.ids(account_id, ["Something New"])

    assert (1, ["Something New"]) == (len(serials), list(metrics))
    await database.close()


async def test_two_who_move_the_same_clock_both_get_there(database: Database) -> None:
    """A clock that somebody else moved beyond a portion of one's way is no mistake of one's own."""
    shop = await dripping(database, 7)
    to = MONDAY + timedelta(days=101)

    moved = await asyncio.gather(*(advance(shop.core, shop.account.account_id, to) for _ in range(2)))

    assert [True, True] == [one.complete for one in moved]
    assert to == await shop.now()
