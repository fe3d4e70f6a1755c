"""When events occurred: the nth of a span from either end, and all of them, for a batch of people at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from headrace.clock import VirtualClock
from headrace.conditions.facts import EventEdge, EventMoments, PropertyFilter
from headrace.conditions.filters.string import StringFilter
from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database
from headrace.storage.event_answers import Question, load_edges, load_moments
from headrace.storage.partitions import Partitions

NOON = datetime(2023, 6, 17, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RED = (PropertyFilter("color", StringFilter("equals", "red")),)
EVENTS = [(0, "red"), (1, "blue"), (2, "red"), (2, "red"), (700, "blue"), (701, "red")]
"""Hours after noon, over two months, and a property."""


def asked(need: EventEdge | EventMoments, profile_id: str = "P1") -> Question:
    """Return a question about a person."""
    return Question(bucket_of(profile_id), "ACC001", profile_id, need)


@pytest.fixture
async def connection(database_dsn: str) -> AsyncIterator[Connection]:
    """A connection to a database with six events of one person."""
    database = await Database.connect(database_dsn, size=1)
    await Partitions(database, VirtualClock(NOON)).ensure("event", {NOON, NOON + 700 * HOUR})
    async with database.transaction() as transaction:
        for number, (hours, color) in enumerate(EVENTS):
            await transaction.execute(
                "INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, properties) "
                "VALUES ($1, 'ACC001', 'P1', 'METR01', $2, $3, $4)",
                *(bucket_of("P1"), NOON + hours * HOUR, number, {"color": color}),
            )
        yield transaction
    await database.close()


async def test_the_nth_event_is_found_from_either_end(connection: Connection) -> None:
    """Spans, filters, directions and people of one batch do not mix; what is not there is absent."""
    since, until = NOON + HOUR, NOON + 701 * HOUR
    needs = {
        EventEdge("METR01"): 0,
        EventEdge("METR01", latest=True): 701,
        EventEdge("METR01", since, until): 1,
        EventEdge("METR01", since, until, nth=3): 2,
        EventEdge("METR01", since, until, nth=2, latest=True): 2,
        EventEdge("METR01", since, until, RED): 2,
        EventEdge("METR01", None, None, RED, nth=4, latest=True): 0,
        EventEdge("METR01", None, None, RED, nth=5): None,
        EventEdge("METR01", nth=7): None,
        EventEdge("METR02"): None,
    }
    found = await load_edges(connection, [*map(asked, needs), asked(EventEdge("METR01"), "P2")])
    expected = {place: hours for place, hours in enumerate(needs.values()) if hours is not None}
    assert {place: NOON + hours * HOUR for place, hours in expected.items()} == found


async def test_all_events_are_found_in_order(connection: Connection) -> None:
    """Events of one moment come in the order of their numbers, which are told with them."""
    needs = [EventMoments("METR01", NOON + HOUR, NOON + 700 * HOUR), EventMoments("METR01", None, None, RED)]
    found = await load_moments(connection, [*map(asked, needs), asked(needs[0], "P2")])
    first, second = ([1, 2, 3], [0, 2, 3, 5])
    told = {
        place: tuple((NOON + EVENTS[one][0] * HOUR, one) for one in some) for place, some in enumerate((first, second))
    }
    assert told == found
