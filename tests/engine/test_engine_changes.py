"""Changes that flows make: of people, of lists, and events that they record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email, split
from headrace.flows.step import ProfileOperation
from headrace.ids import bucket_of
from headrace.model import Profile
from headrace.storage.database import Database, Row
from headrace.storage.identity import IncomingProfile
from headrace.storage.profile_patches import MOST_TEXT, make_patch
from headrace.storage.profiles import ProfileChange, change_profile

HOUR = timedelta(hours=1)


def update(name: str, following: str | None, *operations: Mapping[str, Any], status: str = "live") -> dict[str, Any]:
    """Return an action that changes the person."""
    data = {"profile_operations": list(operations), "status": status}
    return {"temporary_id": name, "type": "update-profile", "links": {"next": following}, "data": data}


def sets(key: str, value: Any, kind: str = "string") -> dict[str, Any]:
    """Return an operation that sets a property."""
    return {"operator": "update", "property_type": kind, "property_key": key, "property_value": value}


def changes_list(key: str, value: str, operation: str) -> dict[str, Any]:
    """Return an operation that adds to a list property or takes from it."""
    return {**sets(key, value, "list"), "property_operation": operation}


def deletes(key: str) -> dict[str, Any]:
    """Return an operation that takes a property away."""
    return {"operator": "delete", "property_key": key}


def list_update(name: str, list_id: str, following: str | None = None, *, joins: bool = True) -> dict[str, Any]:
    """Return an action that puts the person on a list, or takes them off it."""
    data = {"name": name, "list_id": list_id, "on_execution": joins, "status": "live"}
    return {"temporary_id": name, "type": "list-update", "links": {"next": following}, "data": data}


def track(name: str, metric: str, payload: Mapping[str, Any], following: str | None = None) -> dict[str, Any]:
    """Return an action that records an event."""
    service = {"service_method_type": "track-event", "event_key": metric, "event_payload": dict(payload)}
    data = {"service_configuration": service, "status": "live"}
    return {"temporary_id": name, "type": "internal-service", "links": {"next": following}, "data": data}


def known_as(name: str, value: Any) -> dict[str, Any]:
    """Return a condition on a text property."""
    return {
        "type": "profile-property",
        "property": name,
        "filter": {"type": "string", "operator": "equals", "value": value},
    }


async def _row(shop: EngineShop, person: str) -> Row:
    row = await shop.database.fetch_row("SELECT * FROM profile WHERE profile_id = $1", shop.people[person])
    assert row is not None
    return row


async def _members(shop: EngineShop, list_id: str) -> list[str]:
    names = {profile_id: name for name, profile_id in shop.people.items()}
    rows = await shop.database.fetch("SELECT profile_id FROM membership WHERE group_id = $1", list_id)
    return sorted(names[row["profile_id"]] for row in rows)


# --- people -------------------------------------------------------------------------------------------------------


async def test_operations_are_carried_out_in_their_order(database: Database) -> None:
    """Every kind of operation changes its property, a later one works on what an earlier one left."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(
        definition(
            metric,
            update(
                "change",
                None,
                sets("tier", "gold"),
                sets("points", 5, "numeric"),
                sets("vip", True, "boolean"),
                sets("since", "today", "date"),
                changes_list("tags", "new", "add"),
                changes_list("tags", "old", "remove"),
                deletes("trial"),
                sets("note", "short-lived"),
                deletes("note"),
            ),
        )
    )
    known = IncomingProfile(email="ana@example.com", properties={"tags": ["old", "kept"], "trial": 1, "points": 1})
    await shop.event("Checkout Started", "ana", profiles={"ana": known})
    await shop.move(HOUR)
    expected = {"tier": "gold", "points": 5, "vip": True, "since": "2026-03-02", "tags": ["kept", "new"]}
    assert expected == (await _row(shop, "ana"))["properties"]
    assert MONDAY == (await _row(shop, "ana"))["updated_at"]
    story = [outcome for outcome, _ in await shop.story((await shop.runs())[0])]
    assert ["changed"] == story


async def test_a_later_split_of_the_same_wake_sees_the_change(database: Database) -> None:
    """No delay lies between the change and the question."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    await shop.flow(
        definition(
            metric,
            update("change", "ask", sets("tier", "gold"), sets("first_name", "Ana")),
            split("ask", known_as("properties['tier']", "gold"), "name", None),
            split("name", known_as("first_name", "Ana"), "mail", None),
            email("mail", template),
        )
    )
    await shop.event("Checkout Started", "ana")
    await shop.move(HOUR)
    assert [("ana", MONDAY)] == await shop.sent()


async def test_a_property_that_names_an_attribute_changes_the_attribute(database: Database) -> None:
    """Names, title, place and zone are attributes under any spelling; identifiers stay as they are."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(
        definition(
            metric,
            update(
                "change",
                None,
                sets("$first_name", "Ana"),
                sets("organization", "Shop & Co"),
                deletes("$title"),
                sets("$city", "Ulm"),
                sets("$latitude", 48.4, "numeric"),
                deletes("region"),
                sets("email", "other@example.com"),
            ),
        )
    )
    known = IncomingProfile(
        email="ana@example.com", fields={"title": "Dr", "last_name": "Lee"}, location={"region": "X", "zip": "89073"}
    )
    await shop.event("Checkout Started", "ana", profiles={"ana": known})
    await shop.move(HOUR)
    row = await _row(shop, "ana")
    names = ("first_name", "last_name", "organization", "title", "email", "location", "properties")
    place = {"city": "Ulm", "latitude": 48.4, "zip": "89073"}
    assert ["Ana", "Lee", "Shop & Co", None, "ana@example.com", place, {}] == [row[name] for name in names]
    ((outcome, detail),) = await shop.story((await shop.runs())[0])
    assert ("changed", ["email"]) == (outcome, detail["ignored"])


async def test_a_failed_flow_filter_skips_the_change(database: Database) -> None:
    """The skip has the reason of this action, what was seen stands beside it, and the run goes on."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    asked = {"condition_groups": [{"conditions": [known_as("properties['tier']", "basic")]}]}
    await shop.flow(
        definition(
            metric,
            delay("wait", "change"),
            update("change", "mail", sets("seen", "yes")),
            email("mail", template),
            profile_filter=asked,
        )
    )
    basic = IncomingProfile(email="ana@example.com", properties={"tier": "basic"})
    profile_id = (await shop.event("Checkout Started", "ana", profiles={"ana": basic})).profile_id
    await shop.drain()
    change = ProfileChange(properties={"tier": "gold"})
    await change_profile(database, shop.account.account_id, shop.ids, profile_id, change, await shop.now())
    await shop.move(2 * HOUR)
    assert {"tier": "gold"} == (await _row(shop, "ana"))["properties"]
    story = await shop.story((await shop.runs())[0])
    assert ("skipped", "Fails Flow Conditions") == (story[1][0], story[1][1]["reason"])
    assert ["FINISHED"] == await shop.run_states()


async def test_more_text_than_a_profile_may_hold_is_not_written(database: Database) -> None:
    """The change is skipped as a whole, with a reason; one that makes room for itself is made."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(
        definition(
            metric,
            update("grow", "shrink", sets("more", "x" * 50)),
            update("shrink", None, sets("long", "y"), sets("more", "x" * 50)),
        )
    )
    full = IncomingProfile(email="ana@example.com", properties={"long": "é" * (MOST_TEXT // 2)})
    await shop.event("Checkout Started", "ana", profiles={"ana": full})
    await shop.move(HOUR)
    told = [(outcome, detail.get("reason")) for outcome, detail in await shop.story((await shop.runs())[0])]
    assert [("skipped", "Profile Properties Over 100 KB"), ("changed", None)] == told
    assert {"long": "y", "more": "x" * 50} == (await _row(shop, "ana"))["properties"]


async def test_changes_that_come_over_the_api_meanwhile_are_kept(database: Database) -> None:
    """A change of other properties that is committed while the step is under way survives it, on lists as well."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(
        definition(
            metric,
            delay("wait", "change"),
            update("change", "list", sets("tier", "gold")),
            update("list", None, changes_list("tags", "flow", "add")),
        )
    )
    names = [f"person-{number}" for number in range(20)]
    await shop.events("Checkout Started", names)
    await shop.drain()
    account_id, now = shop.account.account_id, await shop.now()

    async def api() -> None:
        for turn in range(3):
            for name in names:
                change = ProfileChange(properties={"turn": turn}, append={"tags": f"api-{turn}"})
                await change_profile(database, account_id, shop.ids, shop.people[name], change, now)

    await asyncio.gather(shop.move(2 * HOUR), api())
    for name in names:
        properties = (await _row(shop, name))["properties"]
        assert ("gold", 2) == (properties["tier"], properties["turn"])
        assert ["api-0", "api-1", "api-2", "flow"] == sorted(properties["tags"])


async def test_a_date_that_a_flow_sets_starts_the_flow_of_that_date(database: Database) -> None:
    """The planner hears of the change: the birthday mail goes out on the day."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    await shop.flow(definition(metric, update("change", None, sets("Birthday", "2026-03-10", "date"))))
    birthday = {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "Birthday",
        "timedelta_value_before_date": 0,
        "timedelta_unit_before_date": "days",
        "recurrence_frequency": "annually",
        "timezone": "profile",
        "trigger_time": "09:00:00",
    }
    await shop.flow({**definition(metric, email("mail", template)), "triggers": [birthday]})
    await shop.event("Checkout Started", "ana")
    await shop.move(timedelta(days=10))
    assert [("ana", MONDAY.replace(day=10, hour=9))] == await shop.sent()


async def test_many_people_of_two_accounts_change_in_one_batch(database: Database) -> None:
    """Everybody gets the properties of their own account's flow."""
    shops = [await EngineShop.open(database, virtual=False) for _ in range(2)]
    for tier, shop in zip(("gold", "silver"), shops, strict=True):
        metric = await shop.metric("Checkout Started")
        await shop.flow(definition(metric, update("change", None, sets("tier", tier))))
        await shop.events("Checkout Started", [f"person-{number}" for number in range(30)])
    await shops[0].drain()
    rows = await database.fetch("SELECT account_id, properties->>'tier' AS tier, count(*) FROM profile GROUP BY 1, 2")
    expected = {(shops[0].account.account_id, "gold", 30), (shops[1].account.account_id, "silver", 30)}
    assert expected == {tuple(row.values()) for row in rows}


@pytest.mark.parametrize(
    ("stored", "operation", "expected"),
    [
        ({}, ("append", "a"), {"key": ["a"]}),
        ({"key": ["a"]}, ("append", "a"), {"key": ["a"]}),
        ({"key": "b"}, ("append", "a"), {"key": ["b", "a"]}),
        ({"key": ["a", "b", "a"]}, ("remove", "a"), {"key": ["b"]}),
        ({"key": ["b"]}, ("remove", "a"), {"key": ["b"]}),
        ({}, ("remove", "a"), {}),
        ({"key": "a"}, ("remove", "a"), {}),
        ({"key": "b"}, ("remove", "a"), {"key": "b"}),
        ({"key": None}, ("append", "a"), {"key": ["a"]}),
        ({"key": 1}, ("set", {"deep": [1]}), {"key": {"deep": [1]}}),
        ({"key": 1}, ("unset", None), {}),
    ],
)
def test_an_operation_is_laid_over_what_is_stored(
    stored: dict[str, Any], operation: tuple[Any, Any], expected: dict[str, Any]
) -> None:
    """Lists grow and shrink without doubling anything; what is not there is not removed."""
    patch = make_patch([ProfileOperation(operation[0], "key", operation[1])], stored)
    assert expected == patch.applied(Profile("one", properties=stored)).properties


# --- lists --------------------------------------------------------------------------------------------------------


async def test_people_are_put_on_lists_and_taken_off(database: Database) -> None:
    """The journal tells whether that changed anything."""
    shop = await EngineShop.open(database)
    metric, news, trial = await shop.metric("Checkout Started"), await shop.list_("News"), await shop.list_("Trial")
    await shop.flow(definition(metric, list_update("on", news, "off"), list_update("off", trial, joins=False)))
    await shop.person("ana")
    await shop.person("ben")
    await shop.join("ana", trial)
    await shop.join("ben", news)
    await shop.events("Checkout Started", ["ana", "ben"])
    await shop.move(HOUR)
    assert ["ana", "ben"] == await _members(shop, news)
    assert [] == await _members(shop, trial)
    names = {profile_id: name for name, profile_id in shop.people.items()}
    told = {names[run["profile_id"]]: [detail for _, detail in await shop.story(run)] for run in await shop.runs()}
    assert {
        "ana": [{"list_id": news, "joined": True}, {"list_id": trial, "left": True}],
        "ben": [{"list_id": news, "joined": False}, {"list_id": trial, "left": False}],
    } == told


async def test_a_deleted_list_is_skipped(database: Database) -> None:
    """The run goes on, and nobody is a member of what is not there."""
    shop = await EngineShop.open(database)
    metric, news = await shop.metric("Checkout Started"), await shop.list_("News")
    await shop.flow(definition(metric, delay("wait", "on"), list_update("on", news)))
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    async with database.transaction() as transaction:
        await transaction.execute("DELETE FROM profile_group WHERE group_id = $1", news)
    await shop.move(2 * HOUR)
    story = await shop.story((await shop.runs())[0])
    assert ("skipped", {"reason": "List Deleted", "list_id": news}) == story[-1]
    assert 0 == await database.fetch_value("SELECT count(*) FROM membership")


async def test_a_later_split_sees_the_list(database: Database) -> None:
    """A question about the list that was asked before is answered anew in the same wake."""
    shop = await EngineShop.open(database)
    metric, news, template = await shop.metric("Checkout Started"), await shop.list_("News"), await shop.template()
    member = {
        "type": "profile-group-membership",
        "is_member": True,
        "group_ids": [news],
        "timeframe_filter": None,
    }
    await shop.flow(
        definition(
            metric,
            split("before", member, None, "on"),
            list_update("on", news, "after"),
            split("after", member, "mail", None),
            email("mail", template),
        )
    )
    await shop.event("Checkout Started", "ana")
    await shop.move(HOUR)
    assert [("ana", MONDAY)] == await shop.sent()


async def test_a_list_that_a_flow_puts_people_on_starts_its_own_flow(database: Database) -> None:
    """Who is new on the list enters, one link further down the chain; who joined before enters once, for that."""
    shop = await EngineShop.open(database)
    metric, news = await shop.metric("Checkout Started"), await shop.list_("News")
    await shop.flow(definition(metric, list_update("on", news)), name="first")
    welcome = definition(metric, email("mail", await shop.template()))
    second = await shop.flow({**welcome, "triggers": [{"type": "list", "id": news}]}, name="second")
    await shop.person("ben")
    await shop.join("ben", news)
    await shop.events("Checkout Started", ["ana", "ben"])
    await shop.move(HOUR)
    names = {profile_id: name for name, profile_id in shop.people.items()}
    entered = [(names[run["profile_id"]], run["chain"]) for run in await shop.runs() if run["flow_id"] == second]
    assert [("ana", 1), ("ben", 0)] == sorted(entered)
    assert [("ana", MONDAY), ("ben", MONDAY)] == sorted(await shop.sent())


async def test_who_left_the_list_of_the_flow_is_changed_no_longer(database: Database) -> None:
    """A flow that begins with a list changes its members only."""
    shop = await EngineShop.open(database)
    metric, news = await shop.metric("Checkout Started"), await shop.list_("News")
    await shop.flow(definition(metric, list_update("on", news)))
    second = definition(metric, delay("wait", "change"), update("change", None, sets("tier", "gold")))
    flow_id = await shop.flow({**second, "triggers": [{"type": "list", "id": news}]})
    await shop.events("Checkout Started", ["stays", "leaves"])
    await shop.drain()
    async with database.transaction() as transaction:
        gone = shop.people["leaves"]
        await transaction.execute("DELETE FROM membership WHERE bucket = $1 AND profile_id = $2", bucket_of(gone), gone)
    await shop.move(2 * HOUR)
    assert {"tier": "gold"} == (await _row(shop, "stays"))["properties"]
    assert {} == (await _row(shop, "leaves"))["properties"]
    (left,) = [run for run in await shop.runs() if (run["flow_id"], run["profile_id"]) == (flow_id, gone)]
    assert ("skipped", {"reason": "Person No Longer in List"}) == (await shop.story(left))[-1]


# --- events -------------------------------------------------------------------------------------------------------


async def test_a_recorded_event_has_consequences(database: Database) -> None:
    """It starts the flow that waits for its metric, one link further down the chain, and keeps what it carries."""
    shop = await EngineShop.open(database)
    metric, done = await shop.metric("Checkout Started"), await shop.metric("Cart Done")
    await shop.flow(definition(metric, track("tell", "Cart Done", {"Step": 2, "$value": 9.5})))
    second = await shop.flow(definition(done, email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    await shop.move(HOUR)
    row = await database.fetch_row("SELECT occurred_at, value, properties FROM event WHERE metric_id = $1", done)
    assert row is not None
    assert (MONDAY, "9.5", {"Step": 2}) == (row["occurred_at"], str(row["value"]), row["properties"])
    assert [1] == [run["chain"] for run in await shop.runs() if run["flow_id"] == second]
    assert [("ana", MONDAY)] == await shop.sent()


async def test_flows_that_feed_each_other_are_stopped(database: Database) -> None:
    """A flow that records the very event that starts it ends after ten links, and the journal says why."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Again")
    await shop.flow(definition(metric, delay("wait", "tell"), track("tell", "Again", {})))
    await shop.event("Again", "ana")
    for _ in range(15):
        await shop.move(HOUR)
    assert list(range(11)) == [run["chain"] for run in await shop.runs()]
    assert ["chain_too_deep"] == await shop.refusals()


async def test_a_later_split_counts_the_recorded_event(database: Database) -> None:
    """The total that was asked before is asked anew."""
    shop = await EngineShop.open(database)
    metric, done = await shop.metric("Checkout Started"), await shop.metric("Cart Done")
    counted = {
        "type": "profile-metric",
        "metric_id": done,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "greater-than", "value": 0},
        "timeframe_filter": {"type": "date", "operator": "alltime"},
        "metric_filters": None,
    }
    await shop.flow(
        definition(
            metric,
            split("before", counted, None, "tell"),
            track("tell", "Cart Done", {}, "after"),
            split("after", counted, "mail", None),
            email("mail", await shop.template()),
        )
    )
    await shop.event("Checkout Started", "ana")
    await shop.move(HOUR)
    assert [("ana", MONDAY)] == await shop.sent()
