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
