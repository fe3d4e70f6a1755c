"""What follows from consent: its events start flows, and whoever may ask learns of the change."""

from __future__ import annotations

import asyncio

import pytest

from engine_shop import EngineShop, definition, email
from headrace.conditions.topics import SUPPRESSIONS, of_consent
from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage.consenting import (
    SUBSCRIBED_TO_LIST,
    Source,
    add_to_list,
    make_room,
    record_consents,
    subscribe_to_list,
    unsubscribe_from_list,
)
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, ConsentChange, set_consent
from headrace.storage.database import Database
from headrace.storage.interactions import Interaction, Kind, record_interactions
from headrace.storage.metrics import OWN
from headrace.storage.suppressions import Reason, Suppression, suppress, unsuppress

API = Source("api")
_SEGMENT = """
INSERT INTO profile_group (group_id, account_id, kind, name, created_at, updated_at, topics)
VALUES ('SEG001', $1, 'segment', 'All', $2, $2, $3)
"""


async def own_metric(shop: EngineShop, name: str) -> str:
    """Return the id of one of Headrace's own metrics."""
    return (await shop.metrics.ids(shop.account.account_id, [name], OWN))[name]


async def events_of(shop: EngineShop) -> list[str]:
    """Return the names of Headrace's own events, in order."""
    rows = await shop.database.fetch(
        "SELECT name FROM event JOIN metric USING (account_id, metric_id) WHERE integration_name = $1 ORDER BY name",
        OWN,
    )
    return [row["name"] for row in rows]


async def record(shop: EngineShop, *words: str, channel: Channel = Channel.EMAIL) -> list[bool]:
    """Record changes of Ana's consent one after the other; return which of them changed something."""
    now, changed = await shop.now(), []
    for word in words:
        room = await make_room(shop.core.own_events, shop.account.account_id, 1, [now])
        change = ConsentChange(shop.people["ana"], channel, word, now, "api")
        async with shop.database.transaction() as transaction:
            changed.append(bool(await record_consents(transaction, room, [change], now)))
    return changed


async def test_each_change_is_an_event_and_a_repetition_is_none(database: Database) -> None:
    """Subscribed, unsubscribed, subscribed: three events, whatever lies between."""
    shop = await EngineShop.open(database)
    await shop.person("ana")

    words = (SUBSCRIBED, SUBSCRIBED, UNSUBSCRIBED, UNSUBSCRIBED, SUBSCRIBED)
    assert [True, False, True, False, True] == await record(shop, *words)
    assert [
        "Subscribed to Email Marketing",
        "Subscribed to Email Marketing",
        "Unsubscribed from Email Marketing",
    ] == await events_of(shop)


async def test_two_at_once_are_one_change(database: Database) -> None:
    """Whoever comes second finds it done."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    await asyncio.gather(*(record(shop, SUBSCRIBED) for _ in range(5)))

    assert ["Subscribed to Email Marketing"] == await events_of(shop)


@pytest.mark.parametrize("channel", [Channel.PUSH])
async def test_channels_without_a_metric_change_quietly(database: Database, channel: Channel) -> None:
    """Consent to push messages is kept and leaves no event."""
    shop = await EngineShop.open(database)
    await shop.person("ana")

    assert [True] == await record(shop, SUBSCRIBED, channel=channel)
    assert [] == await events_of(shop)


async def test_an_event_of_consent_starts_flows(database: Database) -> None:
    """A flow may begin when somebody subscribes to a list."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    metric, list_id, now = await own_metric(shop, SUBSCRIBED_TO_LIST), await shop.list_("News"), await shop.now()
    await shop.flow(definition(metric, email("mail", await shop.template())))
    for write in (subscribe_to_list, add_to_list):
        room = await make_room(shop.core.own_events, shop.account.account_id, 1, [now])
        async with database.transaction() as transaction:
            await write(transaction, room, list_id, [shop.people["ana"]], now, API)
    await shop.drain()

    assert [("ana", now)] == await shop.sent()


async def test_unsubscribing_starts_no_flow(database: Database) -> None:
    """Metrics of messages are no triggers, however the person unsubscribed; only subscribing waits to be worked out."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    await shop.drain()
    await record(shop, SUBSCRIBED, UNSUBSCRIBED)

    waiting = await database.fetch("SELECT name FROM pending JOIN metric USING (account_id, metric_id) WHERE kind = 0")
    assert ["Subscribed to Email Marketing"] == [row["name"] for row in waiting]


async def test_a_room_that_starts_nothing_starts_nothing(database: Database) -> None:
    """History is recorded and begins no run."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    metric, list_id, now = await own_metric(shop, SUBSCRIBED_TO_LIST), await shop.list_("News"), await shop.now()
    await shop.flow(definition(metric, email("mail", await shop.template())))
    room = await make_room(shop.core.own_events, shop.account.account_id, 1, [now], starts_nothing=True)
    async with database.transaction() as transaction:
        await subscribe_to_list(transaction, room, list_id, [shop.people["ana"]], now, API)
    await shop.drain()

    assert ([], [SUBSCRIBED_TO_LIST]) == (await shop.sent(), await events_of(shop))


async def test_leaving_a_list_twice_is_one_event(database: Database) -> None:
    """The second time nothing is new."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    list_id, now = await shop.list_("News"), await shop.now()
    await shop.join("ana", list_id)
    for _ in range(2):
        room = await make_room(shop.core.own_events, shop.account.account_id, 1, [now])
        async with database.transaction() as transaction:
            await unsubscribe_from_list(transaction, room, list_id, [shop.people["ana"]], now, API)

    assert ["Unsubscribed from List"] == await events_of(shop)


async def test_a_complaint_unsubscribes_with_an_event(database: Database) -> None:
    """It counts as a complaint and not as an unsubscription of the message."""
    shop = await EngineShop.open(database)
    metric = await shop.metric("Checkout Started")
    await shop.flow(definition(metric, email("mail", await shop.template())))
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    await record(shop, SUBSCRIBED)
    [sent] = await shop.deliveries()
    complaint = Interaction(Kind.SPAM, Channel.EMAIL, sent["bucket"], sent["delivery_id"], await shop.now())
    for _ in range(2):
        batch = await shop.core.recorder.prepare(shop.account.account_id, [complaint])
        async with database.transaction() as transaction:
            await record_interactions(transaction, batch)

    assert [
        "Marked Email as Spam",
        "Received Email",
        "Subscribed to Email Marketing",
        "Unsubscribed from Email Marketing",
    ] == await events_of(shop)
    kept = await database.fetch_row("SELECT subscription, method FROM consent")
    assert kept is not None
    assert (UNSUBSCRIBED, "spam_complaint") == tuple(kept.values())
    assert 0 == (await shop.deliveries())[0]["unsubscribes"]


async def test_every_change_is_noted_by_its_topic(database: Database) -> None:
    """Consents, suppressions and lifting them reach the segments that ask about them, and repetitions do not."""
    shop = await EngineShop.open(database)
    profile_id, now = await shop.person("ana"), await shop.now()
    await shop.drain()
    account_id, topics = shop.account.account_id, [of_consent(Channel.SMS), SUPPRESSIONS]
    async with database.transaction() as transaction:
        await transaction.execute(_SEGMENT, account_id, now, topics)
    texts = ConsentChange(profile_id, Channel.SMS, SUBSCRIBED, now, "api")
    for _ in range(2):
        async with database.transaction() as transaction:
            await set_consent(transaction, account_id, texts)
            await suppress(transaction, account_id, [Suppression(profile_id, Reason.USER_SUPPRESSED, now)])
    for _ in range(2):
        async with database.transaction() as transaction:
            await unsuppress(transaction, account_id, [profile_id], [Reason.USER_SUPPRESSED], now)

    rows = await database.fetch("SELECT topics FROM pending WHERE bucket = $1 ORDER BY seq", bucket_of(profile_id))
    assert [[of_consent(Channel.SMS)], [SUPPRESSIONS], [SUPPRESSIONS]] == [row["topics"] for row in rows]
