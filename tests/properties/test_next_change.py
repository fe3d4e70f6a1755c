"""The law of time: until the moment that a condition tells, nothing but what is written changes its answer."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from condition_documents import Conditions, Document
from condition_town import NOW, Asker, Town, undone, wild_values
from headrace.clock import VirtualClock
from headrace.conditions import CompiledFilter, FlowFilter
from headrace.conditions.facts import Moment
from headrace.conditions.parsing import parse
from headrace.conditions.segment_definition import SegmentDefinition
from headrace.engine.loading import load_needs
from headrace.ids import bucket_of
from headrace.model import Profile
from headrace.storage.database import Connection, Database
from headrace.storage.fact_query import ProfileQuery
from headrace.storage.facts import LoadedFacts, load_profiles
from headrace.storage.partitions import Partitions
from headrace.storage.tables import profile

FILTERS, LOOKS = 10, 7
"""Filters of an example, and moments at which the answers are looked at again."""
MOMENT = Moment(NOW, None, UTC)
INSTANT = timedelta(microseconds=1)
FAR = NOW + timedelta(days=9 * 366)
Changes = Mapping[str, datetime | None]


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A database that serves every example, each with an account of its own."""
    pool = await Database.connect(database_dsn, size=2)
    clock = VirtualClock(NOW + timedelta(days=20 * 365))
    await Partitions(pool, clock).ensure("event", {datetime(year, 1, 1, tzinfo=UTC) for year in range(2014, 2027)})
    yield pool
    await pool.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), wild=wild_values, segment=st.booleans())
async def test_until_the_next_change_the_answer_stays(
    database: Database, seed: int, wild: list[Any], segment: bool
) -> None:
    """Whatever is asked: before the moment told, by either reading, the answer is that of now."""
    source = random.Random(seed)
    town, conditions = Town(source, wild), Conditions(source, wild, segment=segment)
    async with undone(database) as transaction:
        await town.build(transaction)
        profiles = await load_profiles(transaction, [(bucket_of(one), town.account_id, one) for one in town.people])
        people = [one for (_, _), one in sorted(profiles.items())]
        for number in range(FILTERS):
            single = {"condition_groups": [{"conditions": [conditions.condition()]}]}
            document = single if number % 3 else conditions.groups()
            asked = parse(SegmentDefinition if segment else FlowFilter, document).compile("7")
            await check(transaction, source, town, people, asked, document)


async def check(
    transaction: Connection,
    source: random.Random,
    town: Town,
    people: list[Profile],
    asked: CompiledFilter,
    document: Document,
) -> None:
    """Compare the answers of one filter at some moments with those of now."""
    askers = await loaded(transaction, town, people, asked, NOW, of_time=True)
    before = verdicts(askers, asked)
    looks = {one.profile_id: asked.look(one.facts) for one in askers}
    assert (document, before) == (document, {one: holds for one, (holds, _) in looks.items()})
    one_by_one = {one: change for one, (_, change) in looks.items()}
    all_at_once = await asked_of_all(transaction, town, asked)
    for changes in (one_by_one, all_at_once):
        assert (document, []) == (document, [at for at in changes.values() if at is not None and at <= NOW])
    for now in moments(source, one_by_one, all_at_once):
        after = verdicts(await loaded(transaction, town, people, asked, now), asked)
        changed = {one for one in after if after[one] is not before[one]}
        for changes in (one_by_one, all_at_once):
            wrong = {one for one in changed if (changes[one] or FAR) > now}
            assert (document, now, set()) == (document, now, wrong)


async def loaded(
    transaction: Connection,
    town: Town,
    people: list[Profile],
    asked: CompiledFilter,
    now: datetime,
    *,
    of_time: bool = False,
) -> list[Asker]:
    """Return everybody with the facts of a moment."""
    moment = replace(MOMENT, now=now)
    askers = [
        Asker(bucket_of(one.profile_id), town.account_id, one.profile_id, LoadedFacts(one, None, moment))
        for one in people
    ]
    needs = asked.needs(moment) | (asked.needs_of_time(moment) if of_time else frozenset())
    await load_needs(transaction, [(one, needs) for one in askers])
    return askers


def verdicts(askers: list[Asker], asked: CompiledFilter) -> dict[str, bool]:
    """Return who passes; what the row alone tells must agree."""
    found = {one.profile_id: asked.holds(one.facts).holds for one in askers}
    of_row = {one.profile_id: asked.decided(one.facts.profile, one.facts.moment) for one in askers}
    assert {} == {one: told for one, told in of_row.items() if told is not None and told is not found[one]}
    return found


async def asked_of_all(transaction: Connection, town: Town, asked: CompiledFilter) -> Changes:
    """Return the moments that the database tells."""
    query = ProfileQuery(town.account_id)
    clause = asked.next_change_where(query, MOMENT)
    if clause is None:
        return dict.fromkeys(town.people)
    await query.settle(transaction)
    asked_for = select(profile.c.profile_id, clause.label("at")).select_from(query.people).where(query.asked(profile))
    rows = await transaction.fetch(asked_for)
    return {row["profile_id"]: row["at"] for row in rows}


def moments(source: random.Random, *told: Changes) -> list[datetime]:
    """Return moments of all sizes, and some that are the last before a moment told or the first after it."""
    known = sorted({at for changes in told for at in changes.values() if at is not None and at < FAR})
    near = [source.choice(known) - source.choice((INSTANT, INSTANT, timedelta(0))) for _ in range(3)] if known else []
    sizes = (timedelta(minutes=5), timedelta(hours=20), timedelta(days=4), timedelta(days=90), timedelta(days=3000))
    far = [NOW + source.choice(sizes) * source.random() for _ in range(LOOKS - len(near))]
    return [one for one in (*near, *far) if one > NOW]
