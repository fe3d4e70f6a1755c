"""Deliveries between the queue and the provider: checks, answers, leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.channels.port import EmailEnvelope, Envelope, Refusal, Refused, Result, Retry, Sent, Unconfirmed
from headrace.engine import deliver, recording
from headrace.engine.core import Core
from headrace.engine.deliver import MOST_ATTEMPTS, resolve_leases
from headrace.engine.letters import Letter
from headrace.engine.worker import Worker
from headrace.model import Channel, DeliveryState
from headrace.storage import flows
from headrace.storage.database import Database, Row
from headrace.storage.deliveries import DeliveryResult
from headrace.storage.templates import update_template

SYSTEM_NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Machine:
    """System time that the test sets."""

    def __init__(self) -> None:
        self.moment = SYSTEM_NOON

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


class Answering:
    """A provider that gives the answers it was told to give, then takes everything."""

    name = "answering"

    def __init__(self, *answers: Result, safe: bool = False) -> None:
        self.answers = list(answers)
        self.honors_idempotency_key = safe
        self.given: list[EmailEnvelope] = []
        self.breaks = False

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Answer."""
        if self.breaks:
            raise RuntimeError("a bug of the provider")
        self.given += [envelope for envelope in envelopes if isinstance(envelope, EmailEnvelope)]
        return [self.answers.pop(0) if self.answers else Sent("taken") for _ in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


async def queue_one(database: Database, provider: Answering, machine: Machine | None = None) -> EngineShop:
    """Return a shop in which one e-mail to ana is queued and not yet delivered."""
    shop = await EngineShop.open(database, providers={Channel.EMAIL: provider})
    shop.core = replace(shop.core, clock=machine or Machine())
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    worker = Worker(shop.core)
    await worker.enter()
    await worker.advance()
    return shop


async def the_delivery(shop: EngineShop) -> Row:
    """Return the only delivery."""
    (row,) = await shop.deliveries()
    return row


async def events(shop: EngineShop) -> list[str]:
    """Return the names of the message events."""
    rows = await shop.database.fetch(
        "SELECT name FROM event JOIN metric USING (metric_id) WHERE integration_name = 'Klaviyo' ORDER BY number"
    )
    return [row["name"] for row in rows]


async def test_a_sent_message_is_recorded_with_its_event(database: Database) -> None:
    """The row is SENT at the account's moment and the person's history says Received Email."""
    shop = await queue_one(database, Answering())

    await shop.drain()

    row = await the_delivery(shop)
    assert (DeliveryState.SENT, MONDAY, "taken") == (row["state"], row["sent_at"], row["provider_id"])
    assert ["Received Email"] == await events(shop)


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (Refusal.HARD_BOUNCE, "Bounced Email"),
        (Refusal.SENDER, "Dropped Email"),
        (Refusal.CONTENT, "Dropped Email"),
    ],
)
async def test_a_refused_message_fails_with_the_providers_reason(database: Database, kind: Refusal, event: str) -> None:
    """A refusal is final; a hard bounce is recorded as such."""
    shop = await queue_one(database, Answering(Refused("550 no such user", kind)))

    await shop.drain()

    row = await the_delivery(shop)
    assert (DeliveryState.FAILED, "550 no such user") == (row["state"], row["reason"])
    assert [event] == await events(shop)


async def test_a_provider_that_asks_to_wait_is_asked_again_later(database: Database) -> None:
    """The message stays queued until the pause, measured in system time, is over; each pause is twice the last."""
    machine, pause = Machine(), timedelta(minutes=5)
    provider = Answering(Retry(pause, "451 later"), Retry(pause, "451 later"))
    shop = await queue_one(database, provider, machine)

    await shop.drain()
    assert (DeliveryState.QUEUED, 1) == ((await the_delivery(shop))["state"], len(provider.given))
    machine.moment += pause
    await shop.drain()
    machine.moment += pause
    await shop.drain()
    assert (DeliveryState.QUEUED, 2) == ((await the_delivery(shop))["state"], len(provider.given))
    machine.moment += pause
    await shop.drain()

    row = await the_delivery(shop)
    assert (DeliveryState.SENT, MONDAY, 3) == (row["state"], row["sent_at"], row["attempts"])


async def test_a_provider_that_always_asks_to_wait_is_given_up(database: Database) -> None:
    """After ten attempts the message has failed; it was never attempted to the person, so nothing is recorded."""
    machine = Machine()
    provider = Answering(*[Retry(timedelta(minutes=1), "451 later")] * MOST_ATTEMPTS)
    shop = await queue_one(database, provider, machine)

    for _ in range(MOST_ATTEMPTS):
        await shop.drain()
        machine.moment += timedelta(hours=2)

    row = await the_delivery(shop)
    assert (DeliveryState.FAILED, "Unable to Send Email", None) == (row["state"], row["reason"], row["sent_at"])
    assert [] == await events(shop)


async def test_an_answer_that_never_came_leaves_the_message_unconfirmed(database: Database) -> None:
    """Nobody knows whether it was sent: it counts as sent for smart sending and is not tried again."""
    provider = Answering(Unconfirmed("the connection broke"))
    shop = await queue_one(database, provider)

    await shop.drain()
    await shop.drain()

    row = await the_delivery(shop)
    assert (DeliveryState.UNCONFIRMED, MONDAY, 1) == (row["state"], row["sent_at"], len(provider.given))


@pytest.mark.parametrize(("safe", "state"), [(True, DeliveryState.QUEUED), (False, DeliveryState.UNCONFIRMED)])
async def test_a_provider_that_breaks_is_retried_only_where_that_is_safe(
    database: Database, safe: bool, state: DeliveryState
) -> None:
    """An error in the middle of a batch leaves it open what was sent."""
    provider = Answering(safe=safe)
    provider.breaks = True
    shop = await queue_one(database, provider)

    await shop.drain()

    assert state == (await the_delivery(shop))["state"]


@pytest.mark.parametrize(("safe", "state"), [(True, DeliveryState.QUEUED), (False, DeliveryState.UNCONFIRMED)])
async def test_only_a_lapsed_lease_is_resolved(database: Database, safe: bool, state: DeliveryState) -> None:
    """What a dead worker held is left alone until its lease lapses and then settled by what the provider promises."""
    machine = Machine()
    shop = await queue_one(database, Answering(safe=safe), machine)
    async with database.transaction() as transaction:
        await transaction.execute(
            "UPDATE delivery SET state = 1, claimed_by = 'dead', lease_until = $1", SYSTEM_NOON + timedelta(minutes=5)
        )

    assert 0 == await resolve_leases(shop.core)
    machine.moment += timedelta(minutes=6)
    assert 1 == await resolve_leases(shop.core)

    assert state == (await the_delivery(shop))["state"]


async def test_what_could_not_be_prepared_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure before the provider saw anything leaves no lease to lapse: the message is queued, and sent later."""
    machine = Machine()
    provider = Answering()
    shop = await queue_one(database, provider, machine)
    with monkeypatch.context() as patch:
        patch.setattr(deliver, "write_letters", _failing)
        await shop.drain()
    waiting = await the_delivery(shop)
    machine.moment += deliver.AFTER_A_BUG

    await shop.drain()

    assert (DeliveryState.QUEUED, None) == (waiting["state"], waiting["claimed_by"])
    assert (DeliveryState.SENT, 1) == ((await the_delivery(shop))["state"], len(provider.given))


async def _failing(*_: object) -> None:
    raise ZeroDivisionError("a bug before anything was sent")


async def test_one_message_that_cannot_be_prepared_holds_up_nobody_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of its batch go out; it is given up after ten attempts."""
    machine = Machine()
    shop = await EngineShop.open(database, providers={Channel.EMAIL: Answering()})
    shop.core = replace(shop.core, clock=machine)
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, email("mail", await shop.template())))
    await shop.events("Checkout Started", ["ana", "ben"])
    sound = deliver.write_letters

    async def write_letters(core: Core, rows: Sequence[Row], now: datetime) -> list[Letter | DeliveryResult]:
        if any(row["profile_id"] == shop.people["ben"] for row in rows):
            raise ZeroDivisionError("a bug before anything was sent")
        return await sound(core, rows, now)

    monkeypatch.setattr(deliver, "write_letters", write_letters)
    for _ in range(MOST_ATTEMPTS):
        await shop.drain()
        machine.moment += deliver.AFTER_A_BUG

    states = {row["profile_id"]: row["state"] for row in await shop.deliveries()}
    assert {shop.people["ana"]: DeliveryState.SENT, shop.people["ben"]: DeliveryState.FAILED} == states


@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError("in the way"), OSError("gone")])
async def test_a_result_that_could_not_be_written_is_written_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """What the provider took is recorded as sent even when the first attempt to say so fails."""
    shop = await queue_one(database, Answering())
    sound, errors = recording.record_results, [error]

    async def record_results(*args: Any) -> set[UUID]:
        if errors:
            raise errors.pop()
        return await sound(*args)

    monkeypatch.setattr(recording, "record_results", record_results)
    await shop.drain()

    assert DeliveryState.SENT == (await the_delivery(shop))["state"]
    assert ["Received Email"] == await events(shop)


async def test_somebody_who_unsubscribes_while_a_message_is_queued_does_not_get_it(database: Database) -> None:
    """Consent is asked once more just before sending."""
    provider = Answering()
    shop = await queue_one(database, provider)
    await shop.consent("ana", Channel.EMAIL, "UNSUBSCRIBED")

    await shop.drain()

    row = await the_delivery(shop)
    assert (DeliveryState.SKIPPED, "Person Suppressed") == (row["state"], row["reason"])
    assert [] == provider.given


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ("delete", DeliveryState.SKIPPED, "Action Deleted"),
        ("draft", DeliveryState.CANCELED, "Action Not Live"),
    ],
)
async def test_a_flow_that_ends_while_a_message_is_queued_does_not_send_it(
    database: Database, change: str, state: DeliveryState, reason: str
) -> None:
    """The flow's status is asked once more just before sending."""
    shop = await queue_one(database, Answering())
    flow_id = (await the_delivery(shop))["flow_id"]
    async with database.transaction() as transaction:
        place = (transaction, shop.account.account_id, flow_id)
        if change == "delete":
            await flows.delete_flow(*place, MONDAY)
        else:
            await flows.set_status(*place, "draft", MONDAY)

    await shop.drain()

    row = await the_delivery(shop)
    assert (state, reason) == (row["state"], row["reason"])


async def test_a_template_that_cannot_be_rendered_skips_the_message(database: Database) -> None:
    """An error of the template is the message's skip reason; the run has moved on."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    mail = email("mail", await shop.template("{% for x in y %}"))
    await shop.flow(definition(metric, mail))
    await shop.event("Checkout Started", "ana")

    await shop.drain()

    row = await the_delivery(shop)
    assert (DeliveryState.SKIPPED, "Email Syntax Error") == (row["state"], row["reason"])
    assert ["FINISHED"] == await shop.run_states()


async def test_a_changed_template_changes_the_next_send(database: Database) -> None:
    """Who waits while the message's template is updated gets the new content."""
    provider = Answering()
    shop = await EngineShop.open(database, providers={Channel.EMAIL: provider})
    metric = await shop.metric("Checkout Started")
    template = await shop.template("<p>Old</p>")
    await shop.flow(
        definition(metric, email("first", template, "wait"), delay("wait", "second"), email("second", template))
    )
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    copies = await database.fetch("SELECT template_id FROM flow_message WHERE name = 'second'")
    async with database.transaction() as transaction:
        account_id, copied = shop.account.account_id, copies[0]["template_id"]
        await update_template(transaction, account_id, copied, {"html": "<p>New {{ event.item }}</p>"}, MONDAY)

    await shop.move(timedelta(hours=1))

    assert ["Old" in one.html for one in provider.given] == [True, False]
    assert "New" in provider.given[1].html


async def test_two_messages_of_one_moment_go_out_in_the_flows_order(database: Database) -> None:
    """Whatever their ids are, everybody gets the one that stands first in the flow first."""
    shop = await EngineShop.open(database)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    # Ids are given in the order of the document, in which the last one comes first here.
    actions = [email("first", template, "second"), email("second", template, "third"), email("third", template)]
    document = definition(metric, *reversed(actions)) | {"entry_action_id": "first"}
    await shop.flow(document)
    await shop.events("Checkout Started", [f"person{number}" for number in range(20)])

    await shop.drain()

    kept = await database.fetch("SELECT profile_id, subject FROM inbox_message ORDER BY number")
    for person in shop.people.values():
        assert ["first", "second", "third"] == [row["subject"] for row in kept if row["profile_id"] == person]
