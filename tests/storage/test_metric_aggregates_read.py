"""What the count of a metric's events reads: the partitions of its span, in one statement."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from headrace.clock import VirtualClock
from headrace.errors import Invalid
from headrace.ids import bucket_of, event_number
from headrace.storage import metric_aggregates
from headrace.storage.database import Database
from headrace.storage.events import NewEvent, insert_quietly
from headrace.storage.metric_aggregates import Count, DimensionTest, Mark, Order, count_events
from headrace.storage.partitions import Partitions
from report_factories import NOON, Shop

JANUARY = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
async def shop(database_dsn: str) -> AsyncIterator[Shop]:
    """A shop with two events in each of five months, the second worth no number."""
    database = await Database.connect(database_dsn, size=4)
    shop = await Shop.open(database)
    moments = [JANUARY + timedelta(days=31 * month) for month in range(5)]
    await Partitions(database, VirtualClock(NOON)).ensure("event", moments)
    metric = await shop.metric()
    events = [
        _event(metric, at, number, value) for at in moments for number, value in enumerate(("2.50", "NaN"), start=1)
    ]
    async with database.transaction() as transaction:
        await insert_quietly(transaction, shop.account.account_id, events)
    yield shop
    await database.close()


def _event(metric: str, at: datetime, number: int, value: str) -> NewEvent:
    url = {"URL": f"https://{number}"}
    key = event_number(at, number)
    return NewEvent(bucket_of("P1"), "P1", metric, str(key), key, at, url, Decimal(value))


async def asked(shop: Shop, start: datetime, end: datetime) -> Count:
    """Return a count of the shop's events by URL, in one bucket."""
    return Count(shop.account.account_id, await shop.metric(), (start, end), by=("URL",), unique=True)


async def test_only_the_partitions_of_the_span_are_read(shop: Shop) -> None:
    """Of five months, the two that the span lies in, also where rows are joined with what they are attributed to."""
    count = await asked(shop, JANUARY + timedelta(days=31), JANUARY + timedelta(days=63))
    tested = replace(count, tests=(DimensionTest("$attributed_flow", ("",)),))
    async with shop.database.transaction() as transaction:
        sql, values = metric_aggregates._sql(tested), metric_aggregates._arguments(tested)
        plan = "\n".join(row["QUERY PLAN"] for row in await transaction.fetch(f"EXPLAIN {sql}", *values))
    assert {"event_2026_02", "event_2026_03"} == set(re.findall(r"on (event_\d{4}_\d\d)\b", plan))


async def test_a_value_that_is_no_number_does_not_count(shop: Shop) -> None:
    """It would spoil the sum of its bucket."""
    count = await asked(shop, JANUARY, JANUARY + timedelta(days=200))
    async with shop.database.transaction() as transaction:
        found = await count_events(transaction, count)
    assert {("https://1",): (5, Decimal("12.50"), 1), ("https://2",): (5, Decimal(0), 1)} == {
        one.dimensions: (one.figures["count"][0], one.figures["sum_value"][0], one.figures["unique"][0])
        for one in found
    }


@pytest.mark.parametrize("edges", [(1900, 1901), (2126, 2127), (8999, 9000)])
async def test_spans_beyond_all_events_are_empty(shop: Shop, edges: tuple[int, int]) -> None:
    """Numbers of events begin in 1990 and end in 2126."""
    count = await asked(shop, *(datetime(year, 1, 1, tzinfo=UTC) for year in edges))
    async with shop.database.transaction() as transaction:
        assert [] == await count_events(transaction, count)


async def test_a_mark_by_its_digest_is_that_of_its_group(shop: Shop) -> None:
    """A page behind either begins with the same group, in any order."""
    whole = await asked(shop, JANUARY, JANUARY + timedelta(days=200))
    for order in (None, Order("URL", descending=True), Order("sum_value"), Order("count", descending=True)):
        async with shop.database.transaction() as transaction:
            first, second = await count_events(transaction, replace(whole, order=order))
            for mark in (first.mark, Mark(first.mark.total, None, first.mark.digest)):
                assert [second] == await count_events(transaction, replace(whole, order=order, after=mark))


async def test_a_count_that_takes_too_long_is_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request does not keep a connection, and the database, for as long as it likes."""
    monkeypatch.setattr(metric_aggregates, "MOST_SECONDS", 1)
    count = await asked(shop, JANUARY, JANUARY + timedelta(days=200))
    async with shop.database.transaction() as other, shop.database.transaction() as transaction:
        await other.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Invalid, match="longer than 1 seconds, the most allowed"):
            await count_events(transaction, count)
