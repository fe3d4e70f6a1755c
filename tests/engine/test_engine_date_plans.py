"""What is planned for people in date-based flows: when a flow goes live, and when they change."""

from __future__ import annotations

from datetime import date

from dated_flows import DAY, EVERY_BUCKET, born, changes, counted, dated, ends, forgets, greetings, planned, stop, utc

from engine_shop import MONDAY, EngineShop, email
from headrace.clock import SystemClock
from headrace.engine.core import Limits
from headrace.engine.dates import plan_flows
from headrace.storage import flow_states, flows
from headrace.storage.account_clocks import follow_system
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.profiles import ProfileChange, create_profile

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


async def test_an_archived_flow_forgets_its_plans_and_plans_again(database: Database) -> None:
    """Opened again, it counts from then on as if it had just gone live."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-06-15"))
    flow_id = await greetings(shop)
    await shop.drain()
    account_id, ids = shop.account.account_id, shop.ids
    async with database.transaction() as transaction:
        await flow_states.archive(transaction, account_id, ids, flow_id, await shop.now(), SystemClock().now())
    assert [] == await planned(shop)

    await shop.move(utc("2026-06-14 10:00") - await shop.now())
    async with database.transaction() as transaction:
        await flow_states.unarchive(transaction, account_id, flow_id, await shop.now())
    await shop.drain()

    assert [("ana", utc("2027-06-15 09:00"), date(2027, 6, 15))] == await planned(shop)


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


async def test_a_date_that_comes_back_after_its_run_ended_is_entered_again(database: Database) -> None:
    """The person joins in the middle; what the first run sent is not sent again."""
    shop = await EngineShop.open(database)
    await shop.person("ana", born("ana", "1990-04-01"))
    template = await shop.template()
    actions = [
        email("early", template, "week"),
        stop("week", "countdown-delay", "day", unit="weeks", value=1),
        stop("day", "target-date", "today", target_time="15:00:00"),
        email("today", template),
    ]
    await shop.flow(dated(*actions, timedelta_value_before_date=2, timedelta_unit_before_date="weeks"))
    await shop.move(20 * DAY)
    await changes(shop, "ana", birthday="1990-09-01")
    await shop.move(5 * DAY)
    assert [("2026-04-01", "EXITED", "date_changed")] == await ends(shop)

    await changes(shop, "ana", birthday="1990-04-01")
    await shop.move(20 * DAY)

    assert [("2026-04-01", "EXITED", "date_changed"), ("2026-04-01", "FINISHED", None)] == await ends(shop)
    assert [utc("2026-03-18 09:00"), utc("2026-04-01 15:00")] == [at for _, at in await shop.sent()]


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
