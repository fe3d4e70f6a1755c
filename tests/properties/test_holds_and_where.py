"""The law of conditions: asked of one person after the other, or of all at once, the answer is the same."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condition_documents import FLOW, Conditions, Document
from condition_town import NOW, Asker, Town, undone, wild_values
from headrace.clock import VirtualClock
from headrace.conditions import CompiledFilter, FlowFilter, postal_codes
from headrace.conditions.facts import Moment
from headrace.conditions.groups import FilterGroups
from headrace.conditions.parsing import parse
from headrace.conditions.segment_definition import SegmentDefinition
from headrace.engine.loading import load_needs
from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database
from headrace.storage.fact_query import matching
from headrace.storage.facts import LoadedFacts, load_profiles
from headrace.storage.partitions import Partitions

SINGLE, GROUPED = 14, 4
"""How many conditions and groups of them are asked of all."""


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A database that serves every example, each with an account of its own."""
    pool = await Database.connect(database_dsn, size=2)
    clock = VirtualClock(NOW + timedelta(days=20 * 365))
    await Partitions(pool, clock).ensure("event", {datetime(year, 1, 1, tzinfo=UTC) for year in range(2014, 2027)})
    yield pool
    await pool.close()


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know where two postal codes are, whatever packages are installed."""
    known = {"10001": (40.7484, -73.9967), "94105": (37.7864, -122.3892)}
    monkeypatch.setattr(postal_codes, "_in_america", lambda code: known.get(code[:5]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), wild=wild_values, enters=st.booleans())
async def test_asking_one_and_asking_all_agree(database: Database, seed: int, wild: list[Any], enters: bool) -> None:
    """Whatever the people are, have and did, and whatever is asked: `holds` finds those that `where` selects."""
    source = random.Random(seed)
    town, conditions = Town(source, wild), Conditions(source, wild)
    entered_at = NOW - timedelta(hours=3) if enters else None
    async with undone(database) as transaction:
        await town.build(transaction)
        recent = [number for occurred_at, number in town.events if occurred_at > NOW - timedelta(hours=3)]
        started_by = source.choice((None, *recent)) if enters else None
        moment = Moment(NOW, entered_at, UTC, "run" if enters and seed % 2 else "", FLOW, started_by)
        profiles = await load_profiles(transaction, [(bucket_of(one), town.account_id, one) for one in town.people])
        single = [{"condition_groups": [{"conditions": [conditions.condition()]}]} for _ in range(SINGLE)]
        for document in (*single, *(conditions.groups() for _ in range(GROUPED))):
            await check(transaction, town, profiles, document, moment)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), wild=wild_values)
async def test_asking_one_and_asking_all_agree_about_segments(database: Database, seed: int, wild: list[Any]) -> None:
    """The same of what only segments ask, outside any run."""
    source = random.Random(seed)
    town, conditions = Town(source, wild), Conditions(source, wild, segment=True)
    async with undone(database) as transaction:
        await town.build(transaction)
        profiles = await load_profiles(transaction, [(bucket_of(one), town.account_id, one) for one in town.people])
        for _ in range(SINGLE):
            document = {"condition_groups": [{"conditions": [conditions.condition()]}]}
            await check(transaction, town, profiles, document, Moment(NOW, None, UTC), SegmentDefinition)


async def check(
    transaction: Connection,
    town: Town,
    profiles: dict[Any, Any],
    document: Document,
    moment: Moment,
    model: type[FilterGroups[Any]] = FlowFilter,
) -> None:
    """Compare both readings of one filter."""
    asked: CompiledFilter = parse(model, document).compile("7")
    askers = [
        Asker(bucket_of(one.profile_id), town.account_id, one.profile_id, LoadedFacts(one, None, moment))
        for one in profiles.values()
    ]
    await load_needs(transaction, [(one, asked.needs(moment)) for one in askers])
    expected = sorted(one.profile_id for one in askers if asked.holds(one.facts).holds)
    found = await matching(transaction, town.account_id, asked, moment)
    assert (document, expected) == (document, found)
