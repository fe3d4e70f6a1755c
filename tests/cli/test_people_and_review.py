"""`headrace person`, `headrace review` and `headrace alert-recipient`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from commands import Commands

from engine_shop import EngineShop, definition, email
from headrace.storage.database import Database


class Shop:
    """An account with ana in it, and a look into its tables."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.profile_id = asyncio.run(self._make())

    async def _make(self) -> str:
        database = await Database.connect(self.dsn, size=2)
        try:
            shop = await EngineShop.open(database)
            self.list_id = await shop.list_("Newsletter")
            metric = await shop.metric("Checkout Started")
            self.flow_id = await shop.flow(definition(metric, email("mail", await shop.template())), "manual")
            profile_id = (await shop.event("Checkout Started", "ana")).profile_id
            await shop.drain()
            return profile_id
        finally:
            await database.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return asyncio.run(self._rows(query))

    async def _rows(self, query: str) -> list[tuple[Any, ...]]:
        database = await Database.connect(self.dsn, size=1)
        try:
            return [tuple(row.values()) for row in await database.fetch(query)]
        finally:
            await database.close()


@pytest.fixture
def shop(database_dsn: str, headrace: Commands) -> Shop:
    """The shop."""
    return Shop(database_dsn)


def test_consent_is_written_by_channel_and_purpose(headrace: Commands, shop: Shop) -> None:
    """A person is named by address or id; saying it twice changes nothing."""
    headrace.run("person", "consent", "Ana@Example.com", "unsubscribed")
    headrace.run("person", "consent", shop.profile_id, "subscribed", "--channel", "sms", "--transactional")
    again = headrace.run("person", "consent", shop.profile_id, "unsubscribed")

    assert f"{shop.profile_id} is unsubscribed to email already.\n" == again
    assert [(1, 0, "UNSUBSCRIBED", "api"), (2, 1, "SUBSCRIBED", "api")] == shop.rows(
        "SELECT channel, purpose, subscription, method FROM consent ORDER BY channel"
    )


def test_changes_by_command_are_events(headrace: Commands, shop: Shop) -> None:
    """Each once, as if the person had made them through the API."""
    for _ in range(2):
        headrace.run("person", "consent", "ana@example.com", "unsubscribed")
        headrace.run("person", "join", "ana@example.com", "Newsletter")
    found = shop.rows(
        "SELECT name FROM event JOIN metric USING (account_id, metric_id) WHERE integration_name = 'Klaviyo' "
        "AND name LIKE '%bscribed%' ORDER BY name"
    )
    assert [("Subscribed to List",), ("Unsubscribed from Email Marketing",)] == found


def test_suppressions_are_set_and_lifted(headrace: Commands, shop: Shop) -> None:
    """Everywhere or on a list that is named by id or name."""
    headrace.run("person", "suppress", "ana@example.com")
    headrace.run("person", "suppress", "ana@example.com", "--reason", "unsubscribe", "--list", "Newsletter")
    rows = "SELECT reason, list_id FROM suppression ORDER BY reason"
    assert [("UNSUBSCRIBE", shop.list_id), ("USER_SUPPRESSED", "")] == shop.rows(rows)

    assert headrace.run("person", "unsuppress", "ana@example.com").endswith(" is no longer suppressed.\n")
    assert headrace.run("person", "unsuppress", "ana@example.com").endswith(" is not suppressed.\n")
    assert [("UNSUBSCRIBE", shop.list_id)] == shop.rows(rows)
    headrace.run("person", "unsuppress", "ana@example.com", "--reason", "UNSUBSCRIBE", "--list", shop.list_id)
    assert [] == shop.rows(rows)


def test_a_token_is_given_and_taken(headrace: Commands, shop: Shop) -> None:
    """A disabled token stays, a removed one goes."""
    rows = "SELECT token, platform, vendor, enabled FROM push_token"
    headrace.run("person", "token", "ana@example.com", "abc", "--platform", "android", "--vendor", "fcm", "--disabled")
    assert [("abc", "android", "fcm", False)] == shop.rows(rows)

    headrace.run("person", "token", "ana@example.com", "abc", "--remove")
    assert [] == shop.rows(rows)


def test_a_person_joins_and_leaves_a_list(headrace: Commands, shop: Shop) -> None:
    """Joining is a happening that flows learn of; joining again is none."""
    for _ in range(2):
        headrace.run("person", "join", "ana@example.com", "Newsletter")
    assert [(shop.profile_id, shop.list_id)] == shop.rows("SELECT profile_id, group_id FROM membership")
    assert [(shop.list_id, False)] == shop.rows("SELECT group_id, backfill FROM pending WHERE kind = 1")

    headrace.run("person", "leave", "ana@example.com", shop.list_id)
    assert [] == shop.rows("SELECT profile_id FROM membership")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("person", "consent", "eve@example.com", "subscribed"), "no person 'eve@example.com'"),
        (("person", "consent", "ana@example.com", "maybe"), "state 'maybe' is none of subscribed, unsubscribed"),
        (("person", "consent", "ana@example.com", "subscribed", "--channel", "fax"), "--channel 'fax' is none of"),
        (("person", "suppress", "ana@example.com", "--reason", "WHIM"), "--reason 'WHIM' is none of HARD_BOUNCE"),
        (("person", "join", "ana@example.com", "Nobody's"), 'no list "Nobody\'s"'),
        (("person", "token", "ana@example.com", "abc", "--platform", "fax"), "--platform 'fax' is none of"),
        (("review", "release"), "say which messages"),
        (("review", "release", "--all", "--flow", "Flow"), "say which messages"),
        (("review", "cancel", "seven"), "'seven' is not the id of a message"),
        (("alert-recipient", "add", "nobody"), "'nobody' is not an e-mail address"),
        (("alert-recipient", "confirm", "ann@shop.test"), "no alert recipient 'ann@shop.test'"),
    ],
)
def test_mistakes_are_told(headrace: Commands, shop: Shop, arguments: tuple[str, ...], told: str) -> None:
    """The thing, the value and the rule."""
    assert told in headrace.fails(*arguments)


def test_messages_are_listed_and_released(headrace: Commands, shop: Shop) -> None:
    """By id, by flow or all; what left the queue is listed no longer."""
    (message,) = headrace.data("review", "list", "--flow", "Flow")
    assert (shop.profile_id, shop.flow_id, "email") == tuple(
        message[name] for name in ("profile_id", "flow_id", "channel")
    )
    assert ("mail", "ana@example.com") == (message["message"], message["person"])
    nothing = {"released": 0, "held": 0, "skipped": {}, "canceled": 0, "unknown": 0, "remaining": False}

    assert {**nothing, "released": 1} == headrace.data("review", "release", message["id"])
    assert {**nothing, "unknown": 1} == headrace.data("review", "cancel", message["id"])
    assert nothing == headrace.data("review", "release", "--all")
    assert [] == headrace.data("review", "list")


def test_messages_are_canceled(headrace: Commands, shop: Shop) -> None:
    """The command tells how many, and what was skipped why."""
    told = headrace.run("review", "cancel", "--flow", shop.flow_id)

    assert "Released 0 (0 of them after quiet hours), canceled 1.\n" == told
    assert [("Email Cancelled",)] == shop.rows("SELECT reason FROM delivery")


def test_alert_recipients_are_added_and_confirmed(headrace: Commands, account: str) -> None:
    """An address is listed from the first, with the time of its confirmation later."""
    headrace.run("alert-recipient", "add", "Ann@Shop.test")
    assert [{"email": "ann@shop.test", "confirmed_at": None}] == headrace.data("alert-recipient", "list")
    headrace.run("alert-recipient", "confirm", "ann@shop.test")
    (listed,) = headrace.data("alert-recipient", "list")
    assert listed["confirmed_at"] is not None
