"""The gates before a send: each reason, their order, and what is asked again just before sending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.conditions import CompiledFilter, Verdict
from headrace.conditions.facts import Moment
from headrace.messages.gates import AT_DELIVERY, AT_STEP, GATES, Held, SendFacts, Skipped, ask
from headrace.model import Channel, Profile
from headrace.model.account import Settings
from headrace.storage.facts import LoadedFacts

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANA = Profile("01ANA", email="ana@example.com", phone_number="+12025550101")
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class Never:
    """A condition that nobody meets."""

    label: str = "never"

    def needs(self, moment: Moment) -> frozenset[Any]:
        """Nothing."""
        return frozenset()

    def holds(self, facts: Any) -> Verdict:
        """No."""
        return Verdict(False, "no")


NOBODY = CompiledFilter(((Never(),),))  # type: ignore[arg-type]


def facts(channel: Channel = Channel.EMAIL, message: Mapping[str, Any] | None = None, **changes: Any) -> SendFacts:
    """Return facts of a message that every gate lets pass."""
    known = LoadedFacts(ANA, None, Moment(NOON, NOON, UTC_ZONE))
    base = SendFacts(ANA, channel, message or {}, Settings(), NOON, UTC_ZONE, "SUBSCRIBED", None, known)
    return replace(base, **changes)


def verdict(asked: SendFacts) -> Skipped | Held | None:
    """Ask every gate of the message's channel."""
    return ask(AT_STEP[asked.channel], asked)


@pytest.mark.parametrize("channel", list(Channel))
def test_a_message_that_nothing_speaks_against_passes(channel: Channel) -> None:
    """Every channel lets an ordinary message to a subscribed person pass."""
    assert verdict(facts(channel)) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"profile": None}, "Person Deleted"),
        ({"profile_filter": NOBODY}, "Fails Flow Filters"),
        ({"additional_filters": NOBODY}, "Fails Additional Filters"),
        ({"profile": replace(ANA, email=None)}, "Missing Email"),
        ({"subscription": "UNSUBSCRIBED"}, "Person Suppressed"),
        ({"last_send_at": NOON - timedelta(hours=15, minutes=59)}, "Smart Sending"),
    ],
)
def test_an_email_is_skipped_for_its_reason(changes: dict[str, Any], reason: str) -> None:
    """Each reason is given in the words of the reference."""
    found = verdict(facts(**changes))

    assert isinstance(found, Skipped)
    assert reason == found.reason


def test_somebody_who_never_subscribed_gets_email_but_no_text() -> None:
    """No consent row at all allows e-mail and forbids text messages."""
    assert verdict(facts(subscription=None)) is None
    assert Skipped("Missing SMS Consent") == verdict(facts(Channel.SMS, subscription=None))


def test_a_text_needs_a_number() -> None:
    """A person without a phone number is skipped before consent is asked."""
    nobody = facts(Channel.SMS, profile=replace(ANA, phone_number=None), subscription=None)

    assert Skipped("Missing Phone Number") == verdict(nobody)


def test_transactional_mail_ignores_unsubscription_and_smart_sending() -> None:
    """A receipt goes to somebody who unsubscribed and just got a message."""
    receipt = facts(message={"transactional": True}, subscription="UNSUBSCRIBED", last_send_at=NOON)

    assert verdict(receipt) is None


@pytest.mark.parametrize(
    ("channel", "hours"), [(Channel.EMAIL, 16), (Channel.SMS, 24), (Channel.PUSH, 24), (Channel.WHATSAPP, 24)]
)
def test_the_window_of_a_channel_ends_exactly(channel: Channel, hours: int) -> None:
    """A message is skipped until a second before the window is over and passes when it is."""
    over, within = NOON - timedelta(hours=hours), NOON - timedelta(hours=hours, seconds=-1)

    assert verdict(facts(channel, last_send_at=over)) is None
    skipped = Skipped("Smart Sending", {"last_send_at": within.isoformat()})
    assert skipped == verdict(facts(channel, last_send_at=within))


def test_smart_sending_that_is_off_lets_pass() -> None:
    """A message whose own smart sending is off is never skipped for it."""
    assert verdict(facts(message={"smart_sending_enabled": False}, last_send_at=NOON)) is None


@pytest.mark.parametrize(
    ("hour", "until"),
    [
        (20, None),
        (21, datetime(2026, 3, 3, 8, tzinfo=UTC)),
        (2, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (8, None),
    ],
)
def test_a_text_waits_for_the_end_of_quiet_hours(hour: int, until: datetime | None) -> None:
    """From 21:00 on a text waits until 08:00 of the next morning; at 08:00 it goes."""
    night = facts(Channel.SMS, now=datetime(2026, 3, 2, hour, tzinfo=UTC))

    assert (Held(until, "quiet_hours") if until else None) == verdict(night)


def test_quiet_hours_are_those_of_the_persons_zone() -> None:
    """Noon in Greenwich is night in Honolulu."""
    honolulu = facts(Channel.SMS, zone=ZoneInfo("Pacific/Honolulu"))

    assert Held(datetime(2026, 3, 2, 18, tzinfo=UTC), "quiet_hours") == verdict(honolulu)


@pytest.mark.parametrize("message", [{"sms_quiet_hours_enabled": False}, {"transactional": True}])
def test_a_text_may_ignore_quiet_hours(message: dict[str, Any]) -> None:
    """A message whose quiet hours are off, and a transactional one, go out at night."""
    assert verdict(facts(Channel.SMS, message, now=NOON.replace(hour=23))) is None


def test_quiet_hours_come_before_smart_sending() -> None:
    """A text that is both at night and too soon waits; whether it is too soon is asked again in the morning."""
    both = facts(Channel.SMS, now=NOON.replace(hour=23), last_send_at=NOON)

    assert isinstance(verdict(both), Held)


def test_a_webhook_asks_for_the_person_and_the_filters_only() -> None:
    """Channels that reach no person have no consent, hours or windows."""
    assert verdict(facts(Channel.WEBHOOK, subscription=None, last_send_at=NOON)) is None
    assert Skipped("Fails Flow Filters", {"never": "no"}) == verdict(facts(Channel.WEBHOOK, profile_filter=NOBODY))


def test_the_table_is_in_the_order_of_precedence() -> None:
    """The first reason that applies is the one that is given."""
    names = [gate.name for gate in GATES]

    assert [
        "person_deleted",
        "flow_filters",
        "additional_filters",
        "missing_email",
        "missing_phone",
        "suppressed",
        "sms_consent",
        "quiet_hours",
        "smart_sending",
    ] == names


def test_just_before_sending_filters_and_windows_are_not_asked_again() -> None:
    """What was decided when the message was queued stays; what may have changed since is asked once more."""
    queued = facts(facts=None, profile_filter=NOBODY, additional_filters=NOBODY, last_send_at=NOON)

    assert ask(AT_DELIVERY[Channel.EMAIL], queued) is None
    assert Skipped("Person Suppressed") == ask(AT_DELIVERY[Channel.EMAIL], replace(queued, subscription="UNSUBSCRIBED"))
