"""Ingest: events become durable once, and their people are found or made without ever being doubled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from headrace.clock import VirtualClock
from headrace.engine.ingest import Ingest
from headrace.errors import Invalid
from headrace.ids import SeededIds
from headrace.storage.database import Database
from headrace.storage.identity import Identifier, IncomingProfile, Kind, claim
from headrace.storage.ingest import Accepted, IncomingEvent
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """An ingest over a fresh database."""

    database: Database
    ingest: Ingest

    async def post(self, *events: IncomingEvent) -> list:
        """Submit events together, as one request does."""
        return await self.ingest.submit("AAAAAA", events, NOON)

    async def count(self, table: str) -> int:
        """Count the rows of a table."""
        return await self.database.fetch_value(f"SELECT count(*) FROM {table}")


def make_ingest(database: Database, seed: int = 1) -> Ingest:
    """Return an ingest with its own serials and ids, as another process would have."""
    clock = VirtualClock(NOON)
    return Ingest(database, clock, SeededIds(seed), Serials(database), Partitions(database, clock))


@pytest.fixture
async def desk(database_dsn: str) -> AsyncIterator[Desk]:
    """A desk over a fresh database."""
    database = await Database.connect(database_dsn, size=8)
    yield Desk(database, make_ingest(database))
    await database.close()


def event(email: str | None = "ann@example.com", *, at: datetime = NOON, **changes) -> IncomingEvent:
    """Return an event of one person."""
    person = changes.pop("profile", None) or IncomingProfile(email=email)
    return IncomingEvent(person, changes.pop("metric_id", "MMMMMM"), at, **changes)


async def test_an_event_is_stored_with_its_person_and_waits_for_the_consumer(desk: Desk) -> None:
    """One event makes one profile, one identifier, one event and one pending row."""
    [answer] = await desk.post(event(value=Decimal("12.5"), properties={"color": "red"}))
    row = await desk.database.fetch_row("SELECT * FROM event")
    counts = [await desk.count(table) for table in ("profile", "identifier", "event", "pending")]
    assert (counts, answer.is_new) == ([1, 1, 1, 1], True)
    assert (row["number"], row["value"], row["properties"]) == (answer.number, Decimal("12.5"), {"color": "red"})


async def test_a_repeated_unique_id_is_dropped_and_the_first_kept(desk: Desk) -> None:
    """The same unique id of one person and metric is stored once, within a request and across requests."""
    first = await desk.post(event(unique_id="order-1", properties={"n": 1}), event(unique_id="order-1"))
    again = await desk.post(event(unique_id="order-1", properties={"n": 2}))
    assert [one.is_new for one in first + again] == [True, False, False]
    assert await desk.database.fetch_value("SELECT properties FROM event") == {"n": 1}


async def test_without_a_unique_id_a_second_holds_one_event_of_a_metric(desk: Desk) -> None:
    """The default unique id is the event's own second."""
    answers = await desk.post(event(), event(), event(at=NOON + timedelta(seconds=1)), event(metric_id="NNNNNN"))
    assert [one.is_new for one in answers] == [True, False, True, True]


async def test_identifiers_given_together_name_one_person(desk: Desk) -> None:
    """An e-mail address first seen beside an external id names the same profile from then on."""
    both = IncomingProfile(email="Ann@Example.com", external_id="x-1")
    answers = await desk.post(event(profile=both, unique_id="1"))
    answers += await desk.post(event("ann@example.com ", unique_id="2"))
    answers += await desk.post(event(profile=IncomingProfile(external_id="x-1"), unique_id="3"))
    assert len({one.profile_id for one in answers}) == 1


async def test_the_email_decides_where_two_identifiers_name_two_people(desk: Desk) -> None:
    """Two known profiles are never joined by an event; the stronger identifier decides."""
    [ann] = await desk.post(event("ann@example.com", unique_id="1"))
    [other] = await desk.post(event(profile=IncomingProfile(external_id="x-2"), unique_id="2"))
    both = IncomingProfile(email="ann@example.com", external_id="x-2")
    [answer] = await desk.post(event(profile=both, unique_id="3"))
    assert (answer.profile_id, await desk.count("profile")) == (ann.profile_id, 2)
    assert other.profile_id != ann.profile_id


async def test_a_new_address_replaces_the_old_one(desk: Desk) -> None:
    """Once a person has another address, the old one names nobody and can be taken by somebody else."""
    [ann] = await desk.post(event(profile=IncomingProfile(email="old@example.com", external_id="x-1"), unique_id="1"))
    await desk.post(event(profile=IncomingProfile(email="new@example.com", external_id="x-1"), unique_id="2"))
    [other] = await desk.post(event("old@example.com", unique_id="3"))
    stored = await desk.database.fetch_value("SELECT email FROM profile WHERE profile_id = $1", ann.profile_id)
    assert (stored, other.profile_id == ann.profile_id) == ("new@example.com", False)


async def test_properties_are_laid_over_what_is_stored(desk: Desk) -> None:
    """Custom properties and names merge key by key; what is not named stays."""
    first = IncomingProfile(email="ann@example.com", fields={"first_name": "Ann"}, properties={"a": 1, "b": 1})
    second = IncomingProfile(email="ann@example.com", fields={"last_name": "Lee"}, properties={"b": 2})
    await desk.post(event(profile=first, unique_id="1"))
    await desk.post(event(profile=second, unique_id="2"))
    row = await desk.database.fetch_row("SELECT first_name, last_name, properties FROM profile")
    assert dict(row) == {"first_name": "Ann", "last_name": "Lee", "properties": {"a": 1, "b": 2}}


async def test_one_bad_person_spoils_nobody_else(desk: Desk) -> None:
    """An unknown profile id and a person without any identifier come back as problems, the rest is stored."""
    answers = await desk.post(
        event(profile=IncomingProfile(profile_id="01NOBODY")), event(profile=IncomingProfile()), event()
    )
    assert [type(one) for one in answers] == [Invalid, Invalid, Accepted]
    assert await desk.count("event") == 1


async def test_a_batch_that_cannot_be_written_is_written_request_by_request(desk: Desk) -> None:
    """What PostgreSQL refuses in one request fails that request only."""
    good = desk.post(event(unique_id="good"))
    bad = desk.post(event(unique_id="bad", value_currency="\x00"))
    results = await asyncio.gather(good, bad, return_exceptions=True)
    assert (results[0][0].is_new, isinstance(results[1], Exception)) == (True, True)
    assert await desk.count("event") == 1


async def test_concurrent_creators_make_one_profile(desk: Desk) -> None:
    """Eight processes that meet the same new people at once agree on every profile."""
    desks = [make_ingest(desk.database, seed) for seed in range(8)]
    people = [IncomingProfile(email=f"p{n}@example.com", external_id=f"x{n}") for n in range(40)]

    async def post(number: int, ingest: Ingest) -> list:
        order = people[number:] + people[:number]
        return await ingest.submit("AAAAAA", [event(profile=one, unique_id=str(number)) for one in order], NOON)

    answers = await asyncio.gather(*(post(number, one) for number, one in enumerate(desks)))
    names = {one.profile_id for batch in answers for one in batch}
    counts = [await desk.count(table) for table in ("profile", "identifier", "event")]
    assert (len(names), counts) == (40, [40, 80, 320])


async def test_a_batch_that_deadlocks_with_another_begins_anew(desk: Desk) -> None:
    """Whoever holds a person and wants an address that somebody holds who wants the person loses no event."""
    [ann] = await desk.post(event(profile=IncomingProfile(external_id="x-1"), unique_id="1"))
    ann_again = IncomingProfile(external_id="x-1", email="ann@example.com")
    async with desk.database.transaction() as other:
        await other.execute("SET LOCAL deadlock_timeout = '60s'")
        await claim(other, "AAAAAA", [(Identifier(Kind.EMAIL, "ann@example.com"), "01OTHER")])
        posted = asyncio.create_task(desk.post(event(profile=ann_again, unique_id="2")))
        while not await desk.database.fetch_value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            pass
        await other.execute("UPDATE profile SET title = 'Dr.' WHERE profile_id = $1", ann.profile_id)

    [answer] = await posted
    assert answer.is_new
    assert await desk.count("event") == 2


async def test_an_event_handed_in_as_the_last_one_is_answered_is_written(desk: Desk) -> None:
    """Whoever posts again at once, before anything else gets a turn, is not left to a writer that is done."""
    async with asyncio.timeout(20):
        answers = [await desk.post(event(unique_id=str(number))) for number in range(20)]
    assert [True] * 20 == [one.is_new for batch in answers for one in batch]


async def test_accounts_do_not_share_people(desk: Desk) -> None:
    """The same address in two accounts is two people."""
    [one] = await desk.post(event())
    [two] = await desk.ingest.submit("BBBBBB", [event()], NOON)
    assert one.profile_id != two.profile_id


async def test_a_writer_waits_for_senders_until_all_are_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders who shared a transaction share the next one, which begins as soon as the last of them is back."""
    monkeypatch.setattr("headrace.engine.ingest.LINGER", 3600)
    taken = []
    commit = desk.ingest._commit

    async def counted(account_id, events, *more):
        taken.append(len(events))
        return await commit(account_id, events, *more)

    monkeypatch.setattr(Ingest, "_commit", lambda _, *args: counted(*args))

    async def send(sender: int) -> None:
        for number in range(3):
            await desk.ingest.submit("AbC123", [event(f"{sender}@example.com", unique_id=str(number))], NOON)

    await asyncio.gather(*(send(sender) for sender in range(4)))
    await desk.ingest.close()

    assert [4, 4, 4] == taken
