"""Messages of every channel through the engine, and runs that wait for what their webhooks answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.channels.port import Envelope, Refusal, Refused, Result, Retry, Sent, Unconfirmed, WebhookEnvelope
from headrace.engine.deliver import MOST_ATTEMPTS, resolve_leases
from headrace.engine.setup import choose_providers
from headrace.engine.worker import Worker
from headrace.model import Channel, DeliveryState
from headrace.storage.alert_recipients import confirm_recipient, request_recipient
from headrace.storage.database import Database, Row
from headrace.storage.identity import IncomingProfile
from headrace.storage.push_tokens import Token, set_token
from headrace.storage.step_counts import counts_of

ANA = IncomingProfile(email="ana@example.com", phone_number="+15555550100", fields={"first_name": "Ana"})
METRIC = "Checkout Started"
OK = {"status": 200, "body": None, "error": None}


class Answering:
    """A provider of webhooks that gives the answers it was told to give, then an empty 200."""

    name = "answering"

    def __init__(self, *answers: Result, safe: bool = True) -> None:
        self.answers = list(answers)
        self.honors_idempotency_key = safe
        self.given: list[WebhookEnvelope] = []
        self.dies = False

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Answer."""
        if self.dies:
            raise asyncio.CancelledError
        self.given += [envelope for envelope in envelopes if isinstance(envelope, WebhookEnvelope)]
        return [self.answers.pop(0) if self.answers else Sent("taken", OK) for _ in envelopes]

    async def close(self) -> None:
        """Nothing to let go of."""


def send(name: str, kind: str, message: Mapping[str, Any], following: str | None = None) -> dict[str, Any]:
    """Return an action that sends a message."""
    data = {"message": {"name": name, **message}, "status": "draft"}
    return {"temporary_id": name, "type": f"send-{kind}", "links": {"next": following}, "data": data}


def asks(name: str, webhook: str, field: str, value_filter: Mapping[str, Any], yes: str, no: str) -> dict[str, Any]:
    """Return a split by what a webhook answered."""
    condition = {"type": "action-output", "output_config_id": int(webhook), "field": field, "filter": value_filter}
    asked = {"condition_groups": [{"conditions": [condition]}]}
    links = {"next_if_true": yes, "next_if_false": no}
    data = {"action_output_filter": asked}
    return {"temporary_id": name, "type": "action-output-split", "links": links, "data": data}


async def opened(database: Database, webhooks: Answering | None = None) -> EngineShop:
    """Return a shop that keeps every message, or gives webhooks to a double."""
    providers = choose_providers(database)
    return await EngineShop.open(
        database, providers={**providers, Channel.WEBHOOK: webhooks} if webhooks else providers
    )


async def play(shop: EngineShop, *actions: Mapping[str, Any], drained: bool = True, **event: Any) -> str:
    """Let Ana go through a flow of these actions; return its id."""
    flow_id = await shop.flow(definition(await shop.metric(METRIC), *actions))
    await shop.event(METRIC, "ana", profiles={"ana": ANA}, **event)
    if drained:
        await shop.drain()
    return flow_id


async def kept(shop: EngineShop) -> list[Row]:
    """Return the messages of the inbox in their order."""
    return await shop.database.fetch("SELECT * FROM inbox_message ORDER BY number")


async def events(shop: EngineShop) -> list[str]:
    """Return the names of the metrics of all message events."""
    query = """
    SELECT m.name FROM event e JOIN metric m USING (metric_id) WHERE m.integration_name <> 'API' ORDER BY e.number
    """
    return [row["name"] for row in await shop.database.fetch(query)]


async def device(shop: EngineShop, token: str, *, enabled: bool = True) -> None:
    """Give Ana a device."""
    await shop.person("ana", ANA)
    async with shop.database.transaction() as transaction:
        made = Token(token, "ios", "apns", enabled)
        await set_token(transaction, shop.account.account_id, shop.people["ana"], made, await shop.now())


async def test_a_push_reaches_the_devices_that_allow_it(database: Database) -> None:
    """It is kept with all it holds, leaves "Received Push" and counts as delivered."""
    shop = await opened(database)
    await device(shop, "t1")
    await device(shop, "t2", enabled=False)
    message = {
        "title": "Hi {{ first_name }}",
        "body": "Order {{ event.order }}",
        "badge": True,
        "badge_options": {"badge_config": "set_count", "value": "2"},
        "action_buttons": [{"label": "Open", "action_type": "open_app"}],
    }
    await play(shop, send("push", "mobile-push", message), properties={"order": 17})
    (row,) = await kept(shop)
    assert (Channel.PUSH, "t1", "Hi Ana", "Order 17") == (row["channel"], row["recipient"], row["subject"], row["text"])
    assert {
        "Devices": ["ios (apns) t1"],
        "On open": "home",
        "Badge": 2,
        "Buttons": [{"label": "Open", "action": "open_app"}],
    } == row["headers"]
    assert ["Received Push"] == await events(shop)
    delivered = await shop.database.fetch("SELECT channel, delivered FROM message_delta")
    assert [(Channel.PUSH, 1)] == [tuple(one.values()) for one in delivered]


async def test_a_push_without_a_device_is_skipped(database: Database) -> None:
    """The run goes on."""
    shop = await opened(database)
    await play(shop, send("push", "mobile-push", {"body": "Hi"}))
    assert ([], ["FINISHED"]) == (await kept(shop), await shop.run_states())


async def test_whatsapp_is_kept_with_its_values(database: Database) -> None:
    """The vendor's template by its id, and what may fill it."""
    shop = await opened(database)
    await shop.person("ana", ANA)
    await shop.consent("ana", Channel.WHATSAPP, "SUBSCRIBED")
    await play(shop, send("order_update", "whatsapp", {"vendor_id": "v-1"}), properties={"order": 17})
    (row,) = await kept(shop)
    assert (Channel.WHATSAPP, "+15555550100", "order_update") == (row["channel"], row["recipient"], row["subject"])
    assert ("v-1", 17, "Ana") == (
        row["headers"]["Template"],
        row["headers"]["Variables"]["event"]["order"],
        row["headers"]["Variables"]["person"]["first_name"],
    )
    assert ["Received WhatsApp"] == await events(shop)


async def test_a_webhook_is_kept_and_leaves_no_event(database: Database) -> None:
    """It reaches no person, so nothing is said of it in their history or in reports."""
    shop = await opened(database)
    message = {
        "url": "https://hooks.shop.test/{{ event.order }}",
        "headers": {"X-Who": "{{ email }}"},
        "body": '{"name": "{{ first_name }}"}',
    }
    await play(shop, send("hook", "webhook", message), properties={"order": 17})
    (row,) = await kept(shop)
    assert (Channel.WEBHOOK, "https://hooks.shop.test/17", '{"name": "Ana"}') == (
        row["channel"], row["recipient"], row["text"],
    )  # fmt: skip
    assert {"X-Who": "ana@example.com", "Content-Type": "application/json"} == row["headers"]
    assert ([], ["SENT"]) == (
        await events(shop), [DeliveryState(one["state"]).name for one in await shop.deliveries()],
    )  # fmt: skip


async def test_an_alert_goes_to_those_who_confirmed(database: Database) -> None:
    """It leaves no event of the person it is about."""
    shop = await opened(database)
    place = shop.account.account_id
    async with shop.database.transaction() as transaction:
        for address in ("boss@shop.test", "new@shop.test"):
            await request_recipient(transaction, place, address)
        await confirm_recipient(transaction, place, "boss@shop.test", MONDAY)
    message = {
        "from_email": None,
        "from_label": None,
        "to_emails": ["new@shop.test", "boss@shop.test"],
        "subject_line": "{{ first_name }} ordered",
        "template_id": await shop.template("<p>{{ event.order }}</p>"),
    }
    await play(shop, send("alert", "internal-alert", message), properties={"order": 17})
    (row,) = await kept(shop)
    assert (Channel.INTERNAL_ALERT, "boss@shop.test", "Ana ordered", "<p>17</p>") == (
        row["channel"], row["recipient"], row["subject"], row["html"],
    )  # fmt: skip
    assert [] == await events(shop)


async def inner(shop: EngineShop, name: str) -> dict[str, Any]:
    """Return an e-mail as it stands inside an experiment."""
    made = email(name, await shop.template(f"<p>{name}</p>"))
    return {key: value for key, value in made.items() if key != "temporary_id"}


async def test_a_variation_is_sent_with_its_own_words_and_template(database: Database) -> None:
    """Everybody gets the variation that has all of the shares; its template is loaded, too."""
    shop = await opened(database)
    main, other = [await inner(shop, name) for name in ("main", "other")]
    tried = {
        "name": "Words",
        "variations": [{**main, "temporary_id": "v1"}, {**other, "temporary_id": "v2"}],
        "allocations": {"v1": 0, "v2": 100},
    }
    data = {"status": "draft", "experiment_status": "live", "main_action": main, "current_experiment": tried}
    made = {"temporary_id": "test", "type": "ab-test", "links": {"next": None}, "data": data}
    await play(shop, made)
    (row,) = await kept(shop)
    assert "other" == row["subject"]
    assert "<p>other</p>" in row["html"]
    (sent,) = await shop.deliveries()
    assert sent["variation"]


async def ask_a_webhook(
    database: Database,
    *answers: Result,
    message: Mapping[str, Any] | None = None,
    webhooks: Answering | None = None,
    drained: bool = True,
) -> EngineShop:
    """Let Ana through a flow that asks a webhook for her score and mails "good" or "poor"."""
    shop = await opened(database, webhooks or Answering(*answers))
    template = await shop.template()
    await play(
        shop,
        send("1", "webhook", message or {"url": "https://hooks.shop.test/score"}, "asks"),
        asks("asks", "1", "body.score", {"type": "numeric", "operator": "greater-than", "value": 5}, "good", "poor"),
        email("good", template),
        email("poor", template),
        drained=drained,
    )
    return shop


@pytest.mark.parametrize(("score", "expected"), [(7, "good"), (3, "poor")])
async def test_a_run_waits_for_what_its_webhook_answers(database: Database, score: int, expected: str) -> None:
    """The answer decides the way on, at the moment of the call."""
    shop = await ask_a_webhook(database, Sent("x", {"status": 200, "body": {"score": score}, "error": None}))
    assert [expected] == [row["subject"] for row in await kept(shop)]
    (run,) = await shop.runs()
    assert (None, [{"status": 200, "body": {"score": score}, "error": None}]) == (
        run["awaits"], list(run["outputs"].values()),
    )  # fmt: skip
    assert MONDAY == await shop.now()


REFUSED = {"status": 404, "body": "no", "error": "the receiver answered 404"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Refused("the receiver answered 404", Refusal.CONTENT, REFUSED), REFUSED),
        (Refused("no", Refusal.CONTENT), {"status": None, "body": None, "error": "no"}),
        (Unconfirmed("nobody knows"), {"status": None, "body": None, "error": "nobody knows"}),
    ],
)
async def test_a_webhook_that_fails_lets_the_run_go_on(database: Database, answer: Result, expected: object) -> None:
    """What went wrong is the output."""
    shop = await ask_a_webhook(database, answer)
    (run,) = await shop.runs()
    assert [expected] == list(run["outputs"].values())
    assert ["poor"] == [row["subject"] for row in await kept(shop)]


async def test_a_webhook_that_cannot_be_written_lets_the_run_go_on(database: Database) -> None:
    """It is skipped, counted so, and the run finds that there is no answer."""
    shop = await ask_a_webhook(database, message={"url": "{{ person.nothing }}"})
    (run,) = await shop.runs()
    assert [{"status": None, "body": None, "error": "Unable to Send Webhook"}] == list(run["outputs"].values())
    assert ["poor"] == [row["subject"] for row in await kept(shop)]


async def test_a_webhook_that_is_put_off_keeps_the_run_waiting(database: Database) -> None:
    """Until the last attempt, whose answer is the output; or until a day is over, and then it goes on without."""
    late = Retry(timedelta(hours=1), "the receiver answered 503", {"status": 503, "body": None, "error": None})
    shop = await ask_a_webhook(database, late)
    assert (["WAITING"], []) == (await shop.run_states(), await kept(shop))
    await shop.move(timedelta(days=2))
    assert ["poor"] == [row["subject"] for row in await kept(shop)]
    (run,) = await shop.runs()
    assert (None, None) == (run["awaits"], run["outputs"])


async def test_the_answer_of_the_last_attempt_is_the_output(database: Database) -> None:
    """The delivery has failed, and the run goes on with what it knows."""
    output = {"status": 503, "body": "full", "error": None}
    shop = await ask_a_webhook(database, *[Retry(timedelta(0), "503", output)] * MOST_ATTEMPTS)
    (run,) = await shop.runs()
    assert ([output], "FAILED") == (
        list(run["outputs"].values()), DeliveryState((await shop.deliveries())[0]["state"]).name,
    )  # fmt: skip
    assert ["poor"] == [row["subject"] for row in await kept(shop)]


async def test_a_webhook_of_a_worker_that_died_lets_the_run_go_on(database: Database) -> None:
    """Nobody knows whether it arrived, where the provider could not tell a repetition; that is the output."""
    provider = Answering(safe=False)
    provider.dies = True
    shop = await ask_a_webhook(database, webhooks=provider, drained=False)
    await Worker(shop.core).enter()
    await Worker(shop.core).advance()
    with pytest.raises(asyncio.CancelledError):
        await Worker(shop.core).deliver()
    await shop.database.fetch("UPDATE delivery SET lease_until = '2000-01-01' RETURNING 1")
    assert 1 == await resolve_leases(shop.core)
    await shop.drain()
    (run,) = await shop.runs()
    error = "nobody knows whether it arrived"
    assert [{"status": None, "body": None, "error": error}] == list(run["outputs"].values())
    assert ["poor"] == [row["subject"] for row in await kept(shop)]


async def test_a_message_that_cannot_be_written_is_counted_as_skipped(database: Database) -> None:
    """It was counted as passed when it was queued; the counts move with it."""
    shop = await opened(database)
    flow_id = await play(
        shop, email("mail", await shop.template("{{ x|rjust:99999999 }}"), "wait"), delay("wait", None)
    )
    rows = await counts_of(shop.database, shop.account.account_id, flow_id)
    (sent,) = await shop.deliveries()
    found = {(row["counter"], row["detail"]): row["amount"] for row in rows if row["action_id"] == sent["action_id"]}
    assert (1, 0) == (found.get(("skipped", "Email Syntax Error")), found.get(("passed", ""), 0))
