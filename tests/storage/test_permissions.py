"""Consent, suppressions, push tokens and alert recipients: writing, lifting and loading them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from headrace.clock import SystemClock
from headrace.ids import SeededIds, bucket_of
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account
from headrace.storage.alert_recipients import (
    confirm_recipient,
    confirmed_recipients,
    list_recipients,
    request_recipient,
)
from headrace.storage.consents import ConsentChange, Purpose, load_subscriptions, set_consent
from headrace.storage.database import Connection, Database
from headrace.storage.profile_rows import ProfilePatch, insert
from headrace.storage.push_tokens import Token, load_tokens, remove_token, set_token
from headrace.storage.suppressions import Reason, Suppression, load_suppressions, suppress, unsuppress

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ANA = "01ANA"


@pytest.fixture
async def account_id(database_dsn: str) -> str:
    """An account."""
    database = await Database.connect(database_dsn, size=1)
    made = await create_account(database, SeededIds(1), Account("", "Shop"), SystemClock())
    await database.close()
    return made.account_id


@pytest.fixture
async def connection(database_dsn: str, account_id: str) -> AsyncIterator[Connection]:
    """A transaction over an account with one person."""
    database = await Database.connect(database_dsn, size=1)
    async with database.transaction() as transaction:
        await insert(transaction, account_id, [ProfilePatch(ANA)], NOON)
        yield transaction
    await database.close()


def change(subscription: str = "SUBSCRIBED", channel: Channel = Channel.EMAIL, **rest: object) -> ConsentChange:
    """Return a change of Ana's consent."""
    return ConsentChange(ANA, channel, subscription, NOON, "api", **rest)  # type: ignore[arg-type]


def key(account_id: str) -> tuple[int, str, str]:
    """Return Ana's key."""
    return bucket_of(ANA), account_id, ANA


async def reasons(connection: Connection, account_id: str) -> list[tuple[str, str]]:
    """Return (reason, list id) of Ana's suppressions."""
    found = await load_suppressions(connection, [key(account_id)])
    return sorted((one.reason, one.list_id) for one in found.get((account_id, ANA), []))


async def test_a_consent_is_kept_for_each_purpose(connection: Connection, account_id: str) -> None:
    """Agreeing to transactional texts says nothing about marketing ones."""
    await set_consent(connection, account_id, change(channel=Channel.SMS, purpose=Purpose.TRANSACTIONAL))
    await set_consent(connection, account_id, change("UNSUBSCRIBED", Channel.SMS))

    found = await load_subscriptions(connection, [(*key(account_id), Channel.SMS)])

    assert {
        (account_id, ANA, Channel.SMS, Purpose.TRANSACTIONAL): "SUBSCRIBED",
        (account_id, ANA, Channel.SMS, Purpose.MARKETING): "UNSUBSCRIBED",
    } == found


async def test_a_consent_that_was_so_already_does_not_change(connection: Connection, account_id: str) -> None:
    """The same state again is no change, a confirmation of it is."""
    again = [change(), change(), change(double_opt_in=True), change(double_opt_in=True), change(rcs_capable=True)]

    assert [True, False, True, False, True] == [await set_consent(connection, account_id, one) for one in again]


async def test_nobody_can_consent_who_does_not_exist(connection: Connection, account_id: str) -> None:
    """A profile id that names nobody leaves no row."""
    nobody = ConsentChange("01NOBODY", Channel.EMAIL, "SUBSCRIBED", NOON, "api")

    assert await set_consent(connection, account_id, nobody) is False


async def test_subscribing_lifts_what_it_undoes(connection: Connection, account_id: str) -> None:
    """Complaints, unsubscribing and manual suppression are over; an address that does not work stays so."""
    await suppress(connection, account_id, [Suppression(ANA, one, NOON) for one in Reason])

    assert await set_consent(connection, account_id, change()) is True
    assert [("HARD_BOUNCE", ""), ("INVALID_EMAIL", "")] == await reasons(connection, account_id)


@pytest.mark.parametrize(
    "other",
    [
        change("UNSUBSCRIBED"),
        change(channel=Channel.SMS),
        change(purpose=Purpose.TRANSACTIONAL),
    ],
)
async def test_only_subscribing_to_marketing_email_lifts(
    connection: Connection, account_id: str, other: ConsentChange
) -> None:
    """Other changes of consent leave suppressions as they are."""
    await suppress(connection, account_id, [Suppression(ANA, Reason.USER_SUPPRESSED, NOON)])
    await set_consent(connection, account_id, other)

    assert [("USER_SUPPRESSED", "")] == await reasons(connection, account_id)


async def test_a_suppression_keeps_its_first_time(connection: Connection, account_id: str) -> None:
    """Suppressing somebody again for the same reason changes nothing."""
    first = Suppression(ANA, Reason.HARD_BOUNCE, NOON)

    assert {ANA} == await suppress(connection, account_id, [first])
    assert set() == await suppress(connection, account_id, [Suppression(ANA, Reason.HARD_BOUNCE, LATER)])
    assert {(account_id, ANA): [first]} == await load_suppressions(connection, [key(account_id)])


async def test_a_list_is_suppressed_by_itself(connection: Connection, account_id: str) -> None:
    """Lifting a reason everywhere leaves the lists alone, unless all places are meant."""
    both = [Suppression(ANA, Reason.UNSUBSCRIBE, NOON, list_id) for list_id in ("", "LIST01")]
    await suppress(connection, account_id, both)

    assert {ANA} == await unsuppress(connection, account_id, [ANA], [Reason.UNSUBSCRIBE], NOON)
    assert [("UNSUBSCRIBE", "LIST01")] == await reasons(connection, account_id)
    assert {ANA} == await unsuppress(connection, account_id, [ANA], list(Reason), NOON, None)
    assert [] == await reasons(connection, account_id)


async def test_a_token_is_set_changed_and_removed(connection: Connection, account_id: str) -> None:
    """The same token again changes it; a removed one is gone."""
    on, off = Token("abc", "ios", "apns"), Token("abc", "ios", "apns", enabled=False)
    assert await set_token(connection, account_id, ANA, on, NOON) is True
    assert {(account_id, ANA): [on]} == await load_tokens(connection, [key(account_id)])
    assert await set_token(connection, account_id, ANA, off, LATER) is True
    assert {(account_id, ANA): [off]} == await load_tokens(connection, [key(account_id)])
    assert await remove_token(connection, account_id, ANA, "abc", LATER) is True
    assert await remove_token(connection, account_id, ANA, "abc", LATER) is False
    assert {} == await load_tokens(connection, [key(account_id)])


async def test_nobody_gets_a_token_who_does_not_exist(connection: Connection, account_id: str) -> None:
    """A profile id that names nobody leaves no token."""
    assert await set_token(connection, account_id, "01NOBODY", Token("abc", "ios", "apns"), NOON) is False


async def test_a_recipient_counts_once_confirmed(connection: Connection, account_id: str) -> None:
    """An address that was only asked gets no alerts; confirming it twice keeps the first time."""
    await request_recipient(connection, account_id, "Ann@Shop.test")
    assert {} == await confirmed_recipients(connection, [account_id])
    assert await confirm_recipient(connection, account_id, "ann@shop.test", NOON) is True
    assert await confirm_recipient(connection, account_id, "ann@shop.test", LATER) is True
    assert {account_id: frozenset({"ann@shop.test"})} == await confirmed_recipients(connection, [account_id])
    assert [("ann@shop.test", NOON)] == [tuple(row.values()) for row in await list_recipients(connection, account_id)]


async def test_an_address_that_nobody_asked_cannot_confirm(connection: Connection, account_id: str) -> None:
    """Confirming makes no recipient."""
    assert await confirm_recipient(connection, account_id, "eve@shop.test", NOON) is False
