"""Runs from an event to a message."""

from __future__ import annotations

from datetime import timedelta

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.storage.database import Database


async def test_a_delay_is_waited_before_the_message_goes_out(database: Database) -> None:
    """An event starts a run that waits an hour and then sends one e-mail, at the moment the hour is over."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, delay("wait", "mail"), email("mail", await shop.template())))

    await shop.event("Checkout Started", "ana")
    await shop.drain()
    assert await shop.run_states() == ["WAITING"]
    await shop.move(timedelta(hours=2))

    assert [("ana", MONDAY + timedelta(hours=1))] == await shop.sent()
    assert ["FINISHED"] == await shop.run_states()
    kept = await database.fetch("SELECT recipient, subject, sent_at FROM inbox_message")
    assert [("ana@example.com", "mail", MONDAY + timedelta(hours=1))] == [tuple(row.values()) for row in kept]


async def test_a_profile_knows_when_its_last_event_was(database: Database) -> None:
    """The consumer notes the latest event time, and an earlier one that arrives later does not replace it."""
    shop = await EngineShop.open(database)
    await shop.event("Viewed Product", "ann", occurred_at=MONDAY)
    await shop.drain()
    await shop.event("Viewed Product", "ann", occurred_at=MONDAY - timedelta(hours=1))
    await shop.drain()
    assert MONDAY == await database.fetch_value("SELECT last_event_at FROM profile")


async def test_an_event_from_before_the_flow_went_live_starts_no_run(database: Database) -> None:
    """What was accepted while the flow was a draft is not caught up on, however late the consumer comes to it."""
    shop = await EngineShop.open(database, virtual=False)
    metric = await shop.metric("Checkout Started")
    await shop.event("Checkout Started", "before")
    await shop.flow(definition(metric, delay("wait", "mail"), email("mail", await shop.template())))
    await shop.event("Checkout Started", "after")
    await shop.drain()

    entered = await database.fetch("SELECT profile_id FROM run")
    assert [shop.people["after"]] == [row["profile_id"] for row in entered]
