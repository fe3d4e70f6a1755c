"""Recording what became of messages: events, interactions, firsts and the deltas of the reports."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from headrace.model import Channel
from headrace.storage.database import Database
from headrace.storage.interactions import Kind
from headrace.storage.tables import MESSAGE_COUNTS
from report_factories import NOON, Shop, minutes


@pytest.fixture
async def shop(database_dsn: str) -> AsyncIterator[Shop]:
    """A shop over a fresh database."""
    database = await Database.connect(database_dsn, size=8)
    yield await Shop.open(database)
    await database.close()


async def test_a_delivery_is_recorded_as_an_event_an_interaction_and_a_delta(shop: Shop) -> None:
    """One delivered e-mail leaves one row in each place, with the metric's name of the reference."""
    sent = await shop.send()
    await shop.record(sent.interaction(Kind.DELIVERED, NOON))
    names = await shop.rows("event e JOIN metric m USING (metric_id)", "m.name, m.integration_name")
    assert names == [("Received Email", "Klaviyo")]
    assert [(Kind.DELIVERED, sent.delivery_id)] == await shop.rows("interaction", "kind, delivery_id")
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"delivered": 1}


async def test_recording_the_same_delivery_again_changes_nothing(shop: Shop) -> None:
    """A repeated DELIVERED is recognised by its unique id and returns no new item."""
    sent = await shop.send()
    item = sent.interaction(Kind.DELIVERED, NOON)
    assert (item,) == await shop.record(item)
    assert await shop.record(item, item) == ()
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"delivered": 1}
    assert len(await shop.rows("interaction")) == 1


async def test_every_open_counts_and_the_first_is_unique(shop: Shop) -> None:
    """Three opens in two batches are three events and one unique open; the delivery remembers the first."""
    sent = await shop.send()
    first = sent.interaction(Kind.OPENED, NOON + minutes(5))
    await shop.record(first, sent.interaction(Kind.OPENED, NOON + minutes(6), machine_open=True))
    await shop.record(sent.interaction(Kind.OPENED, NOON + minutes(7)))
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"opens": 3, "opens_unique": 1}
    assert [(NOON + minutes(5), 3)] == await shop.rows("delivery", "first_open_at, opens")
    flags = await shop.rows("event", "properties->'machine_open'", "occurred_at")
    assert flags == [(False,), (True,), (False,)]


async def test_concurrent_opens_of_one_delivery_count_once_as_unique(shop: Shop) -> None:
    """Eight transactions at once leave eight opens and one unique open."""
    sent = await shop.send()
    await asyncio.gather(*(shop.record(sent.interaction(Kind.OPENED, NOON + minutes(at))) for at in range(8)))
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"opens": 8, "opens_unique": 1}


async def test_a_batch_leaves_one_delta_row_for_each_key(shop: Shop) -> None:
    """Deliveries of one quarter-hour and message share a delta row; another message has its own."""
    sent = [await shop.send(NOON + minutes(at), profile_id=f"P{at}") for at in range(10)]
    other = await shop.send(NOON, message_id="MESS02")
    await shop.record(*(each.interaction(Kind.DELIVERED, NOON) for each in (*sent, other)))
    assert await shop.rows("message_delta", "slot, message_id, delivered", "message_id") == [
        (NOON, "MESS01", 10),
        (NOON, "MESS02", 1),
    ]


async def test_a_bounce_takes_the_delivery_back(shop: Shop) -> None:
    """A delivery ends as delivered or bounced, never both, whether the bounce comes at once or later."""
    late, at_once = await shop.send(), await shop.send(profile_id="P2")
    await shop.record(late.interaction(Kind.DELIVERED, NOON))
    await shop.record(
        late.interaction(Kind.BOUNCED, NOON + minutes(1)),
        at_once.interaction(Kind.DELIVERED, NOON),
        at_once.interaction(Kind.BOUNCED, NOON),
    )
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"bounced": 2}


async def test_nothing_is_delivered_after_a_bounce(shop: Shop) -> None:
    """A DELIVERED or a second BOUNCED that comes after a bounce is dropped, in the same batch and in a later one."""
    sent = await shop.send()
    bounced, delivered = (sent.interaction(kind, NOON) for kind in (Kind.BOUNCED, Kind.DELIVERED))
    assert (bounced,) == await shop.record(bounced, delivered)
    assert await shop.record(delivered, bounced) == ()
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"bounced": 1}


async def test_a_refused_email_is_dropped_and_counts_nowhere(shop: Shop) -> None:
    """FAILED of an e-mail leaves the event Dropped Email; of a text message it is a failure."""
    email, sms = await shop.send(), await shop.send(profile_id="P2", channel=Channel.SMS, segments=2)
    await shop.record(email.interaction(Kind.FAILED, NOON), sms.interaction(Kind.BOUNCED, NOON))
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"failed": 1}
    names = await shop.rows("event JOIN metric USING (metric_id)", "name")
    assert names == [("Dropped Email",), ("Failed to Deliver SMS",)]


async def test_segments_count_with_the_delivery(shop: Shop) -> None:
    """The segments of a delivered text message are counted, and taken back when it fails after all."""
    kept, lost = [await shop.send(profile_id=p, channel=Channel.SMS, segments=2) for p in ("P1", "P2")]
    await shop.record(kept.interaction(Kind.DELIVERED, NOON), lost.interaction(Kind.DELIVERED, NOON))
    await shop.record(lost.interaction(Kind.FAILED, NOON))
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"delivered": 1, "failed": 1, "segments": 2}


async def test_a_click_of_a_scanner_leaves_an_event_and_counts_nowhere(shop: Shop) -> None:
    """Bot clicks are out of reports and attribution. Source: reference 5.1."""
    sent = await shop.send()
    await shop.record(sent.interaction(Kind.CLICKED, NOON, url="https://example.com", bot=True))
    assert await shop.rows("event", "properties->'Bot Click', properties->>'URL'") == [(True, "https://example.com")]
    assert await shop.rows("interaction") == []
    assert await shop.rows("message_delta") == []


async def test_a_click_with_the_key_of_its_notice_counts_once(shop: Shop) -> None:
    """A provider that reports the same click twice is heard once; clicks without a key are all different."""
    sent = await shop.send()
    click = sent.interaction(Kind.CLICKED, NOON, url="https://example.com", key="notice-1")
    await shop.record(click)
    await shop.record(click, sent.interaction(Kind.CLICKED, NOON), sent.interaction(Kind.CLICKED, NOON))
    assert await shop.total("message_delta", MESSAGE_COUNTS) == {"clicks": 3, "clicks_unique": 1}


async def test_an_event_carries_the_properties_of_the_reference(shop: Shop) -> None:
    """Message, flow, variation, cohorts and the caller's own properties are all there."""
    sent = await shop.send(variation="VARI01")
    await shop.record(sent.interaction(Kind.DELIVERED, NOON, properties={"Subject": "Still thinking?"}))
    (properties,) = (await shop.rows("event", "properties"))[0]
    epoch = int(NOON.timestamp())
    assert {
        "$message": "MESS01",
        "$flow": "FLOW01",
        "$variation": "VARI01",
        "$event_id": f"MESS01:{sent.delivery_id.int}",
        "$_cohort$message_send_cohort": f"{epoch}:MESS01",
        "$_cohort$variation_send_cohort": f"{epoch}:VARI01",
        "$ESP": 0,
        "Campaign Name": "",
        "Subject": "Still thinking?",
    } == properties


async def test_an_open_carries_the_subject_that_the_message_had(shop: Shop) -> None:
    """Opens and clicks know the subject, whether the message arrived in an earlier batch or in theirs."""
    early, same = await shop.send(), await shop.send(profile_id="P2")
    await shop.record(early.interaction(Kind.DELIVERED, NOON, properties={"Subject": "Early"}))
    await shop.record(
        same.interaction(Kind.DELIVERED, NOON, properties={"Subject": "Same"}),
        same.interaction(Kind.OPENED, NOON + minutes(1)),
        early.interaction(Kind.CLICKED, NOON + minutes(2)),
    )
    subjects = await shop.rows("event", "properties->>'Subject'", "occurred_at, profile_id")
    assert subjects == [("Early",), ("Same",), ("Same",), ("Early",)]


async def test_what_was_not_attempted_records_nothing(shop: Shop) -> None:
    """Deliveries without `sent_at`, unknown ones and webhooks are passed over."""
    waiting = await shop.send(None)
    hook = await shop.send(profile_id="P2", channel=Channel.WEBHOOK)
    assert await shop.record(waiting.interaction(Kind.OPENED, NOON), hook.interaction(Kind.DELIVERED, NOON)) == ()
    assert await shop.rows("event") == []


async def test_what_cannot_happen_on_a_channel_is_refused(shop: Shop) -> None:
    """A click in a push has no metric; the message names channel and kind."""
    sent = await shop.send(channel=Channel.PUSH)
    with pytest.raises(ValueError, match="PUSH cannot be CLICKED"):
        await shop.record(sent.interaction(Kind.CLICKED, NOON))
