"""The gates in the engine: what keeps a message from being queued, as people's permissions stand at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine_shop import EngineShop, definition, delay, email
from headrace.engine.permissions import load_permissions
from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage.alert_recipients import confirm_recipient, request_recipient
from headrace.storage.consents import Purpose
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.interactions import Interaction, Kind, record_interactions
from headrace.storage.push_tokens import Token, set_token

HOUR = timedelta(hours=1)


def text(name: str, following: str | None = None, **message: Any) -> dict[str, Any]:
    """Return a text message without smart sending."""
    data = {"message": {"name": name, "body": "Hi", "smart_sending_enabled": False, **message}, "status": "draft"}
    return {"temporary_id": name, "type": "send-sms", "links": {"next": following}, "data": data}


async def outcome(shop: EngineShop, flow: Mapping[str, Any], person: str = "ana") -> list[tuple[str, Any]]:
    """Let a person through a flow that an event starts and return (outcome, reason) of its messages."""
    await shop.flow(flow)
    await shop.event("Checkout Started", person)
    await shop.drain()
    (run,) = await shop.runs()
    return [(what, detail and detail.get("reason")) for what, detail in await shop.story(run)]


async def mailed(shop: EngineShop, **message: Any) -> list[tuple[str, Any]]:
    """Return what comes of one e-mail to ana."""
    metric = await shop.metric("Checkout Started")
    return await outcome(shop, definition(metric, email("mail", await shop.template(), **message)))


@pytest.mark.parametrize("reason", ["HARD_BOUNCE", "USER_SUPPRESSED"])
async def test_a_suppressed_person_gets_no_mail(database: Database, reason: str) -> None:
    """A suppression keeps marketing e-mail back, whatever the consent says."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    await shop.consent("ana", Channel.EMAIL, "SUBSCRIBED")
    await shop.suppress("ana", reason)

    assert [("skipped", "Person Suppressed")] == await mailed(shop)


@pytest.mark.parametrize(
    ("reason", "comes"),
    [("USER_SUPPRESSED", ("queued", None)), ("HARD_BOUNCE", ("skipped", "Person Suppressed"))],
)
async def test_transactional_mail_ignores_wishes_only(
    database: Database, reason: str, comes: tuple[str, str | None]
) -> None:
    """A receipt is sent to the unwilling and not to an address that does not work."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    await shop.suppress("ana", reason)

    assert [comes] == await mailed(shop, transactional=True)


async def test_what_was_seen_stands_in_the_journal(database: Database) -> None:
    """A skip tells its reason and what it rested on."""
    shop = await EngineShop.open(database)
    await shop.person("ana")
    await shop.suppress("ana", "SPAM_COMPLAINT")
    await mailed(shop)
    (run,) = await shop.runs()

    seen = {"subscription": None, "suppressions": ["SPAM_COMPLAINT"]}
    assert [("skipped", {"reason": "Person Suppressed", "seen": seen})] == await shop.story(run)


@pytest.mark.parametrize(
    ("transactional", "comes"), [(True, ("queued", None)), (False, ("skipped", "Missing SMS Consent"))]
)
async def test_transactional_texts_have_their_own_consent(
    database: Database, transactional: bool, comes: tuple[str, str | None]
) -> None:
    """Who agreed to transactional texts alone gets those and no others."""
    shop = await EngineShop.open(database)
    await shop.person("ana", IncomingProfile(email="ana@example.com", phone_number="+442071838750"))
    await shop.consent("ana", Channel.SMS, "SUBSCRIBED", Purpose.TRANSACTIONAL)
    metric = await shop.metric("Checkout Started")

    assert [comes] == await outcome(shop, definition(metric, text("text", transactional=transactional)))


async def test_a_hard_bounce_keeps_the_next_mail_back(database: Database) -> None:
    """An address that bounced for good is suppressed by the record of the bounce."""
    shop = await EngineShop.open(database)
    template, metric = await shop.template(), await shop.metric("Checkout Started")
    flow = definition(metric, email("first", template, "wait"), delay("wait", "second"), email("second", template))
    await shop.flow(flow)
    await shop.event("Checkout Started", "ana")
    await shop.drain()
    (sent,) = await shop.deliveries()
    bounced = Interaction(Kind.BOUNCED, Channel.EMAIL, sent["bucket"], sent["delivery_id"], await shop.now())
    batch = await shop.core.recorder.prepare(shop.account.account_id, [bounced])
    async with database.transaction() as transaction:
        await record_interactions(transaction, batch)
    await shop.move(HOUR)
    (run,) = await shop.runs()

    assert ("skipped", "Person Suppressed") == [
        (what, (detail or {}).get("reason")) for what, detail in await shop.story(run)
    ][-1]


def sending(kind: str, **message: Any) -> dict[str, Any]:
    """Return an action that sends something other than e-mail or text."""
    data = {"message": message, "status": "draft"}
    return {"temporary_id": "it", "type": kind, "links": {"next": None}, "data": data}


ALERT = {"from_email": None, "from_label": None, "to_emails": ["Ann@Shop.test"], "subject_line": "Look"}
ALERTING = sending("send-internal-alert", **ALERT)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (sending("send-mobile-push", body="Hi"), "Missing Push Token"),
        (sending("send-whatsapp", vendor_id="greeting"), "Missing WhatsApp Consent"),
        (ALERTING, "No Confirmed Recipients"),
    ],
)
async def test_each_channel_has_its_reason(database: Database, action: dict[str, Any], reason: str) -> None:
    """Somebody with a number and an address only gets neither a push nor a WhatsApp message; nobody is alerted."""
    shop = await EngineShop.open(database)
    await shop.person("ana", IncomingProfile(email="ana@example.com", phone_number="+442071838750"))

    assert [("skipped", reason)] == await outcome(shop, definition(await shop.metric("Checkout Started"), action))


async def test_what_is_permitted_is_queued(database: Database) -> None:
    """With a token, with consent, with a confirmed recipient the same messages are queued."""
    shop = await EngineShop.open(database)
    ana = await shop.person("ana", IncomingProfile(email="ana@example.com", phone_number="+442071838750"))
    await shop.consent("ana", Channel.WHATSAPP, "SUBSCRIBED")
    async with database.transaction() as transaction:
        place = (transaction, shop.account.account_id)
        await set_token(*place, ana, Token("a", "ios", "apns"), await shop.now())
        await request_recipient(*place, "ann@shop.test")
        await confirm_recipient(*place, "ann@shop.test", await shop.now())
    actions = [
        {**sending("send-mobile-push", body="Hi"), "temporary_id": "push", "links": {"next": "whatsapp"}},
        {**sending("send-whatsapp", vendor_id="greeting"), "temporary_id": "whatsapp", "links": {"next": "alert"}},
        {**ALERTING, "temporary_id": "alert"},
    ]

    found = await outcome(shop, definition(await shop.metric("Checkout Started"), *actions))
    assert [("queued", None)] * 3 == found


async def test_who_left_the_list_gets_no_more_of_its_mail(database: Database) -> None:
    """A flow for a list skips the message of somebody who left it; the run goes on to its end."""
    shop = await EngineShop.open(database)
    list_id, template = await shop.list_("Newsletter"), await shop.template()
    actions = [delay("wait", "first"), email("first", template, "again"), delay("again", "second")]
    made = definition("", *actions, email("second", template))
    await shop.flow({**made, "triggers": [{"type": "list", "id": list_id}]})
    await shop.person("ana")
    await shop.join("ana", list_id)
    await shop.drain()
    await shop.move(HOUR)
    await shop.leave("ana", list_id)
    await shop.move(HOUR)
    (run,) = await shop.runs()
    story = await shop.story(run)

    assert ["waiting", "queued", "waiting", "skipped"] == [what for what, _ in story]
    assert {"reason": "Person No Longer in List", "seen": {"group_id": list_id}} == story[-1][1]
    assert ["FINISHED"] == await shop.run_states()


@pytest.mark.parametrize(("on_it", "comes"), [(True, "skipped"), (False, "queued")])
async def test_a_suppression_on_a_list_stops_the_mail_of_that_list(database: Database, on_it: bool, comes: str) -> None:
    """A flow for another list mails the person all the same."""
    shop = await EngineShop.open(database)
    list_id, other = await shop.list_("Newsletter"), await shop.list_("Other")
    made = definition("", email("mail", await shop.template()))
    await shop.flow({**made, "triggers": [{"type": "list", "id": list_id}]})
    await shop.person("ana")
    await shop.suppress("ana", "UNSUBSCRIBE", list_id if on_it else other)
    await shop.join("ana", list_id)
    await shop.drain()
    (run,) = await shop.runs()

    assert [comes] == [what for what, _ in await shop.story(run)]


async def test_permissions_of_every_channel_are_loaded(database: Database) -> None:
    """Tokens count where one is enabled, recipients where confirmed; channels without need show none."""
    shop = await EngineShop.open(database)
    account_id = shop.account.account_id
    ana, ben = await shop.person("ana"), await shop.person("ben")
    async with database.transaction() as transaction:
        await set_token(transaction, account_id, ana, Token("a", "ios", "apns", enabled=False), await shop.now())
        await set_token(transaction, account_id, ben, Token("b", "ios", "apns"), await shop.now())
        await request_recipient(transaction, account_id, "ann@shop.test")
        await confirm_recipient(transaction, account_id, "ann@shop.test", await shop.now())
    asked = [(bucket_of(one), account_id, one, channel) for one in (ana, ben) for channel in Channel]
    found = await load_permissions(database, asked)

    def field(profile_id: str, channel: Channel, name: str) -> Any:
        return dict(found.of(account_id, profile_id, channel))[name]

    assert [False, True] == [field(one, Channel.PUSH, "has_token") for one in (ana, ben)]
    assert frozenset({"ann@shop.test"}) == field(ana, Channel.INTERNAL_ALERT, "confirmed")
    assert [None, None] == [field(ana, Channel.EMAIL, name) for name in ("has_token", "confirmed")]
