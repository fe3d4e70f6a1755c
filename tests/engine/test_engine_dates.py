"""Date-based flows on a virtual clock: who enters when, and that nothing happens twice."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from dated_flows import DAY, EVERY_BUCKET, born, changes, counted, dated, ends, greetings, planned, stop, utc

from engine_shop import EngineShop, delay, email
from headrace.engine import date_entries
from headrace.engine.core import Core
from headrace.engine.date_entries import enter_planned
from headrace.flows.schedule import DatePlan, falls_on
from headrace.storage.database import Database
from headrace.storage.planned import Plan, claim_planned, put_plans

MONTHLY = DatePlan(recurrence="monthly")

# --- entering -----------------------------------------------------------------------------------------------------


async def test_a_birthday_is_greeted_every_year(database: Database) -> None:
    """29 February falls on the 28th in common years; who has no birthday, or none that is a date, gets nothing."""
    shop = await EngineShop.open(database)
    for name, birthday in (("ana", "1990-06-15"), ("leo", "1996-02-29"), ("ben", None), ("zoe", "soon")):
        await shop.person(name, born(name, birthday))
    await greetings(shop)

    await shop.move(1000 * DAY)

    assert [utc(f"{year}-06-15 09:00") for year in (2026, 2027, 2028)] == [
        at for person, at in await shop.sent() if person == "ana"
    ]
    assert [utc("2027-02-28 09:00"), utc("2028-02-29 09:00")] == [
        at for person, at in await shop.sent() if person == "leo"
    ]
    assert {"ana", "leo"} == {person for person, _ in await shop.sent()}
    assert ("2026-06-15", "FINISHED", None) == (await ends(shop))[0]


async def test_the_last_of_the_month_comes_every_month(database: Database) -> None:
    """A monthly date on the 31st falls on the last day of shorter months."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "2026-01-31"))
    await greetings(shop, recurrence_frequency="monthly")

    await shop.move(125 * DAY)

    expected = [utc(f"2026-{day} 09:00") for day in ("03-31", "04-30", "05-31", "06-30")]
    assert expected == [at for _, at in await shop.sent()]


async def test_the_time_of_day_is_the_person_s_own(database: Database) -> None:
    """Nine o'clock in Kathmandu and in New York are thirteen hours apart."""
    shop = await EngineShop.open(database, timezone="America/New_York")
    await shop.person("ana", born("ana", "1990-06-15", fields={"timezone": "Asia/Kathmandu"}))
    await shop.person("ben", born("ben", "1990-06-15"))
    await greetings(shop)

    await shop.move(120 * DAY)

    assert [("ana", utc("2026-06-15 03:15")), ("ben", utc("2026-06-15 13:00"))] == await shop.sent()


async def test_a_flow_that_begins_before_the_date_counts_down_to_it(database: Database) -> None:
    """Two weeks before, one week before, on the day, and a day after it."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    template = await shop.template()
    actions = [
        email("early", template, "week"),
        stop("week", "countdown-delay", "near", unit="weeks", value=1, delay_until_time="10:00:00"),
        email("near", template, "day"),
        stop("day", "target-date", "today", target_time="15:00:00"),
        email("today", template, "later"),
        delay("later", "thanks", unit="days", value=1),
        email("thanks", template),
    ]
    await shop.flow(dated(*actions, timedelta_value_before_date=2, timedelta_unit_before_date="weeks"))

    await shop.move(120 * DAY)

    moments = ["06-01 09:00", "06-08 10:00", "06-15 15:00", "06-16 15:00"]
    assert [utc(f"2026-{moment}") for moment in moments] == [at for _, at in await shop.sent()]
    assert [("ana", utc("2027-06-01 09:00"), date(2027, 6, 15))] == await planned(shop)


async def test_who_comes_late_joins_in_the_middle(database: Database) -> None:
    """What was due before is not sent; the flow goes on from where it would be."""
    shop = await EngineShop.open(database)
    template = await shop.template()
    actions = [
        email("early", template, "week"),
        stop("week", "countdown-delay", "near", unit="weeks", value=1, delay_until_time="10:00:00"),
        email("near", template, "day"),
        stop("day", "target-date", "today", target_time="15:00:00"),
        email("today", template),
    ]
    await shop.flow(dated(*actions, timedelta_value_before_date=2, timedelta_unit_before_date="weeks"))
    await shop.move(10 * DAY)

    await shop.person("ana", born("ana", "1990-03-22"))
    await shop.drain()
    await shop.move(30 * DAY)

    assert [utc("2026-03-15 10:00"), utc("2026-03-22 15:00")] == [at for _, at in await shop.sent()]
    assert [("2026-03-22", "FINISHED", None)] == await ends(shop)


async def test_whatever_changes_in_between_every_date_is_greeted_once(database: Database) -> None:
    """People's dates change and go at random for a season; a greeting goes out wherever the date held at nine."""
    shop, draw = await EngineShop.open(database), random.Random(5)
    people = [f"person{number}" for number in range(20)]
    await shop.events("Active on Site", people, profiles={name: born(name, None) for name in people})
    await greetings(shop, recurrence_frequency="monthly")
    known: dict[str, date | None] = dict.fromkeys(people)
    expected: list[tuple[str, datetime]] = []
    await shop.move(DAY)
    for _ in range(12):
        for name in draw.sample(people, 6):
            known[name] = date(2026, 1, draw.randint(1, 31)) if draw.random() < 0.8 else None
            await shop.person(name, born(name, str(known[name]) if known[name] else "never"))
        await shop.drain()
        now = await shop.now()
        then = now + timedelta(hours=draw.randint(1, 400))
        await shop.move(then - now)
        for nine in (now.replace(hour=9, minute=0) + day * DAY for day in range(20)):
            holding = [name for name, value in known.items() if value and falls_on(MONTHLY, value, nine.date())]
            expected += [(name, nine) for name in holding if now < nine <= then]

    assert sorted(expected) == sorted(await shop.sent())
    assert len(expected) > 20


async def test_a_refusal_is_told_and_the_next_year_is_planned(database: Database) -> None:
    """The flow's filter is asked at entry, and so is re-entry."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    asked = {
        "type": "profile-property",
        "property": "properties['vip']",
        "filter": {"type": "boolean", "operator": "equals", "value": True},
    }
    await greetings(shop, profile_filter={"condition_groups": [{"conditions": [asked]}]})
    await shop.move(200 * DAY)
    assert ["fails_flow_filters"] == await shop.refusals()
    assert [("ana", utc("2027-06-15 09:00"), date(2027, 6, 15))] == await planned(shop)

    await changes(shop, "ana", vip=True)
    await shop.move(365 * DAY)

    assert [("ana", utc("2027-06-15 09:00"))] == await shop.sent()


async def test_a_flow_without_re_entry_is_entered_once(database: Database) -> None:
    """By default a date brings people in again and again; `alltime` 1 forbids it."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "2026-01-31"))
    await greetings(shop, recurrence_frequency="monthly", reentry_criteria={"duration": 1, "unit": "alltime"})

    await shop.move(70 * DAY)

    assert [("ana", utc("2026-03-31 09:00"))] == await shop.sent()
    assert ["reentry"] == await shop.refusals()


# --- crashes ------------------------------------------------------------------------------------------------------


async def due(shop: EngineShop, *people: str) -> datetime:
    """Make a flow and people whose entry has come, and return the present moment."""
    for name in people:
        await shop.person(name, born(name, "1990-06-15"))
    await greetings(shop)
    await shop.drain()
    return utc("2026-06-15 12:00")


async def enter(shop: EngineShop, now: datetime) -> int:
    """Carry out what is planned, without what follows from it."""
    return await enter_planned(shop.core, shop.account.clock, EVERY_BUCKET, now)


async def test_entering_again_after_a_rollback_starts_one_run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash before the commit leaves the plan, and the next try starts the run."""
    shop = await EngineShop.open(database)
    now = await due(shop, "ana")

    async def crash(*_: object) -> None:
        raise ConnectionError("the server is gone")

    with monkeypatch.context() as patched:
        patched.setattr("headrace.engine.date_entries.plan_entries", crash)
        with pytest.raises(ConnectionError):
            await enter(shop, now)
    assert 0 == await counted(database, "run")

    assert [1, 0] == [await enter(shop, now), await enter(shop, now)]
    assert 1 == await counted(database, "run")
    assert [("ana", utc("2027-06-15 09:00"), date(2027, 6, 15))] == await planned(shop)


async def test_a_plan_that_is_carried_out_twice_starts_one_run(database: Database) -> None:
    """The run's id is fixed by what is planned, so that even a plan that comes back changes nothing."""
    shop = await EngineShop.open(database)
    now = await due(shop, "ana")
    async with database.transaction() as transaction:
        plans = await claim_planned(transaction, shop.account.clock, EVERY_BUCKET, now, 10)
    await enter(shop, now)
    async with database.transaction() as transaction:
        await put_plans(transaction, plans)

    await enter(shop, now)

    assert 1 == await counted(database, "run")
    assert [("ana", utc("2027-06-15 09:00"), date(2027, 6, 15))] == await planned(shop)


async def test_an_entry_that_fails_by_a_bug_holds_up_nobody_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again an hour later."""
    shop = await EngineShop.open(database)
    now = await due(shop, "ana", "ben")
    attempt = date_entries._attempt

    def fail(core: Core, plan: Plan, *rest: Any) -> Any:
        if plan.profile_id == shop.people["ana"]:
            raise ZeroDivisionError
        return attempt(core, plan, *rest)

    monkeypatch.setattr(date_entries, "_attempt", fail)
    assert 2 == await enter(shop, now)

    assert [shop.people["ben"]] == [row["profile_id"] for row in await shop.runs()]
    assert ("ana", utc("2026-06-15 13:00"), date(2026, 6, 15)) == (await planned(shop))[0]
