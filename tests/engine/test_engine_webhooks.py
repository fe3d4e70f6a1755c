"""Webhooks are told of events: signed, at least once, in order, and none holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from engine_shop import EngineShop, definition, email
from headrace.channels.webhook.posting import Poster
from headrace.clock import SystemClock
from headrace.engine import inbound_sms, merges, webhook_payloads
from headrace.engine.deletions import Named, request_deletion
from headrace.engine.doctor import examine
from headrace.engine.jobs import run_jobs
from headrace.engine.merges import request_merge
from headrace.engine.setup import choose_providers
from headrace.engine.webhooks import GIVES_UP, KEPT_INSTEAD, LEASE, LONGEST_PAUSE, Teller, pause
from headrace.engine.worker import Worker
from headrace.ids import event_id
from headrace.messages.sealing import Sealer
from headrace.storage.database import Connection, Database, Query, Row
from headrace.storage.metrics import OWN
from headrace.storage.webhook_feed import TOPIC
from headrace.storage.webhook_queue import count_queued, forget_unheard, waiting_webhooks
from headrace.storage.webhook_topics import OWN_METRICS, OWN_TOPICS, own_topic
from headrace.storage.webhooks import NewWebhook, change_webhook, create_webhook, delete_webhook, switch_on
from hooks import SECRET, Hook, listening

ORDERED = "event:api.placed_order"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Moved:
    """A machine's clock that a test moves."""

    moment: datetime = NOW

    def now(self) -> datetime:
        """Return where it stands."""
        return self.moment


class Died(BaseException):
    """The process ends here."""


async def webhook(shop: EngineShop, url: str, *topics: str, name: str = "H1") -> str:
    """Make a webhook that listens to topics, by default to orders."""
    sealed = Sealer(shop.core.workshop.signer).seal(SECRET, name, shop.ids)
    async with shop.database.transaction() as transaction:
        new = NewWebhook(name, "Hook", None, url, sealed, topics or (ORDERED,))
        await create_webhook(transaction, shop.account.account_id, new, NOW)
    return name


async def read(shop: EngineShop, webhook_id: str = "H1") -> Row:
    """Return a webhook's row."""
    row = await shop.database.fetch_row("SELECT * FROM webhook WHERE webhook_id = $1", webhook_id)
    assert row is not None
    return row


async def waiting(shop: EngineShop, webhook_id: str = "H1") -> int:
    """Return how many events a webhook is still to be told."""
    return await count_queued(shop.database, shop.account.account_id, webhook_id)


@asynccontextmanager
async def telling(shop: EngineShop, clock: Moved | None = None, patience: float = 5.0) -> AsyncIterator[Teller]:
    """Lend what tells webhooks, on a clock of its own."""
    core = replace(shop.core, clock=clock or Moved(), name=str(shop.ids.uuid()))
    teller = Teller(core, Poster(patience))
    try:
        yield teller
    finally:
        await teller.close()


@pytest.fixture
async def shop(database: Database) -> EngineShop:
    """A shop that keeps its messages in the inbox."""
    return await EngineShop.open(database, providers=choose_providers(database))


async def test_an_event_is_told_with_its_person_and_signed(shop: EngineShop) -> None:
    """The body has the published form, and its signature is right."""
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        made = await shop.event("Placed Order", "ana", properties={"sku": "A1"})
        assert 1 == await teller.tell_all()
    [call], [head] = hook.calls, hook.heads
    assert NOW == parsedate_to_datetime(head["klaviyo-timestamp"])
    assert ("H1", "application/json") == (head["klaviyo-webhook-id"], head["content-type"])
    assert {
        "klaviyo_account_id": shop.account.account_id,
        "klaviyo_webhook_id": "H1",
        "timestamp": "2026-03-02T12:00:00+00:00",
        "version": webhook_payloads.VERSION,
    } == call["meta"]
    [told] = call["data"]
    event, (person, metric) = told["payload"]["data"], told["payload"]["included"]
    assert (ORDERED, told["external_id"]) == (told["topic"], event["id"])
    assert {"sku": "A1"} == event["attributes"]["event_properties"]
    assert made.profile_id == event["relationships"]["profile"]["data"]["id"] == person["id"]
    assert ("ana@example.com", "Placed Order") == (person["attributes"]["email"], metric["attributes"]["name"])
    row = await shop.database.fetch_row("SELECT * FROM event")
    assert row is not None
    assert (event_id(row["number"]), row["occurred_at"].isoformat()) == (event["id"], event["attributes"]["datetime"])
    assert 0 == await waiting(shop)


async def test_only_what_a_webhook_listens_to_is_told(shop: EngineShop) -> None:
    """Other topics, other accounts, imported history and what happened before are not told."""
    other = await EngineShop.open(shop.database, seed=8)
    async with listening() as hook, telling(shop) as teller:
        await shop.event("Placed Order", "early")
        await webhook(shop, hook.url)
        await shop.event("Viewed Product", "ana")
        await shop.event("Placed Order", "bea", backfill=True)
        await other.event("Placed Order", "cai")
        assert (0, []) == (await teller.tell_all(), hook.calls)


async def test_what_became_of_messages_is_told(shop: EngineShop) -> None:
    """An e-mail that a flow sends leaves an event that starts nothing and is told."""
    topic = "event:klaviyo.received_email"
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url, topic)
        template = await shop.template()
        flow = definition(await shop.metric("Placed Order"), email("mail", template))
        await shop.flow(flow)
        await shop.event("Placed Order", "ana")
        await shop.drain()
        await teller.tell_all()
    assert [[topic]] == hook.topics
    assert "$flow" in hook.calls[0]["data"][0]["payload"]["data"]["attributes"]["event_properties"]


async def test_one_call_tells_many_in_their_order(shop: EngineShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a number of events and of bytes a call, the first written first."""
    monkeypatch.setattr("headrace.engine.webhook_payloads.MOST_EVENTS", 4)
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        numbers = []
        for n in range(6):
            await shop.event("Placed Order", f"p{n}", properties={"n": n})
            numbers.append(n)
        monkeypatch.setattr("headrace.engine.webhook_payloads.MOST_BYTES", 100_000)
        assert 6 == await teller.tell_all()
        monkeypatch.setattr("headrace.engine.webhook_payloads.MOST_BYTES", 10)
        await shop.events("Placed Order", ["q1", "q2"])
        assert 2 == await teller.tell_all()
    assert [4, 2, 1, 1] == [len(call["data"]) for call in hook.calls]
    told = [
        one["payload"]["data"]["attributes"]["event_properties"].get("n") for call in hook.calls for one in call["data"]
    ]
    assert numbers == told[:6]


async def test_a_failure_is_tried_again_later_and_longer(shop: EngineShop) -> None:
    """After 30 seconds, then twice as long; a success begins anew."""
    clock = Moved()
    async with listening(Hook([500, 404, 202])) as hook, telling(shop, clock) as teller:
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        await teller.tell_all()
        assert (1, NOW + timedelta(seconds=30), NOW) == _state(await read(shop))
        clock.moment += timedelta(seconds=29)
        await teller.tell_all()
        assert 1 == len(hook.calls)
        clock.moment += timedelta(seconds=1)
        await teller.tell_all()
        assert (2, clock.moment + timedelta(seconds=60), NOW) == _state(await read(shop))
        assert "the receiver answered 404" == (await read(shop))["error"]
        clock.moment += timedelta(seconds=60)
        await teller.tell_all()
    assert ([[ORDERED]] * 3, 0, (0, None, None)) == (hook.topics, await waiting(shop), _state(await read(shop)))


def _state(row: Row) -> tuple[Any, ...]:
    return row["attempts"], row["not_before"], row["failing_since"]


async def test_a_receiver_may_ask_for_a_pause(shop: EngineShop) -> None:
    """`Retry-After` is heard, up to an hour."""
    async with listening(Hook([503], headers=("Retry-After: 600",))) as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        await teller.tell_all()
        assert NOW + timedelta(minutes=10) == (await read(shop))["not_before"]
    assert [timedelta(seconds=30), timedelta(seconds=480), LONGEST_PAUSE] == [pause(n) for n in (0, 4, 900)]


async def test_after_two_days_of_failures_a_webhook_is_switched_off(shop: EngineShop) -> None:
    """What it was to be told is forgotten, and nothing more is queued until it is switched on."""
    clock, account_id = Moved(), shop.account.account_id
    async with listening(Hook([500])) as hook, telling(shop, clock) as teller:
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        await teller.tell_all()
        clock.moment += GIVES_UP
        await teller.tell_all()
        assert (True, 1) == ((await read(shop))["enabled"], await waiting(shop))
        clock.moment += LONGEST_PAUSE
        await teller.tell_all()
        assert (False, 0) == ((await read(shop))["enabled"], await waiting(shop))
        await shop.event("Placed Order", "bea")
        assert 0 == await waiting(shop)
        async with shop.database.transaction() as transaction:
            await change_webhook(transaction, account_id, "H1", {"enabled": True}, clock.moment)
        hook.answers[:] = [202]
        await shop.event("Placed Order", "cai")
        assert 1 == await teller.tell_all()


@pytest.mark.parametrize("point", ["webhook: claimed", "webhook: called"])
async def test_a_process_that_dies_loses_nothing(shop: EngineShop, point: str) -> None:
    """Its claim lapses and the events are told, again if need be."""

    def die(here: str) -> None:
        if here == point:
            raise Died

    clock = Moved()
    async with listening() as hook:
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        dying = Teller(replace(shop.core, clock=clock, at=die))
        with pytest.raises(Died):
            await dying._once("H1")
        async with telling(shop, clock) as teller:
            assert (0, 1) == (await teller.tell_all(), await waiting(shop))
            clock.moment += LEASE
            assert (1, 0) == (await teller.tell_all(), await waiting(shop))
    assert [[ORDERED]] * (1 if point == "webhook: claimed" else 2) == hook.topics


async def test_two_workers_tell_each_event_once_and_in_order(shop: EngineShop) -> None:
    """A webhook is told by one of them at a time."""
    async with listening() as hook, telling(shop) as one, telling(shop) as two:
        await webhook(shop, hook.url)
        for n in range(12):
            await shop.event("Placed Order", f"p{n % 3}", properties={"n": n})
            if n % 3 == 0:
                await asyncio.gather(one.look(), two.look())
        while await waiting(shop):
            await asyncio.gather(one.tell_all(), two.tell_all())
    told = [
        one["payload"]["data"]["attributes"]["event_properties"]["n"] for call in hook.calls for one in call["data"]
    ]
    assert list(range(12)) == told


async def test_a_slow_receiver_holds_up_no_other(shop: EngineShop) -> None:
    """While one does not answer, the other is told all there is."""
    async with listening(Hook(silent=True)) as slow, listening() as quick, telling(shop, patience=3600) as teller:
        await webhook(shop, slow.url, name="SLOW")
        await webhook(shop, quick.url, name="QUICK")
        await shop.event("Placed Order", "ana")
        assert 2 == await teller.look()
        await teller._busy["QUICK"]
        await shop.event("Placed Order", "bea")
        assert 1 == await teller.look()
        await teller._busy["QUICK"]
        assert (0, 2) == (await waiting(shop, "QUICK"), await waiting(shop, "SLOW"))
        teller._busy.pop("SLOW").cancel()


async def test_a_worker_tells_webhooks(shop: EngineShop) -> None:
    """Beside its other work, until it is told to stop."""
    async with listening() as hook:
        worker = Worker(shop.core)
        running = asyncio.create_task(worker.run())
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        await asyncio.wait_for(hook.arrived.wait(), 30)
        worker.stop()
        await running
    assert ([[ORDERED]], 0) == (hook.topics, await waiting(shop))


async def test_a_long_queue_is_told_in_order(shop: EngineShop) -> None:
    """However much of it belongs to one person."""
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        people = ["ana"] * 150 + ["bea"] * 2 + ["ana"] * 20
        for person in ("ana", "bea"):
            await shop.person(person)
        for start in range(0, len(people), 43):
            await shop.events("Placed Order", people[start : start + 43])
        assert len(people) == await teller.tell_all()
    names = {profile_id: name for name, profile_id in shop.people.items()}
    told = [one["payload"]["included"][0]["id"] for call in hook.calls for one in call["data"]]
    assert people == [names[one] for one in told]
    assert len(hook.calls) > 1


async def test_no_answer_is_a_failure(shop: EngineShop) -> None:
    """A receiver that takes too long is called again later."""
    async with listening(Hook(silent=True)) as hook, telling(shop, patience=0.05) as teller:
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        assert 0 == await teller.tell_all()
        assert "no answer within 0.05 seconds" == (await read(shop))["error"]


async def test_a_webhook_that_is_switched_off_or_deleted_is_told_nothing(shop: EngineShop) -> None:
    """Not even what was queued by a transaction that ended only then."""
    account_id = shop.account.account_id
    async with listening() as hook, telling(shop) as teller:
        for name in ("OFF", "GONE"):
            await webhook(shop, hook.url, name=name)
        await shop.event("Placed Order", "ana")
        late = await shop.database.fetch("SELECT * FROM webhook_event")
        async with shop.database.transaction() as transaction:
            await change_webhook(transaction, account_id, "OFF", {"enabled": False}, NOW)
            await delete_webhook(transaction, account_id, "GONE")
        assert (0, 0) == (await waiting(shop, "OFF"), await waiting(shop, "GONE"))
        names = [name for name in dict(late[0]) if name != "number"]
        places = ", ".join(f"${at}" for at in range(1, len(names) + 1))
        put = f"INSERT INTO webhook_event ({', '.join(names)}) VALUES ({places})"
        for row in late:
            await shop.database.fetch(put, *(row[name] for name in names))
        assert 2 == len(await waiting_webhooks(shop.database, NOW))
        assert (0, []) == (await teller.tell_all(), hook.calls)
        assert [] == await waiting_webhooks(shop.database, NOW)


async def test_a_deleted_person_is_not_told_of(shop: EngineShop) -> None:
    """Deleting somebody removes what webhooks were still to be told of them."""
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.events("Placed Order", ["ana", "bea"])
        named = Named(profile_id=shop.people["ana"])
        await request_deletion(shop.core, shop.account.account_id, named, await shop.now(), SystemClock().now())
        while await run_jobs(shop.core):
            pass
        assert 1 == await teller.tell_all()
    [told] = hook.calls[0]["data"]
    assert shop.people["bea"] == told["payload"]["data"]["relationships"]["profile"]["data"]["id"]


async def test_a_merged_person_is_told_of_by_their_new_id(shop: EngineShop) -> None:
    """What was queued for the one moves to the other."""
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.events("Placed Order", ["ana", "bea"])
        people = (shop.people["ana"], shop.people["bea"])
        await request_merge(shop.core, shop.account, *people, await shop.now(), SystemClock().now())
        while await run_jobs(shop.core):
            pass
        assert 2 == await teller.tell_all()
    told = {one["payload"]["data"]["relationships"]["profile"]["data"]["id"] for one in hook.calls[0]["data"]}
    assert {shop.people["bea"]} == told


async def test_what_was_queued_for_somebody_after_their_merge_is_told_of_the_other(shop: EngineShop) -> None:
    """By a request that had looked before: the old id leads to the new one."""
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.events("Placed Order", ["ana", "bea"])
        ana, bea = shop.people["ana"], shop.people["bea"]
        await request_merge(shop.core, shop.account, ana, bea, await shop.now(), SystemClock().now())
        while await run_jobs(shop.core):
            pass
        await shop.database.fetch("UPDATE webhook_event SET profile_id = $1", ana)
        assert 2 == await teller.tell_all()
    told = [one["payload"] for one in hook.calls[0]["data"]]
    assert {(bea, bea)} == {
        (one["data"]["relationships"]["profile"]["data"]["id"], one["included"][0]["id"]) for one in told
    }


async def test_with_the_inbox_only_this_machine_is_called(shop: EngineShop) -> None:
    """What others were to be told is kept, the last of it, and told when webhooks are sent."""
    async with telling(shop) as teller:
        await webhook(shop, "https://hooks.example.com/hook")
        await shop.events("Placed Order", [f"p{n}" for n in range(KEPT_INSTEAD + 5)])
        await teller.tell_all()
        assert (KEPT_INSTEAD, None) == (await waiting(shop), (await read(shop))["failing_since"])
        newest = "SELECT max(number) - min(number) FROM webhook_event"
        assert KEPT_INSTEAD - 1 == await shop.database.fetch_value(newest)


async def test_a_secret_of_lost_keys_fails_and_says_so(shop: EngineShop) -> None:
    """Nothing unsigned is sent."""
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.database.fetch("UPDATE webhook SET secret = '\\x0102'")
        await shop.event("Placed Order", "ana")
        await teller.tell_all()
        assert ([], True) == (hook.calls, "secret cannot be read" in (await read(shop))["error"])


async def test_topics_are_spelled_alike_everywhere(shop: EngineShop) -> None:
    """The topic of each of Headrace's own metrics is what the database makes of its name."""
    await shop.metrics.ids(shop.account.account_id, OWN_METRICS, OWN)
    rows = await shop.database.fetch(f"SELECT name, {TOPIC} AS topic FROM metric m WHERE integration_name = $1", OWN)
    assert {row["name"]: row["topic"] for row in rows} == {name: own_topic(name) for name in OWN_METRICS}
    assert {inbound_sms.SENT, merges.MERGED_PROFILE} < OWN_METRICS
    assert "event:klaviyo.marked_email_as_spam" in OWN_TOPICS


async def test_the_doctor_shows_a_webhook_that_keeps_failing(shop: EngineShop) -> None:
    """What its receiver answered, since when and how often."""
    async with listening(Hook([500])) as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.event("Placed Order", "ana")
        await teller.tell_all()
    core = replace(shop.core, clock=Moved(NOW + timedelta(minutes=4)))
    assert [] == [one for one in (await examine(core)).findings if one.symptom.kind == "failing_webhook"]
    core = replace(shop.core, clock=Moved(NOW + timedelta(minutes=6)))
    [found] = [one for one in (await examine(core)).findings if one.symptom.kind == "failing_webhook"]
    expected = (shop.account.account_id, 1, NOW, "the receiver answered 500", "H1", True)
    one = found.symptom
    assert expected == (one.account_id, one.amount, one.since, one.detail, one.example, found.needs_person)


async def test_a_webhook_that_is_repaired_during_a_call_is_not_switched_off_by_it(shop: EngineShop) -> None:
    """What comes of a call to the old address neither counts against the new one nor lets events be forgotten."""
    clock = Moved()
    async with listening(Hook([500], silent=True)) as old, listening() as new, telling(shop, clock, 0.5) as teller:
        await webhook(shop, old.url)
        await shop.event("Placed Order", "ana")
        assert 0 == await teller.tell_all()
        clock.moment += GIVES_UP + LONGEST_PAUSE
        old.arrived.clear()
        await teller.look()
        await old.arrived.wait()
        async with shop.database.transaction() as transaction:
            changes = {"endpoint_url": new.url}
            await change_webhook(transaction, shop.account.account_id, "H1", changes, clock.moment)
        await teller.close()
        row = await read(shop)
        async with telling(shop, clock) as another:
            await another.tell_all()
    assert (True, 0, [[ORDERED]]) == (row["enabled"], row["attempts"], new.topics)


class Late(Connection):
    """A connection to which something happens right before a statement that writes."""

    async def execute(self, query: Query, *args: Any) -> str:
        """Let it happen, then run the statement."""
        await self.meanwhile()
        return await super().execute(query, *args)

    def __init__(self, raw: Any, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(raw)
        self.meanwhile = meanwhile


async def test_what_a_webhook_hears_after_it_was_switched_on_again_is_kept(shop: EngineShop) -> None:
    """Forgetting what was queued for a webhook that is off takes no event that came once it was on again."""

    async def on_again() -> None:
        await switch_on(shop.database, shop.account.account_id, "H1")
        await shop.event("Placed Order", "ana")

    await webhook(shop, "https://example.com/hook")
    await shop.database.fetch("UPDATE webhook SET enabled = false")
    async with shop.database.transaction() as transaction:
        await forget_unheard(Late(transaction.raw, on_again), shop.account.account_id, "H1")
    assert 1 == await waiting(shop)


async def test_closing_waits_for_the_call_under_way_only(shop: EngineShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that ends does not first tell all that a webhook is still to be told."""
    monkeypatch.setattr("headrace.engine.webhooks.MOST_EVENTS", 1)
    async with listening() as hook, telling(shop) as teller:
        await webhook(shop, hook.url)
        await shop.events("Placed Order", ["ana", "bea", "cai"])
        await teller.look()
        await hook.arrived.wait()
        await teller.close()
    assert (1, 2) == (len(hook.calls), await waiting(shop))


async def test_an_address_that_may_no_longer_be_called_is_not(shop: EngineShop) -> None:
    """Plain http to another machine ends when the installation no longer allows it."""
    teller = Teller(replace(shop.core, clock=Moved(), webhooks="https"), Poster(0.1))
    await webhook(shop, "http://192.0.2.1/hook")
    await shop.event("Placed Order", "ana")
    assert 0 == await teller.tell_all()
    await teller.close()
    assert "it must begin with https://" in (await read(shop))["error"]
