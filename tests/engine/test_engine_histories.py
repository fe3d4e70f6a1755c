"""Events of a person read once: they answer as the database does, and who did too much is left to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine_shop import MONDAY, EngineShop
from headrace.conditions.facts import EventEdge, EventMoments, EventTotal, Moment, Need, PropertyFilter
from headrace.conditions.filters.string import StringFilter
from headrace.engine.loading import load_histories, load_needs
from headrace.ids import bucket_of
from headrace.storage.database import Database
from headrace.storage.facts import LoadedFacts, load_profiles
from headrace.storage.histories import MOST_EVENTS, Reach, reaches_of

HOUR = timedelta(hours=1)
ACME = (PropertyFilter("brand", StringFilter("equals", "Acme")),)
DEAR = (PropertyFilter("$value", None),)


class Asker:
    """Somebody whose facts are filled."""

    def __init__(self, shop: EngineShop, person: str, facts: LoadedFacts) -> None:
        self.profile_id = shop.people[person]
        self.account_id, self.bucket, self.facts = shop.account.account_id, bucket_of(self.profile_id), facts


async def buyers(database: Database) -> tuple[EngineShop, str]:
    """Return a shop in which ana bought five times, one an hour, and ben more often than is read one by one."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Placed Order")
    for hours, brand, value in (
        (0, "Acme", "10.5"),
        (1, "Birch", "20"),
        (2, "Acme", None),
        (3, "Acme", "-3"),
        (9, "", "1"),
    ):
        moment, price = MONDAY + hours * HOUR, None if value is None else Decimal(value)
        await shop.events("Placed Order", ["ana"], occurred_at=moment, value=price, properties={"brand": brand})
    for number in range(MOST_EVENTS + 1):
        await shop.events("Placed Order", ["ben"], occurred_at=MONDAY + number * timedelta(minutes=1))
    return shop, metric


def needs_of(metric: str) -> list[Need]:
    """Return every kind of question about events, over several spans."""
    spans = [(None, None), (MONDAY, MONDAY + 3 * HOUR), (MONDAY + HOUR, None), (None, MONDAY + HOUR), (MONDAY, MONDAY)]
    found: list[Need] = []
    for since, until in spans:
        for filters in ((), ACME, DEAR):
            found += [EventTotal(metric, since, until, filters), EventMoments(metric, since, until, filters)]
            for nth, latest in ((1, False), (1, True), (2, False), (2, True), (9, True)):
                found.append(EventEdge(metric, since, until, filters, nth, latest))
    return found


async def asker(database: Database, shop: EngineShop, person: str) -> Asker:
    """Return somebody about whom nothing is loaded yet."""
    profile_id = shop.people[person]
    people = await load_profiles(database, [(bucket_of(profile_id), shop.account.account_id, profile_id)])
    moment = Moment(MONDAY + 9 * HOUR, None, UTC)
    return Asker(shop, person, LoadedFacts(next(iter(people.values())), None, moment))


def answer(facts: LoadedFacts, need: Need) -> object:
    """Return the answer to a need of events."""
    if isinstance(need, EventTotal):
        return facts.total(need)
    return facts.edge(need) if isinstance(need, EventEdge) else facts.happenings(need)  # type: ignore[arg-type]


async def test_what_was_read_once_answers_as_the_database_does(database: Database) -> None:
    """Totals, edges and moments over several spans and with filters are the same, and nothing is asked again."""
    shop, metric = await buyers(database)
    needs = needs_of(metric)
    ours, theirs = await asker(database, shop, "ana"), await asker(database, shop, "ana")
    async with database.transaction() as transaction:
        await load_histories(transaction, [(ours, reaches_of(needs))])
        await load_needs(transaction, [(theirs, frozenset(needs))])

    assert [answer(theirs.facts, need) for need in needs] == [answer(ours.facts, need) for need in needs]
    assert ({metric}, {}, {}) == (set(ours.facts.histories), ours.facts.totals, ours.facts.answers)


async def test_who_did_too_much_is_left_to_the_database(database: Database) -> None:
    """Nothing is read of somebody with more events than are counted one by one, unless few are in the span."""
    shop, metric = await buyers(database)
    ben, late = await asker(database, shop, "ben"), await asker(database, shop, "ben")
    since = MONDAY + timedelta(minutes=1)
    async with database.transaction() as transaction:
        await load_histories(transaction, [(ben, reaches_of([EventTotal(metric)]))])
        await load_histories(transaction, [(late, reaches_of([EventTotal(metric, since)]))])

    assert {} == ben.facts.histories
    assert MOST_EVENTS == late.facts.total(EventTotal(metric, since)).count


async def test_what_was_not_read_is_not_answered(database: Database) -> None:
    """A question that reaches further back than what was read, or asks for properties, is refused."""
    shop, metric = await buyers(database)
    ana = await asker(database, shop, "ana")
    never = datetime.max.replace(tzinfo=UTC)
    async with database.transaction() as transaction:
        await load_histories(transaction, [(ana, {metric: Reach(MONDAY + HOUR, MONDAY + 5 * HOUR, never)})])

    assert 3 == ana.facts.total(EventTotal(metric, MONDAY + HOUR, MONDAY + 5 * HOUR)).count
    for need in (EventTotal(metric), EventTotal(metric, MONDAY + HOUR, MONDAY + 2 * HOUR, ACME)):
        with pytest.raises(KeyError):
            ana.facts.total(need)
