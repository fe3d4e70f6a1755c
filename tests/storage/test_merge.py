"""The laws of merging: events, places, deliveries and every report are what they were, at each step of it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headrace.clock import VirtualClock
from headrace.engine.merges import move_rows
from headrace.ids import SeededIds, bucket_of, event_number
from headrace.reports.flow_values import flow_values, recount
from headrace.reports.request import FlowValuesRequest
from headrace.reports.statistics import STATISTICS
from headrace.reports.timeframes import CustomFrame
from headrace.storage import merges
from headrace.storage.aliases import follow
from headrace.storage.database import Connection, Database
from headrace.storage.events import NewEvent, insert_quietly
from headrace.storage.groups import create_list, join_group, leave_group
from headrace.storage.interactions import Kind
from headrace.storage.merge_rows import Move
from headrace.storage.partitions import Partitions
from headrace.storage.rollups import fold
from headrace.storage.tables import metadata
from report_factories import NOON, Sent, Shop

KNOWN = {
    "consent",
    "conversion",
    "custom_object",
    "delivery",
    "event",
    "event_key",
    "identifier",
    "inbox_message",
    "interaction",
    "job_item",
    "membership",
    "membership_change",
    "opt_in",
    "pending",
    "planned_entry",
    "profile",
    "profile_alias",
    "push_token",
    "run",
    "segment_due",
    "suppression",
    "webhook_event",
}
"""Tables that name people; merging and deleting know what to do with each."""
SOURCE, INTO = "P-source", "P-into"
numbers = itertools.count()
PATIENT = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A database that serves every example, each with an account of its own."""
    database = await Database.connect(database_dsn, size=4)
    yield database
    await database.close()


def test_every_table_that_names_people_is_known() -> None:
    """A new one needs a rule in `storage.merge_rows` and one in `storage.deletions`."""
    assert KNOWN == {table.name for table in metadata.sorted_tables if "profile_id" in table.columns}


async def people(transaction: Connection, account_id: str) -> None:
    """Make two profiles."""
    for profile_id in (SOURCE, INTO):
        await transaction.execute(
            "INSERT INTO profile (bucket, account_id, profile_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
            bucket_of(profile_id),
            account_id,
            profile_id,
            NOON,
        )


@settings(max_examples=15, deadline=None, suppress_health_check=PATIENT, phases=[Phase.explicit, Phase.generate])
@given(
    sends=st.lists(st.tuples(st.booleans(), st.integers(0, 3_000)), min_size=1, max_size=6),
    became=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(list(Kind)), st.integers(1, 500)), max_size=12),
    orders=st.lists(st.tuples(st.booleans(), st.integers(0, 4_000), st.integers(1, 90)), max_size=6),
    limit=st.integers(1, 4),
    folded=st.booleans(),
)
async def test_reports_equal_a_recount_at_every_step(
    database: Database,
    sends: list[tuple[bool, int]],
    became: list[tuple[int, Kind, int]],
    orders: list[tuple[bool, int, int]],
    limit: int,
    folded: bool,
) -> None:
    """Messages to both, what became of them and what was bought, moved in parts of any size: the report stays."""
    shop = await Shop.open(database, account_id=f"ACC{next(numbers)}")
    await _play(shop, sends, became, orders)
    if folded:
        await fold(database, shop.account.account_id)
    before = await _report(shop)
    total = await _total(shop)
    async with database.transaction() as transaction:
        await people(transaction, shop.account.account_id)
        await merges.join_profiles(transaction, _move(shop), NOON)
    while await _part(shop, limit):
        assert before == await _report(shop)
        assert total == await _total(shop)
    query = "SELECT count(*) FROM delivery WHERE account_id = $1 AND profile_id = $2 AND bucket = $3"
    assert len(sends) == await database.fetch_value(query, shop.account.account_id, INTO, bucket_of(INTO))


def _move(shop: Shop) -> Move:
    return Move(shop.account.account_id, SOURCE, INTO)


async def _part(shop: Shop, limit: int) -> int:
    async with shop.database.transaction() as transaction:
        return await move_rows(transaction, _move(shop), limit)


async def _play(
    shop: Shop,
    sends: list[tuple[bool, int]],
    became: list[tuple[int, Kind, int]],
    orders: list[tuple[bool, int, int]],
) -> None:
    sent: list[tuple[Sent, datetime]] = []
    for to_source, minute in sends:
        at = NOON + timedelta(minutes=minute)
        sent.append((await shop.send(at, profile_id=SOURCE if to_source else INTO), at))
        await shop.record(sent[-1][0].interaction(Kind.DELIVERED, at))
    for which, kind, minute in became:
        one, at = sent[which % len(sent)]
        await shop.record(one.interaction(kind, at + timedelta(minutes=minute)))
    for by_source, minute, value in orders:
        at = NOON + timedelta(minutes=minute)
        await shop.attribute(
            await shop.candidate(at, profile_id=SOURCE if by_source else INTO, value=str(Decimal(value)))
        )


async def _report(shop: Shop) -> object:
    names = tuple(statistic.name for statistic in STATISTICS)
    start = NOON.replace(tzinfo=None) - timedelta(minutes=7)
    frame = CustomFrame(start, start + timedelta(days=20))
    request = FlowValuesRequest(names, frame, await shop.metric(), ("flow_id", "flow_message_id"))
    now = NOON + timedelta(days=30)
    fast = await flow_values(shop.database, shop.account, request, now)
    assert fast == await recount(shop.database, shop.account, request, now)
    return fast


async def _total(shop: Shop) -> list[int]:
    queries = [
        f"SELECT count(*) FROM {table} WHERE account_id = $1" for table in ("event", "interaction", "conversion")
    ]
    return [await shop.database.fetch_value(query, shop.account.account_id) for query in queries]


@settings(max_examples=15, deadline=None, suppress_health_check=PATIENT, phases=[Phase.explicit, Phase.generate])
@given(
    events=st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 50), st.integers(-9, 9)), max_size=25),
    limit=st.integers(1, 7),
)
async def test_events_are_conserved(database: Database, events: list[tuple[bool, int, int, int]], limit: int) -> None:
    """Their number and the sum of their values, also where both had one `unique_id`, or the same second."""
    shop = await Shop.open(database, account_id=f"ACC{next(numbers)}")
    account_id, metric_id = shop.account.account_id, await shop.metric()
    await Partitions(database, VirtualClock(NOON)).ensure("event", [NOON])
    made = [
        _event(SOURCE if of_source else INTO, metric_id, f"u{unique}", NOON + timedelta(seconds=second), serial, value)
        for serial, (of_source, unique, second, value) in enumerate(events)
    ]
    async with database.transaction() as transaction:
        await people(transaction, account_id)
        await insert_quietly(transaction, account_id, made)
    query = "SELECT count(*) AS events, coalesce(sum(value), 0) AS total FROM event WHERE account_id = $1"
    before = await database.fetch_row(query, account_id)
    async with database.transaction() as transaction:
        await merges.join_profiles(transaction, _move(shop), NOON)
    while await _part(shop, limit):
        assert before == await database.fetch_row(query, account_id)
    assert before == await database.fetch_row(
        f"{query} AND profile_id = $2 AND bucket = $3", account_id, INTO, bucket_of(INTO)
    )
    keys = await database.fetch("SELECT profile_id, unique_id FROM event_key WHERE account_id = $1", account_id)
    assert {(INTO, one.unique_id) for one in made} == {(row["profile_id"], row["unique_id"]) for row in keys}


def _event(profile_id: str, metric_id: str, unique: str, at: datetime, serial: int, value: int) -> NewEvent:
    number = event_number(at, serial)
    return NewEvent(bucket_of(profile_id), profile_id, metric_id, unique, number, at, {}, Decimal(value))


@settings(max_examples=25, deadline=None, suppress_health_check=PATIENT, phases=[Phase.explicit, Phase.generate])
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.booleans()), max_size=14))
async def test_places_in_groups_are_the_union(database: Database, steps: list[tuple[bool, int, bool]]) -> None:
    """A member where either was one, since the earlier join; the history alternates and ends with what is."""
    shop = await Shop.open(database, account_id=f"ACC{next(numbers)}")
    account_id = shop.account.account_id
    async with database.transaction() as transaction:
        await people(transaction, account_id)
        groups = [await create_list(transaction, account_id, SeededIds(next(numbers)), name, NOON) for name in "ab"]
        for minute, (source, which, joins) in enumerate(steps):
            change = join_group if joins else leave_group
            at = NOON + timedelta(minutes=minute)
            await change(transaction, account_id, groups[which], [SOURCE if source else INTO], at, NOON)
        query = "SELECT group_id, min(joined_at) AS since FROM membership WHERE account_id = $1 GROUP BY 1 ORDER BY 1"
        before = await transaction.fetch(query, account_id)
        await merges.join_profiles(transaction, _move(shop), NOON)
        await move_rows(transaction, _move(shop))
        assert before == await transaction.fetch(query, account_id)
        await _check_histories(transaction, account_id, {row["group_id"] for row in before})


async def _check_histories(transaction: Connection, account_id: str, member_of: set[str]) -> None:
    rows = await transaction.fetch(
        "SELECT group_id, joined, profile_id FROM membership_change WHERE account_id = $1 ORDER BY at, number",
        account_id,
    )
    inside: set[str] = set()
    for row in rows:
        assert INTO == row["profile_id"]
        assert row["joined"] is (row["group_id"] not in inside)
        inside ^= {row["group_id"]}
    assert member_of == inside


async def test_an_alias_is_followed_to_its_end(database: Database) -> None:
    """Links written one by one, even in a ring, which merging never makes: the walk ends."""
    shop = await Shop.open(database, account_id=f"ACC{next(numbers)}")
    account_id = shop.account.account_id
    links = [("a", "b"), ("b", "c"), ("c", "d"), ("x", "y"), ("y", "x")]
    async with database.transaction() as transaction:
        for old, new in links:
            await transaction.execute(
                "INSERT INTO profile_alias (bucket, account_id, profile_id, into_profile_id, merged_at) "
                "VALUES ($1, $2, $3, $4, $5)",
                bucket_of(old),
                account_id,
                old,
                new,
                NOON,
            )
    found = await follow(database, account_id, ["a", "c", "d", "nobody"])
    assert {"a": "d", "c": "d"} == found
    assert {"x"} == set(await follow(database, account_id, ["x"]))
    assert {} == await follow(database, "OTHER", ["a"])
