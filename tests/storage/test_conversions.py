"""Attribution: the last qualifying interaction earns the event."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from headrace.model import Channel
from headrace.storage.conversions import in_millionths
from headrace.storage.database import Database
from headrace.storage.interactions import Kind
from report_factories import NOON, Shop, minutes

SUMS = ("conversions", "conversion_uniques", "value_millionths")


@pytest.fixture
async def shop(database_dsn: str) -> AsyncIterator[Shop]:
    """A shop over a fresh database."""
    database = await Database.connect(database_dsn, size=4)
    yield await Shop.open(database)
    await database.close()


async def test_the_last_touch_earns_the_event(shop: Shop) -> None:
    """An open after a click of another message wins, because the most recent interaction counts."""
    old, new = await shop.send(message_id="OLDER1"), await shop.send(message_id="NEWER1")
    await shop.record(old.interaction(Kind.CLICKED, NOON), new.interaction(Kind.OPENED, NOON + minutes(1)))
    order = await shop.candidate(NOON + minutes(2), value="12.50")
    assert {order.number} == await shop.attribute(order)
    assert await shop.rows("conversion", "message_id, value_millionths, is_first") == [("NEWER1", 12_500_000, True)]
    assert await shop.total("conversion_delta", SUMS) == {
        "conversions": 1,
        "conversion_uniques": 1,
        "value_millionths": 12_500_000,
    }


@pytest.mark.parametrize(
    ("channel", "kind", "window"),
    [
        (Channel.EMAIL, Kind.OPENED, timedelta(days=5)),
        (Channel.EMAIL, Kind.CLICKED, timedelta(days=5)),
        (Channel.SMS, Kind.DELIVERED, timedelta(hours=12)),
        (Channel.PUSH, Kind.OPENED, timedelta(hours=24)),
    ],
)
async def test_a_window_ends_with_its_last_second(shop: Shop, channel: Channel, kind: Kind, window: timedelta) -> None:
    """An event at the end of the window counts, one second later it does not, nor does one before."""
    sent = await shop.send(channel=channel)
    await shop.record(sent.interaction(kind, NOON))
    second = timedelta(seconds=1)
    before, inside, outside = [
        await shop.candidate(at) for at in (NOON - second, NOON + window, NOON + window + second)
    ]
    assert {inside.number} == await shop.attribute(before, inside, outside)


async def test_a_delivered_email_alone_earns_nothing(shop: Shop) -> None:
    """E-mail has no window from its delivery, nor do unsubscribes have one."""
    sent = await shop.send()
    await shop.record(sent.interaction(Kind.DELIVERED, NOON), sent.interaction(Kind.UNSUBSCRIBED, NOON))
    assert set() == await shop.attribute(await shop.candidate(NOON + minutes(1)))


async def test_attributing_twice_counts_once(shop: Shop) -> None:
    """The same event in a later batch, and twice in one, is one conversion."""
    sent = await shop.send()
    await shop.record(sent.interaction(Kind.CLICKED, NOON))
    order = await shop.candidate(NOON, value="1")
    assert {order.number} == await shop.attribute(order, order)
    assert set() == await shop.attribute(order)
    assert await shop.total("conversion_delta", SUMS) == {
        "conversions": 1,
        "conversion_uniques": 1,
        "value_millionths": 1_000_000,
    }


async def test_the_first_conversion_of_a_metric_is_marked_once(shop: Shop) -> None:
    """Two orders in one batch and one later are one unique; another metric has its own first."""
    sent = await shop.send()
    await shop.record(sent.interaction(Kind.CLICKED, NOON))
    await shop.attribute(await shop.candidate(NOON + minutes(1)), await shop.candidate(NOON + minutes(2)))
    await shop.attribute(await shop.candidate(NOON + minutes(3)))
    await shop.attribute(await shop.candidate(NOON + minutes(3), metric="Viewed Product"))
    firsts = await shop.rows("conversion", "is_first", "number")
    assert firsts == [(True,), (False,), (False,), (True,)]
    assert (await shop.total("conversion_delta", SUMS))["conversion_uniques"] == 2


async def test_a_late_event_is_judged_by_its_own_time(shop: Shop) -> None:
    """An event that arrives after a newer interaction still goes to the one before it."""
    early, late = await shop.send(message_id="EARLY1"), await shop.send(message_id="LATER1")
    await shop.record(early.interaction(Kind.CLICKED, NOON), late.interaction(Kind.CLICKED, NOON + minutes(10)))
    await shop.attribute(await shop.candidate(NOON + minutes(5)))
    assert await shop.rows("conversion", "message_id") == [("EARLY1",)]


async def test_another_persons_interaction_earns_nothing(shop: Shop) -> None:
    """Only the profile's own interactions count."""
    sent = await shop.send(profile_id="P1")
    await shop.record(sent.interaction(Kind.CLICKED, NOON))
    assert set() == await shop.attribute(await shop.candidate(NOON + minutes(1), profile_id="P2"))


async def test_message_metrics_are_never_conversions(shop: Shop) -> None:
    """An event of one of Headrace's own metrics is passed over."""
    sent = await shop.send()
    await shop.record(sent.interaction(Kind.CLICKED, NOON))
    order = await shop.candidate(NOON + minutes(1))
    own = (await shop.rows("metric", "metric_id", "integration_name DESC"))[0][0]
    assert set() == await shop.attribute(type(order)(order.bucket, order.profile_id, own, order.number, NOON))


def test_amounts_become_millionths_and_absurd_ones_are_cut() -> None:
    """Amounts keep six decimals; nothing, not-a-number and the absurd stay countable."""
    amounts = [Decimal("19.99"), Decimal("-0.0000014"), None, Decimal("NaN"), Decimal("1e30"), Decimal("-Infinity")]
    assert [in_millionths(amount) for amount in amounts] == [19_990_000, -1, 0, 0, 10**16, -(10**16)]
