"""`headrace webhook`."""

from __future__ import annotations

import asyncio

from commands import Commands

from engine_shop import MONDAY, EngineShop
from headrace.storage.database import Database
from headrace.storage.webhooks import NewWebhook, create_webhook


def make(dsn: str, statement: str = "SELECT 1") -> None:
    """Make a shop with a webhook that is still to be told of two orders, and change rows behind its back."""

    async def work() -> None:
        database = await Database.connect(dsn, size=4)
        shop = await EngineShop.open(database)
        new = NewWebhook("HOOK1", "Orders", None, "https://example.com/hook", b"sealed", ["event:api.placed_order"])
        async with database.transaction() as transaction:
            await create_webhook(transaction, shop.account.account_id, new, MONDAY)
        await shop.event("Placed Order", "ana")
        await shop.event("Placed Order", "bea")
        await database.fetch(statement)
        await database.close()

    asyncio.run(work())


def test_webhooks_are_listed_with_what_they_wait_for(headrace: Commands, database_dsn: str) -> None:
    """How many events, and since when their receiver fails."""
    make(database_dsn, "UPDATE webhook SET attempts = 3, failing_since = '2026-03-01', error = 'answered 500'")
    [row] = headrace.data("webhook", "list")
    shown = tuple(row[name] for name in ("id", "name", "enabled", "waiting", "failures", "error"))
    assert ("HOOK1", "Orders", True, 2, 3, "answered 500") == shown
    assert "HOOK1" in headrace.run("webhook", "list")
    assert ["event:api.placed_order"] * 2 == [one["topic"] for one in headrace.data("webhook", "deliveries", "HOOK1")]
    assert 1 == len(headrace.data("webhook", "deliveries", "HOOK1", "--limit", "1"))


def test_a_webhook_is_called_again_at_once(headrace: Commands, database_dsn: str) -> None:
    """Its failures are forgotten, and one that was switched off is switched on."""
    make(
        database_dsn,
        "UPDATE webhook SET enabled = false, attempts = 3, not_before = 'infinity', error = 'answered 500'",
    )
    headrace.run("webhook", "retry", "HOOK1")
    [row] = headrace.data("webhook", "list")
    assert (True, 0, None, None) == tuple(row[name] for name in ("enabled", "failures", "next_call_at", "error"))


def test_an_unknown_webhook_is_named(headrace: Commands, database_dsn: str) -> None:
    """By the id that was given."""
    make(database_dsn)
    assert "'HOOK9'" in headrace.fails("webhook", "retry", "HOOK9")
    assert "'HOOK9'" in headrace.fails("webhook", "deliveries", "HOOK9")
