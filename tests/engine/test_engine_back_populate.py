"""Adding past profiles to a flow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from job_runs import back_populate, counts, work_off

from engine_shop import MONDAY, EngineShop, definition, delay, email, split
from headrace.clock import SystemClock
from headrace.engine.back_populate import request_back_populate
from headrace.errors import Conflict, Invalid, NotFound
from headrace.model import RunSource
from headrace.storage import flows
from headrace.storage.database import Database
from headrace.storage.step_counts import counts_of, recount_waiting, waiting_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def _series(shop: EngineShop, metric: str) -> dict[str, Any]:
    """Return a flow: an e-mail at once, one after a day, one after another two days."""
    template = await shop.template()
    return definition(
        metric,
        email("first", template, "one"),
        delay("one", "second", unit="days", value=1),
        email("second", template, "two"),
        delay("two", "third", unit="days", value=2),
        email("third", template),
    )


def ordered(metric: str, operator: str) -> dict[str, Any]:
    """Return a condition that compares the number of orders since the flow began with 0."""
    return {
        "type": "profile-metric",
        "metric_id": metric,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": operator, "value": 0},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
        "metric_filters": None,
    }


async def _past(shop: EngineShop, person: str, ago: timedelta) -> None:
    """Record an event of the past that starts nothing."""
    await shop.event("Checkout Started", person, occurred_at=await shop.now() - ago, backfill=True)


async def test_each_event_is_placed_where_it_would_be_now(database: Database) -> None:
    """Whoever would wait in a delay waits there for the rest of it; what lies before was not sent and never will be."""
    shop = await EngineShop.open(database)
    series = await _series(shop, await shop.metric("Checkout Started"))
    flow_id = await shop.flow(series)
    await _past(shop, "new", timedelta(minutes=5))
    await _past(shop, "middle", DAY + 6 * HOUR)
    await _past(shop, "over", 4 * DAY)
    await shop.drain()

    job = await back_populate(shop, flow_id)
    assert 2 == job.progress["placed"]
    await shop.move(4 * DAY)
    assert [
        ("middle", MONDAY + 2 * DAY - 6 * HOUR),
        ("new", MONDAY + DAY - timedelta(minutes=5)),
        ("new", MONDAY + 3 * DAY - timedelta(minutes=5)),
    ] == sorted(await shop.sent())
    assert {RunSource.PAST} == {run["source"] for run in await shop.runs()}
    assert ["FINISHED", "FINISHED"] == await shop.run_states()


async def test_counts_show_who_was_placed(database: Database) -> None:
    """The gauge of the delay equals a recount of the runs, and the placed have entered."""
    shop = await EngineShop.open(database)
    series = await _series(shop, await shop.metric("Checkout Started"))
    flow_id = await shop.flow(series)
    await _past(shop, "middle", DAY + 6 * HOUR)
    await back_populate(shop, flow_id)
    place = (database, shop.account.account_id, flow_id)
    actions = await shop.action_ids(flow_id, series)
    assert {actions["two"]: 1} == await recount_waiting(*place)
    assert {actions["two"]: 1} == waiting_of(await counts_of(*place))
    assert {"entered": 1} == await counts(shop, flow_id)


async def test_nobody_is_added_twice(database: Database) -> None:
    """Neither a second request nor an event that started its run when it happened places anybody again."""
    shop = await EngineShop.open(database)
    flow_id = await shop.flow(await _series(shop, await shop.metric("Checkout Started")))
    await shop.event("Checkout Started", "organic")
    await _past(shop, "past", 2 * HOUR)
    await shop.drain()
    await shop.move(HOUR)

    assert 1 == (await back_populate(shop, flow_id)).progress["placed"]
    assert 0 == (await back_populate(shop, flow_id)).progress["placed"]
    assert 2 == len(await shop.runs())
    await shop.move(4 * DAY)
    assert ["organic"] * 3 + ["past"] * 2 == sorted(person for person, _ in await shop.sent())


async def test_splits_are_asked_about_the_present(database: Database) -> None:
    """A split that lies in the past is answered by what is known now."""
    shop = await EngineShop.open(database)
    metric, order = await shop.metric("Checkout Started"), await shop.metric("Placed Order")
    template = await shop.template()
    bought = ordered(order, "greater-than")
    flow_id = await shop.flow(
        definition(
            metric,
            delay("hour", "bought"),
            split("bought", bought, "yes", "no"),
            delay("yes", "thanks"),
            email("thanks", template),
            delay("no", "remind", value=5),
            email("remind", template),
        )
    )
    await _past(shop, "ana", 90 * timedelta(minutes=1))
    await _past(shop, "ben", 90 * timedelta(minutes=1))
    await shop.event("Placed Order", "ana")
    await shop.drain()
    await back_populate(shop, flow_id)
    await shop.move(DAY)
    assert [
        ("ana", MONDAY + timedelta(minutes=30)),
        ("ben", MONDAY + 4 * HOUR + timedelta(minutes=30)),
    ] == await shop.sent()


async def test_the_trigger_filter_and_the_flow_filter_hold_for_the_past(database: Database) -> None:
    """Events that would not have started the flow, and people who fail its filter now, are not placed."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    dear = {
        "type": "metric-property",
        "field": "Cost",
        "metric_id": metric,
        "filter": {"type": "numeric", "operator": "greater-than", "value": 10},
    }
    flow_id = await shop.flow(
        definition(
            metric,
            delay("wait", "mail", value=9),
            email("mail", await shop.template()),
            trigger_filter={"condition_groups": [{"conditions": [dear]}]},
            profile_filter={
                "condition_groups": [{"conditions": [ordered(await shop.metric("Placed Order"), "equals")]}]
            },
        )
    )
    past = {"occurred_at": MONDAY - HOUR, "backfill": True}
    await shop.event("Checkout Started", "cheap", properties={"Cost": 5}, **past)
    await shop.events("Checkout Started", ["dear", "hers"], properties={"Cost": 50}, **past)
    await shop.event("Placed Order", "hers")
    await back_populate(shop, flow_id)
    assert [shop.people["dear"]] == [run["profile_id"] for run in await shop.runs()]


async def test_a_flow_of_many_people_is_placed_page_by_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody is placed once where a page holds one person of each bucket."""
    monkeypatch.setattr("headrace.engine.back_populate.PAGE", 1)
    monkeypatch.setattr("headrace.engine.back_populate.LEAST_SHARE", 1)
    shop = await EngineShop.open(database)
    flow_id = await shop.flow(await _series(shop, await shop.metric("Checkout Started")))
    names = [f"person-{number}" for number in range(300)]
    await shop.events("Checkout Started", names, occurred_at=MONDAY - HOUR, backfill=True)
    await shop.drain()
    job = await back_populate(shop, flow_id)
    assert 300 == job.progress["placed"]
    assert 300 == len({run["profile_id"] for run in await shop.runs()})


async def test_a_job_ends_when_the_flow_is_closed(database: Database) -> None:
    """A flow that became a draft after the request takes nobody in."""
    shop = await EngineShop.open(database)
    flow_id = await shop.flow(await _series(shop, await shop.metric("Checkout Started")))
    await _past(shop, "ana", HOUR)
    async with database.transaction() as transaction:
        place = (transaction, shop.account.account_id, shop.ids, flow_id, None)
        job_id = await request_back_populate(*place, SystemClock().now())
        await flows.set_status(transaction, shop.account.account_id, flow_id, "draft", await shop.now())
    job = await work_off(shop, job_id)
    assert "the flow is not open" == job.progress["stopped"]
    assert [] == await shop.runs()


@pytest.mark.parametrize(
    ("status", "mode", "error", "words"),
    [
        ("draft", None, Conflict, "which is draft"),
        ("live", "at_start", Invalid, 'The mode is "at_start"; a flow that begins with a metric takes none'),
    ],
)
async def test_what_cannot_be_added_is_refused(
    database: Database, status: str, mode: str | None, error: type[Exception], words: str
) -> None:
    """The refusal names the flow or the mode and the rule."""
    shop = await EngineShop.open(database)
    flow_id = await shop.flow(await _series(shop, await shop.metric("Checkout Started")), status)
    with pytest.raises(error, match=words):
        await back_populate(shop, flow_id, mode)


async def test_a_flow_without_a_delay_takes_no_past_profiles(database: Database) -> None:
    """Everybody would be past its end."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    flow_id = await shop.flow(definition(metric, email("mail", await shop.template())))
    with pytest.raises(Conflict, match="it has no delay"):
        await back_populate(shop, flow_id)


async def test_an_unknown_flow_is_not_found(database: Database) -> None:
    """Asking for a flow that is not there is told as such."""
    shop = await EngineShop.open(database)
    with pytest.raises(NotFound, match="nobody"):
        await back_populate(shop, "nobody")


# --- lists --------------------------------------------------------------------------------------------------------


async def _welcome(shop: EngineShop, list_id: str, status: str = "live") -> str:
    """Make a welcome series for a list."""
    series = await _series(shop, await shop.metric("Checkout Started"))
    return await shop.flow({**series, "triggers": [{"type": "list", "id": list_id}]}, status)


async def _members(shop: EngineShop, list_id: str) -> None:
    """Have one person join now, one a day and six hours later, and stand two days after the first."""
    for person in ("early", "late"):
        await shop.person(person)
    await shop.join("early", list_id)
    await shop.move(DAY + 6 * HOUR)
    await shop.join("late", list_id)
    await shop.move(18 * HOUR)


async def test_members_are_placed_by_the_day_they_joined(database: Database) -> None:
    """Each gets what is still ahead of them; who joined before the flow went live is not told from anybody else."""
    shop = await EngineShop.open(database)
    news = await shop.list_("News")
    await _members(shop, news)
    flow_id = await _welcome(shop, news)
    assert 2 == (await back_populate(shop, flow_id, "by_join_date")).progress["placed"]
    await shop.move(5 * DAY)
    joined = MONDAY + DAY + 6 * HOUR
    assert [("early", MONDAY + 3 * DAY), ("late", joined + DAY), ("late", joined + 3 * DAY)] == sorted(
        await shop.sent()
    )


async def test_members_are_placed_at_the_start(database: Database) -> None:
    """All get the whole series from now on."""
    shop = await EngineShop.open(database)
    news = await shop.list_("News")
    await _members(shop, news)
    flow_id = await _welcome(shop, news)
    now = await shop.now()
    await back_populate(shop, flow_id, "at_start")
    await shop.move(5 * DAY)
    expected = [(person, now + days * DAY) for person in ("early", "late") for days in (0, 1, 3)]
    assert expected == sorted(await shop.sent())


async def test_nobody_gets_a_message_twice(database: Database) -> None:
    """Who entered when they joined stays where they are; who left and came back gets only what they had not reached."""
    shop = await EngineShop.open(database)
    news = await shop.list_("News")
    flow_id = await _welcome(shop, news)
    for person in ("stayed", "returned"):
        await shop.person(person)
        await shop.join(person, news)
    await shop.move(HOUR)
    async with database.transaction() as transaction:
        gone = shop.people["returned"]
        await transaction.execute(
            "UPDATE membership SET joined_at = $1 WHERE profile_id = $2", MONDAY + timedelta(minutes=30), gone
        )
        await transaction.execute("UPDATE run SET state = 2, waiting_in = NULL WHERE profile_id = $1", gone)
    assert 1 == (await back_populate(shop, flow_id, "at_start")).progress["placed"]
    await shop.move(5 * DAY)
    sent = [(person, message) for person, message in await _subjects(shop)]
    names = ("first", "second", "third")
    assert sorted((person, name) for person in ("returned", "stayed") for name in names) == sent


async def _subjects(shop: EngineShop) -> list[tuple[str, str]]:
    names = {profile_id: name for name, profile_id in shop.people.items()}
    rows = await shop.database.fetch("SELECT profile_id, subject FROM inbox_message")
    return sorted((names[row["profile_id"]], row["subject"]) for row in rows)


@pytest.mark.parametrize("mode", [None, "in_the_middle"])
async def test_a_list_needs_one_of_two_modes(database: Database, mode: str | None) -> None:
    """The refusal names both."""
    shop = await EngineShop.open(database)
    flow_id = await _welcome(shop, await shop.list_("News"))
    with pytest.raises(Invalid, match="needs at_start or by_join_date"):
        await back_populate(shop, flow_id, mode)


async def test_a_date_flow_takes_no_past_profiles(database: Database) -> None:
    """It is planned from the dates themselves."""
    shop = await EngineShop.open(database)
    series = await _series(shop, await shop.metric("Checkout Started"))
    birthday = {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "Birthday",
        "timedelta_value_before_date": 0,
        "timedelta_unit_before_date": "days",
        "recurrence_frequency": "annually",
        "timezone": "profile",
        "trigger_time": "10:00:00",
    }
    flow_id = await shop.flow({**series, "triggers": [birthday]})
    with pytest.raises(Conflict, match='of the type "date"'):
        await back_populate(shop, flow_id)
