"""Date-based flows on a virtual clock: who enters when, what changes of a date do, and that nothing happens twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.engine import date_entries
from headrace.engine.core import Core, Limits
from headrace.engine.date_entries import enter_planned
from headrace.engine.dates import plan_flows
from headrace.storage import flows
from headrace.storage.account_clocks import follow_system
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.planned import Plan, claim_planned, put_plans
from headrace.storage.profiles import ProfileChange, change_profile, create_profile

EVERY_BUCKET = list(range(256))
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    """Return an instant from its spelling in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dated(*actions: Mapping[str, Any], **trigger: Any) -> dict[str, Any]:
    """Return a flow that begins by a person's birthday, by default yearly, on the day itself at nine."""
    rest = {key: trigger.pop(key) for key in ("profile_filter", "reentry_criteria") if key in trigger}
    asked = {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "birthday",
        "timedelta_value_before_date": 0,
        "timedelta_unit_before_date": "days",
        "recurrence_frequency": "annually",
        "timezone": "profile",
        "trigger_time": "09:00:00",
        **trigger,
    }
    return {**definition("", *actions, **rest), "triggers": [asked]}


def stop(name: str, kind: str, following: str | None, **data: Any) -> dict[str, Any]:
    """Return a countdown or a target date."""
    return {"temporary_id": name, "type": kind, "links": {"next": following}, "data": {"timezone": "profile", **data}}


def born(name: str, birthday: str | None, **rest: Any) -> IncomingProfile:
    """Return a person with a birthday."""
    properties = {} if birthday is None else {"birthday": birthday}
    return IncomingProfile(email=f"{name}@example.com", properties=properties, **rest)


async def changes(shop: EngineShop, name: str, **properties: Any) -> None:
    """Change properties of a person by an event, and let what follows happen."""
    await shop.person(name, IncomingProfile(email=f"{name}@example.com", properties=properties))
    await shop.drain()


async def forgets(shop: EngineShop, name: str, *properties: str) -> None:
    """Take properties away from a person."""
    profile_id = shop.people[name]
    change = ProfileChange(unset=properties)
    await change_profile(shop.database, shop.account.account_id, profile_id, change, await shop.now())
    await shop.drain()


async def planned(shop: EngineShop) -> list[tuple[str, datetime, date]]:
    """Return (person, moment, date) of every planned entry, the earliest first."""
    names = {profile_id: name for name, profile_id in shop.people.items()}
    rows = await shop.database.fetch("SELECT * FROM planned_entry ORDER BY enters_at, profile_id")
    return [(names[row["profile_id"]], row["enters_at"], row["target_on"]) for row in rows]


async def ends(shop: EngineShop) -> list[tuple[str, str, str | None]]:
    """Return (date, state, exit reason) of every run in the order of entry."""
    states = await shop.run_states()
    return [
        (str(row["target_on"]), state, row["exit_reason"]) for row, state in zip(await shop.runs(), states, strict=True)
    ]


async def counted(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    found: int = await database.fetch_value(f"SELECT count(*) FROM {table}")
    return found


async def greetings(shop: EngineShop, **trigger: Any) -> str:
    """Make a live flow of one e-mail."""
    return await shop.flow(dated(email("mail", await shop.template()), **trigger))


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


# --- going live ---------------------------------------------------------------------------------------------------


async def test_nobody_enters_within_a_day_of_going_live(database: Database) -> None:
    """Going live on the 2nd at ten: nothing for the 2nd, nothing on the 3rd at nine, but at eleven, and on the 4th."""
    shop = await EngineShop.open(database)
    for day in (2, 3, 4):
        await shop.person(f"day{day}", born(f"day{day}", f"1990-03-0{day}"))
    await greetings(shop, trigger_time="09:00:00")
    await greetings(shop, trigger_time="11:00:00")

    await shop.move(10 * DAY)

    expected = [("day3", "03 11"), ("day4", "04 09"), ("day4", "04 11")]
    assert [(person, utc(f"2026-03-{at}:00")) for person, at in expected] == await shop.sent()


async def test_who_is_in_the_time_before_the_date_joins_a_day_after_going_live(database: Database) -> None:
    """Their entry lies in the past, their date does not."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-03-10"))
    template = await shop.template()
    actions = [
        email("early", template, "day"),
        stop("day", "target-date", "today", target_time="15:00:00"),
        email("today", template),
    ]
    await shop.flow(dated(*actions, timedelta_value_before_date=2, timedelta_unit_before_date="weeks"))
    await shop.drain()
    assert [("ana", MONDAY + DAY, date(2026, 3, 10))] == await planned(shop)

    await shop.move(20 * DAY)

    assert [("ana", utc("2026-03-10 15:00"))] == await shop.sent()


async def test_everybody_is_planned_page_by_page(database: Database) -> None:
    """However few people a transaction takes, nobody is left out and the work ends."""
    shop = await EngineShop.open(database, limits=Limits(entering=3))
    people = [f"person{number}" for number in range(60)]
    await shop.events("Active on Site", people, profiles={name: born(name, "1990-06-15") for name in people})
    await shop.drain()
    await greetings(shop)

    while await plan_flows(shop.core, EVERY_BUCKET):
        pass

    assert 60 == len(await planned(shop))
    assert 0 == await counted(database, "planning")


async def test_a_draft_forgets_its_plans_and_plans_again(database: Database) -> None:
    """Going live again, everybody is planned anew; a deleted flow keeps nothing."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    flow_id = await greetings(shop)
    await shop.drain()
    for status, expected in (("manual", 1), ("draft", 0), ("live", 1)):
        async with database.transaction() as transaction:
            await flows.set_status(transaction, shop.account.account_id, flow_id, status, await shop.now())
        await shop.drain()
        assert expected == await counted(database, "planned_entry")

    async with database.transaction() as transaction:
        await flows.delete_flow(transaction, shop.account.account_id, flow_id, await shop.now())

    assert 0 == await counted(database, "planned_entry")


# --- changes ------------------------------------------------------------------------------------------------------


async def waiting_flow(shop: EngineShop) -> None:
    """Make a live flow whose people wait for their date from two weeks before it."""
    actions = [stop("day", "target-date", "today", target_time="15:00:00"), email("today", await shop.template())]
    await shop.flow(dated(*actions, timedelta_value_before_date=2, timedelta_unit_before_date="weeks"))


async def test_a_date_that_changes_ends_the_run_and_plans_another(database: Database) -> None:
    """The old run ends before its next action, and the person enters for the new date."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-04-01"))
    await waiting_flow(shop)
    await shop.move(20 * DAY)
    assert ["WAITING"] == await shop.run_states()

    await changes(shop, "ana", birthday="1990-05-01")
    await shop.move(60 * DAY)

    assert [("2026-04-01", "EXITED", "date_changed"), ("2026-05-01", "FINISHED", None)] == await ends(shop)
    assert [("ana", utc("2026-05-01 15:00"))] == await shop.sent()


async def test_a_date_that_is_gone_ends_the_run_and_plans_nothing(database: Database) -> None:
    """Nothing is sent, and nothing is to come."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-04-01"))
    await waiting_flow(shop)
    await shop.move(20 * DAY)

    await forgets(shop, "ana", "birthday")
    assert [] == await planned(shop)
    await shop.move(60 * DAY)

    assert [("2026-04-01", "EXITED", "date_changed")] == await ends(shop)
    assert [] == await shop.sent()


async def test_a_date_that_changes_back_is_as_if_it_had_not_changed(database: Database) -> None:
    """The run is still there and goes on; there is no second one."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-04-01"))
    await waiting_flow(shop)
    await shop.move(20 * DAY)

    await changes(shop, "ana", birthday="1990-12-01")
    await changes(shop, "ana", birthday="1990-04-01")
    await shop.move(60 * DAY)

    assert [("2026-04-01", "FINISHED", None)] == await ends(shop)
    assert [("ana", utc("2026-04-01 15:00"))] == await shop.sent()


async def test_a_changed_date_moves_what_is_planned(database: Database) -> None:
    """So do a date that comes new and one that goes; another property moves nothing."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    await shop.person("ben", born("ben", None))
    await greetings(shop)
    await shop.drain()
    assert [("ana", utc("2026-06-15 09:00"), date(2026, 6, 15))] == await planned(shop)

    await changes(shop, "ana", birthday="1990-07-01", color="red")
    await changes(shop, "ben", birthday="1990-08-01")
    first, second = (
        ("ana", utc("2026-07-01 09:00"), date(2026, 7, 1)),
        ("ben", utc("2026-08-01 09:00"), date(2026, 8, 1)),
    )
    assert [first, second] == await planned(shop)

    await changes(shop, "ana", color="blue")
    await forgets(shop, "ben", "birthday")
    assert [first] == await planned(shop)


async def test_a_person_who_moves_is_planned_in_the_new_zone(database: Database) -> None:
    """Nine o'clock is where they are."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    await greetings(shop)
    await shop.drain()

    await shop.person("ana", IncomingProfile(email="ana@example.com", fields={"timezone": "Asia/Tokyo"}))
    await shop.drain()

    assert [("ana", utc("2026-06-15 00:00"), date(2026, 6, 15))] == await planned(shop)


async def test_people_who_are_made_one_by_one_are_planned(database: Database) -> None:
    """A profile that an API call makes, and one that it changes."""
    shop = await EngineShop.open(database)
    await greetings(shop)
    await shop.drain()
    account_id, now = shop.account.account_id, await shop.now()
    change = ProfileChange(fields={"email": "ana@example.com"}, properties={"birthday": "1990-06-15"})

    made = await create_profile(database, account_id, shop.ids, change, now)
    await shop.drain()

    shop.people["ana"] = made.profile_id
    assert [("ana", utc("2026-06-15 09:00"), date(2026, 6, 15))] == await planned(shop)


async def test_an_account_without_dates_plans_nothing(database: Database) -> None:
    """Changes of people leave nothing pending but their events."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    await create_profile(
        database, shop.account.account_id, shop.ids, ProfileChange(fields={"email": "b@example.com"}), await shop.now()
    )
    assert [0] == [row["kind"] for row in await database.fetch("SELECT kind FROM pending")]


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


async def test_planned_entries_follow_their_account_to_another_clock(database: Database) -> None:
    """An account that is given the machine's clock keeps what is planned."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    await greetings(shop)
    await shop.drain()

    async with database.transaction() as transaction:
        await follow_system(transaction, shop.account.account_id)

    rows = await database.fetch("SELECT clock, enters_at FROM planned_entry")
    assert [(0, utc("2026-06-15 09:00"))] == [(row["clock"], row["enters_at"]) for row in rows]
