"""The review queue: messages of manual actions go out when a user releases them and they pass every gate then."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.engine import review
from headrace.engine.review import Chosen, Released, cancel, release
from headrace.model import Channel, DeliveryState
from headrace.storage import flows
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.review import count_review, find_review, list_review
from headrace.storage.step_counts import counts_of
from headrace.storage.templates import update_template

HOUR = timedelta(hours=1)
EVERYTHING = Chosen()


def condition(metric_id: str, value: int = 0) -> dict[str, Any]:
    """Return a filter: so many events of a metric since the start of the flow."""
    asked = {
        "type": "profile-metric",
        "metric_id": metric_id,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "equals", "value": value},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
        "metric_filters": None,
    }
    return {"condition_groups": [{"conditions": [asked]}]}


def text(name: str, following: str | None = None, **message: Any) -> dict[str, Any]:
    """Return a text message without smart sending."""
    data = {"message": {"name": name, "body": "Hi", "smart_sending_enabled": False, **message}, "status": "draft"}
    return {"temporary_id": name, "type": "send-sms", "links": {"next": following}, "data": data}


async def queued_up(
    database: Database, *people: str, status: str = "manual", rest: dict[str, Any] | None = None, **message: Any
) -> tuple[EngineShop, str]:
    """Return a shop with one e-mail to each person under review, and the flow's id."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    template = await shop.template()
    flow_id = await shop.flow(definition(metric, email("mail", template, **message), **(rest or {})), status)
    for person in people or ("ana",):
        await shop.event("Checkout Started", person)
    await shop.drain()
    return shop, flow_id


async def let_go(shop: EngineShop, chosen: Chosen = EVERYTHING, **options: Any) -> Released:
    """Release messages of the shop."""
    return await release(shop.core, shop.account.account_id, chosen, **options)


async def states(shop: EngineShop) -> list[tuple[str, str | None]]:
    """Return (state, reason) of every delivery."""
    return [(DeliveryState(row["state"]).name, row["reason"]) for row in await shop.deliveries()]


async def set_status(shop: EngineShop, flow_id: str, status: str) -> None:
    """Set a flow's status and that of its actions."""
    async with shop.database.transaction() as transaction:
        await flows.set_status(transaction, shop.account.account_id, flow_id, status, await shop.now())


async def test_a_released_message_is_sent_and_the_run_tells_so(database: Database) -> None:
    """The run went on long ago; the message goes out at the moment of its release."""
    shop, _ = await queued_up(database)
    await shop.move(timedelta(days=10))

    assert Released(released=1) == await let_go(shop)
    await shop.drain()
    assert [("ana", MONDAY + timedelta(days=10))] == await shop.sent()
    (run,) = await shop.runs()
    assert [("review", None), ("released", None)] == await shop.story(run)


async def test_releasing_again_changes_nothing(database: Database) -> None:
    """A message leaves the queue once."""
    shop, _ = await queued_up(database)
    (row,) = await shop.deliveries()
    await let_go(shop)

    assert Released() == await let_go(shop)
    assert Released(unknown=1) == await let_go(shop, Chosen(frozenset({row["delivery_id"]})))
    assert Released() == await cancel(shop.core, shop.account.account_id, EVERYTHING)
    await shop.drain()
    assert [("SENT", None)] == await states(shop)


async def test_two_releases_at_once_send_once(database: Database) -> None:
    """Whoever comes second finds nothing left."""
    shop, _ = await queued_up(database, "ana", "ben", "cem")
    both = await asyncio.gather(let_go(shop), let_go(shop))

    assert 3 == sum(one.released for one in both)
    await shop.drain()
    assert [("SENT", None)] * 3 == await states(shop)


async def test_a_canceled_message_is_never_sent(database: Database) -> None:
    """Canceling takes it out of the queue for good."""
    shop, _ = await queued_up(database)

    assert Released(canceled=1) == await cancel(shop.core, shop.account.account_id, EVERYTHING)
    assert Released() == await let_go(shop)
    await shop.drain()
    assert [("CANCELED", "Email Cancelled")] == await states(shop)
    (run,) = await shop.runs()
    assert ("canceled", None) == (await shop.story(run))[-1]


async def test_one_message_is_released_by_its_id(database: Database) -> None:
    """The others stay under review."""
    shop, _ = await queued_up(database, "ana", "ben")
    first = next(row for row in await shop.deliveries() if row["profile_id"] == shop.people["ana"])
    chosen = Chosen(frozenset({first["delivery_id"], UUID(int=7)}))

    assert Released(released=1, unknown=1) == await let_go(shop, chosen)
    await shop.drain()
    assert ["ana"] == [person for person, _ in await shop.sent()]


async def test_messages_of_an_action_or_flow_are_meant_together(database: Database) -> None:
    """What belongs to other flows stays."""
    shop, flow_id = await queued_up(database)
    (row,) = await shop.deliveries()

    assert Released() == await let_go(shop, Chosen(flow_id="OTHER1"))
    assert Released() == await let_go(shop, Chosen(flow_id=flow_id, action_id=1))
    assert Released(released=1) == await let_go(shop, Chosen(flow_id=flow_id, action_id=row["action_id"]))


async def test_filters_are_asked_at_the_release(database: Database) -> None:
    """Somebody who bought since the flow began is skipped, though they passed when the message was put up."""
    shop = await EngineShop.open(database)
    metric, order = await shop.metric("Checkout Started"), await shop.metric("Placed Order")
    flow = definition(metric, email("mail", await shop.template()), profile_filter=condition(order))
    await shop.flow(flow, "manual")
    await shop.events("Checkout Started", ["ana", "ben"])
    await shop.drain()
    await shop.event("Placed Order", "ana", occurred_at=await shop.now() + HOUR)
    await shop.move(2 * HOUR)

    assert Released(released=1, skipped={"Fails Flow Filters": 1}) == await let_go(shop)  # type: ignore[arg-type]
    await shop.drain()
    assert ["ben"] == [person for person, _ in await shop.sent()]


async def test_the_messages_own_filter_is_asked_too(database: Database) -> None:
    """Additional filters speak at the release."""
    shop = await EngineShop.open(database)
    metric, order = await shop.metric("Checkout Started"), await shop.metric("Placed Order")
    flow = definition(metric, email("mail", await shop.template(), additional_filters=condition(order, 1)))
    await shop.flow(flow, "manual")
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    await let_go(shop)

    assert [("SKIPPED", "Fails Additional Filters")] == await states(shop)


async def test_consent_is_asked_at_the_release(database: Database) -> None:
    """Who unsubscribed while the message was under review does not get it, and the journal tells why."""
    shop, _ = await queued_up(database)
    await shop.consent("ana", Channel.EMAIL, "UNSUBSCRIBED")
    await let_go(shop)

    assert [("SKIPPED", "Person Suppressed")] == await states(shop)
    (run,) = await shop.runs()
    seen = {"subscription": "UNSUBSCRIBED", "suppressions": []}
    assert ("skipped", {"reason": "Person Suppressed", "seen": seen}) == (await shop.story(run))[-1]


async def test_smart_sending_counts_what_the_same_release_sends(database: Database) -> None:
    """Of two messages to one person the second comes too soon."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    first = email("first", template, "second", smart_sending_enabled=True)
    await shop.flow(definition(metric, first, email("second", template, smart_sending_enabled=True)), "manual")
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    await shop.move(timedelta(days=10))

    assert Released(released=1, skipped={"Smart Sending": 1}) == await let_go(shop)  # type: ignore[arg-type]


async def test_a_released_message_starts_the_window(database: Database) -> None:
    """What is sent live within hours of a release comes too soon, however long ago the released one was put up."""
    shop, flow_id = await queued_up(database, smart_sending_enabled=True)
    await shop.move(timedelta(days=30))
    await let_go(shop)
    await shop.drain()
    await set_status(shop, flow_id, "live")
    await shop.move(HOUR)
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    _, run = await shop.runs()

    assert ("skipped", "Smart Sending") == [(what, detail["reason"]) for what, detail in await shop.story(run)][-1]


async def test_quiet_hours_hold_a_released_text(database: Database) -> None:
    """A text released at night goes out in the morning."""
    shop = await EngineShop.open(database)
    await shop.person("ana", IncomingProfile(email="ana@example.com", phone_number="+442071838750"))
    await shop.consent("ana", Channel.SMS, "SUBSCRIBED")
    await shop.flow(definition(await shop.metric("Checkout Started"), text("text")), "manual")
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    await shop.move(12 * HOUR)

    assert Released(released=1, held=1) == await let_go(shop)
    await shop.drain()
    assert [] == await shop.sent()
    await shop.move(12 * HOUR)
    assert [("ana", MONDAY + 22 * HOUR)] == await shop.sent()


async def test_the_content_is_the_present_one(database: Database) -> None:
    """A template that was changed meanwhile is what people get."""
    shop, _ = await queued_up(database)
    (template,) = await database.fetch("SELECT template_id FROM flow_message")
    async with database.transaction() as transaction:
        changes = {"html": "<p>New</p>"}
        await update_template(transaction, shop.account.account_id, template["template_id"], changes, await shop.now())
    await let_go(shop)
    await shop.drain()
    html = await database.fetch_value("SELECT html FROM inbox_message")

    assert "New" in html


@pytest.mark.parametrize(("status", "state"), [("live", ("SENT", None)), ("draft", ("SKIPPED", "Action Not Live"))])
async def test_the_status_is_the_present_one(database: Database, status: str, state: tuple[str, str | None]) -> None:
    """A message whose action went live goes out; one whose action became a draft does not."""
    shop, flow_id = await queued_up(database)
    await set_status(shop, flow_id, status)
    await let_go(shop)
    await shop.drain()

    assert [state] == await states(shop)


async def test_a_message_of_a_deleted_flow_is_skipped(database: Database) -> None:
    """There is no content any more."""
    shop, flow_id = await queued_up(database)
    async with database.transaction() as transaction:
        await flows.delete_flow(transaction, shop.account.account_id, flow_id, await shop.now())
    await let_go(shop)

    assert [("SKIPPED", "Action Deleted")] == await states(shop)


async def test_a_person_who_is_gone_is_skipped(database: Database) -> None:
    """Nobody is mailed whose profile was deleted."""
    shop, _ = await queued_up(database)
    async with database.transaction() as transaction:
        await transaction.execute("DELETE FROM profile")
    await let_go(shop)

    assert [("SKIPPED", "Person Deleted")] == await states(shop)


async def test_a_release_in_portions_reaches_everybody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches and a limit leave the rest for the next call."""
    monkeypatch.setattr(review, "AT_ONCE", 2)
    people = [f"person{number}" for number in range(7)]
    shop, _ = await queued_up(database, *people)

    assert Released(released=5, remaining=True) == await let_go(shop, limit=5)
    assert Released(released=2) == await let_go(shop, limit=5)
    await shop.drain()
    assert sorted(people) == sorted(person for person, _ in await shop.sent())


async def test_a_batch_that_fails_leaves_the_others_done(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in the second batch loses nothing: its messages are still under review, the first one's are queued."""
    monkeypatch.setattr(review, "AT_ONCE", 1)
    shop, _ = await queued_up(database, "ana", "ben")
    settle, calls = review.settle_review, []

    async def crash_later(*given: Any) -> None:
        await settle(*given)
        calls.append(given)
        if len(calls) == 2:
            raise RuntimeError("a crash before the commit")

    monkeypatch.setattr(review, "settle_review", crash_later)
    with pytest.raises(RuntimeError):
        await let_go(shop)

    assert [("QUEUED", None), ("REVIEW", None)] == sorted(await states(shop))
    assert Released(released=1) == await let_go(shop)


async def test_who_left_the_list_meanwhile_is_skipped(database: Database) -> None:
    """Membership is asked at the release like everything else."""
    shop = await EngineShop.open(database)
    list_id = await shop.list_("Newsletter")
    made = definition("", email("mail", await shop.template()))
    await shop.flow({**made, "triggers": [{"type": "list", "id": list_id}]}, "manual")
    for person in ("ana", "ben"):
        await shop.person(person)
        await shop.join(person, list_id)
    await shop.drain()
    await shop.leave("ana", list_id)
    skipped = {"Person No Longer in List": 1}

    assert Released(released=1, skipped=skipped) == await let_go(shop)  # type: ignore[arg-type]


async def test_a_variation_is_released_with_its_own_content(database: Database) -> None:
    """What an experiment allotted stays allotted."""
    shop = await EngineShop.open(database)
    template = await shop.template()
    one, two = email("one", template), email("two", template)
    data = {
        "status": "manual",
        "experiment_status": "live",
        "main_action": email("main", template),
        "current_experiment": {"name": "Test", "variations": [one, two], "allocations": {"one": 0, "two": 100}},
    }
    test = {"temporary_id": "test", "type": "ab-test", "links": {"next": None}, "data": data}
    await shop.flow(definition(await shop.metric("Checkout Started"), test), "manual")
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    (queued,) = await shop.deliveries()

    assert ("REVIEW", None) == (await states(shop))[0]
    assert Released(released=1) == await let_go(shop)
    await shop.drain()
    assert [("ana", MONDAY)] == await shop.sent()
    (sent,) = await shop.deliveries()
    assert queued["variation"] == sent["variation"] != ""


async def test_a_run_that_still_waits_keeps_its_place(database: Database) -> None:
    """Releasing a message of a run in a delay does not disturb it, and its journal stays complete."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    flow = definition(metric, email("first", template, "wait"), delay("wait", "second"), email("second", template))
    await shop.flow(flow, "manual")
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    await let_go(shop)
    await shop.move(HOUR)
    (run,) = await shop.runs()

    assert ["review", "waiting", "released", "review"] == [what for what, _ in await shop.story(run)]
    assert ["FINISHED"] == await shop.run_states()


async def test_counts_follow_what_became_of_messages(database: Database) -> None:
    """What was skipped at the release did not pass."""
    shop, flow_id = await queued_up(database, "ana", "ben")
    await shop.suppress("ana", "HARD_BOUNCE")
    await let_go(shop)
    (action_id,) = {row["action_id"] for row in await shop.deliveries()}
    rows = await counts_of(database, shop.account.account_id, flow_id)
    own = {(row["counter"], row["detail"]): row["amount"] for row in rows if row["action_id"] == action_id}

    assert (1, 1) == (own["passed", ""], own["skipped", "Person Suppressed"])


async def test_the_queue_is_listed_and_counted(database: Database) -> None:
    """By flow and action, the oldest first."""
    shop, flow_id = await queued_up(database, "ana", "ben")
    account_id, others = shop.account.account_id, Chosen(flow_id="OTHER1")
    listed = await list_review(database, account_id, Chosen(flow_id=flow_id), 10)

    assert {shop.people["ana"], shop.people["ben"]} == {row["profile_id"] for row in listed}
    assert [(flow_id, 2)] == [
        (row["flow_id"], row["messages"]) for row in await count_review(database, account_id, EVERYTHING)
    ]
    assert [] == await count_review(database, account_id, others)
    assert [] == await find_review(database, account_id, others, 10)
