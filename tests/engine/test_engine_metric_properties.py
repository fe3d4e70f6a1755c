"""The consumer of events notes their properties: once, in its own transaction, and no more of a metric than allowed."""

from __future__ import annotations

from typing import Any

import pytest

from engine_shop import WORKSHOP, EngineShop, definition, delay
from headrace.engine.setup import build_core
from headrace.storage import metric_properties
from headrace.storage.database import Connection, Database
from headrace.storage.metric_properties import property_id


class Slip(Exception):
    """What goes wrong in a test."""


async def noted(shop: EngineShop) -> list[tuple[str, str]]:
    """Return every property that is noted, and its type."""
    rows = await shop.database.fetch("SELECT property, inferred_type FROM metric_property ORDER BY property")
    return [(row["property"], row["inferred_type"]) for row in rows]


@pytest.mark.parametrize("waited", [True, False])
async def test_properties_are_noted_whether_or_not_a_flow_waits(database: Database, waited: bool) -> None:
    """Events whose properties are loaded, and those whose are not, are looked at alike."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Viewed Product")
    if waited:
        await shop.flow(definition(metric, delay("wait", None)))
    await shop.event("Viewed Product", "ann", properties={"Name": "Boot", "Price": 5})
    await shop.drain()
    assert [("Name", "Text"), ("Price", "Number")] == await noted(shop)
    row = await database.fetch_row("SELECT * FROM metric_property WHERE property = 'Name'")
    assert row is not None
    assert property_id(shop.account.account_id, metric, "Name") == row["property_id"]
    event = await database.fetch_row("SELECT number, occurred_at FROM event")
    assert event is not None
    assert (event["number"], event["occurred_at"]) == (row["first_number"], row["first_at"])


async def test_what_is_known_costs_no_statement(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a process has found a property noted, the events that have it are looked at by names alone."""
    shop = await EngineShop.open(database)
    await shop.flow(definition(await shop.metric("Viewed Product"), delay("wait", None)))
    statements: list[str] = []
    fetch = Connection.fetch

    async def counted(connection: Connection, query: Any, *args: Any) -> Any:
        statements.extend([query] if isinstance(query, str) and "metric_property" in query else [])
        return await fetch(connection, query, *args)

    monkeypatch.setattr(Connection, "fetch", counted)
    counts = []
    for person in ("ann", "bob", "cy", "dee"):
        statements.clear()
        await shop.event("Viewed Product", person, properties={"Name": "Boot"})
        await shop.drain()
        counts.append(len(statements))
    assert [2, 1, 0, 0] == counts


async def test_what_is_rolled_back_is_noted_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a transaction fails after noting, the property is noted by the one that takes its place."""
    shop = await EngineShop.open(database)
    await shop.event("Viewed Product", "ann", properties={"Name": "Boot"})
    delete, slips = enter_module().delete_pending, [Slip()]

    async def slip(transaction: Connection, rows: Any) -> None:
        if slips:
            raise slips.pop()
        await delete(transaction, rows)

    monkeypatch.setattr(enter_module(), "delete_pending", slip)
    with pytest.raises(Slip):
        await shop.drain()
    assert [] == await noted(shop)
    await shop.drain()
    assert [("Name", "Text")] == await noted(shop)


def enter_module() -> Any:
    """Return the module of the consumer."""
    from headrace.engine import enter

    return enter


async def test_no_more_properties_than_allowed_are_noted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first in order are noted; a full metric takes no more, and neither does a name that is too long."""
    monkeypatch.setattr(metric_properties, "MOST_OF_METRIC", 3)
    shop = await EngineShop.open(database)
    await shop.event("Viewed Product", "ann", properties={"b": 1, "x" * 256: 1})
    await shop.drain()
    await shop.event("Viewed Product", "ann", properties={"e": 1, "c": 1, "d": 1, "a": 1})
    await shop.drain()
    for _ in range(2):
        await shop.event("Viewed Product", "ann", properties={"f": 1})
        await shop.drain()
    assert [("a", "Number"), ("b", "Number"), ("c", "Number")] == await noted(shop)


async def test_two_processes_note_a_property_once(database: Database) -> None:
    """A process that does not know what another one has noted finds it there."""
    shop = await EngineShop.open(database)
    await shop.event("Viewed Product", "ann", properties={"Name": "Boot"})
    await shop.drain()
    other = EngineShop(**{**vars(shop), "core": build_core(database, WORKSHOP, ids=shop.ids, name="other")})
    await other.event("Viewed Product", "bob", properties={"Name": 5, "Size": 42})
    await other.drain()
    assert [("Name", "Text"), ("Size", "Number")] == await noted(shop)


async def test_a_name_is_noted_for_each_metric(database: Database) -> None:
    """Metrics with the same property have one each, of its own type."""
    shop = await EngineShop.open(database)
    await shop.event("Viewed Product", "ann", properties={"Name": "Boot"})
    await shop.event("Placed Order", "ann", properties={"Name": ["Boot"]})
    await shop.drain()
    assert [("Name", "List"), ("Name", "Text")] == sorted(await noted(shop))
