"""The gates before a send: each reason, their order, and what is asked again just before sending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.conditions import CompiledFilter, Verdict
from headrace.conditions.condition import Timeless
from headrace.conditions.facts import Moment
from headrace.messages.gates import AT_DELIVERY, AT_STEP, GATES, Held, SendFacts, Skipped, ask
from headrace.model import Channel, Profile
from headrace.model.account import Settings
from headrace.storage.facts import LoadedFacts

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANA = Profile("01ANA", email="ana@example.com", phone_number="+442071838750")
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class Never(Timeless):
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
        ({"group_id": "LIST01"}, "Person No Longer in List"),
        ({"profile_filter": NOBODY}, "Fails Flow Filters"),
        ({"additional_filters": NOBODY}, "Fails Additional Filters"),
        ({"profile": replace(ANA, email=None)}, "Missing Email"),
        ({"subscription": "UNSUBSCRIBED"}, "Person Suppressed"),
        ({"suppressions": [("USER_SUPPRESSED", "")]}, "Person Suppressed"),
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
    assert Skipped("Missing SMS Consent", {"subscription": None}) == verdict(facts(Channel.SMS, subscription=None))


PHONED = [Channel.SMS, Channel.WHATSAPP]


@pytest.mark.parametrize("channel", PHONED)
def test_a_text_needs_a_number(channel: Channel) -> None:
    """A person without a phone number is skipped before consent is asked."""
    nobody = facts(channel, profile=replace(ANA, phone_number=None), subscription=None)

    assert Skipped("Missing Phone Number") == verdict(nobody)


@pytest.mark.parametrize("channel", PHONED)
@pytest.mark.parametrize("number", ["2025550101", "+0123456789", "+1 202 555 0101", "+12", "+1234567890123456"])
def test_a_number_must_have_the_international_form(channel: Channel, number: str) -> None:
    """What is no plus sign followed by 7 to 15 digits is no number to send to."""
    skipped = Skipped("Phone Number is Not Valid", {"phone_number": number})

    assert skipped == verdict(facts(channel, profile=replace(ANA, phone_number=number)))


@pytest.mark.parametrize(("number", "country"), [("+4930901820", "DE"), ("+999555555", None)])
def test_texts_go_to_the_countries_of_the_settings(number: str, country: str | None) -> None:
    """With a list of countries the others are skipped, and so are numbers of no known country."""
    german = facts(Channel.SMS, profile=replace(ANA, phone_number=number))
    served = replace(german, settings=Settings(sms_countries=frozenset({"US"})))

    assert verdict(german) is None
    assert Skipped("Phone Number in Country Not Supported", {"country": country}) == verdict(served)


def test_a_member_passes_and_one_who_left_does_not() -> None:
    """In a flow for a list, the message goes to those who are on it now."""
    member = facts(group_id="LIST01")
    member.facts.joined["LIST01"] = NOON  # type: ignore[union-attr]

    assert verdict(member) is None
    assert Skipped("Person No Longer in List", {"group_id": "LIST02"}) == verdict(replace(member, group_id="LIST02"))


@pytest.mark.parametrize("reason", ["HARD_BOUNCE", "INVALID_EMAIL", "SPAM_COMPLAINT", "UNSUBSCRIBE", "USER_SUPPRESSED"])
def test_any_reason_stops_marketing_mail(reason: str) -> None:
    """Every reason for a suppression counts and is told."""
    skipped = Skipped("Person Suppressed", {"subscription": "SUBSCRIBED", "suppressions": [reason]})

    assert skipped == verdict(facts(suppressions=[(reason, "")]))


@pytest.mark.parametrize(
    ("reason", "passes"),
    [
        ("HARD_BOUNCE", False),
        ("INVALID_EMAIL", False),
        ("SPAM_COMPLAINT", False),
        ("UNSUBSCRIBE", True),
        ("USER_SUPPRESSED", True),
    ],
)
def test_transactional_mail_heeds_only_what_is_wrong_with_the_address(reason: str, passes: bool) -> None:
    """A receipt goes to the unwilling, but not to a dead address or to somebody who complained."""
    receipt = facts(message={"transactional": True}, subscription="UNSUBSCRIBED", suppressions=[(reason, "")])

    assert passes is (verdict(receipt) is None)


def test_a_suppression_on_a_list_holds_in_flows_for_that_list() -> None:
    """Somebody suppressed on one list gets the mail of flows for another one and of other flows."""
    other = facts(suppressions=[("UNSUBSCRIBE", "LIST01")])
    member = replace(other, group_id="LIST01")
    member.facts.joined.update(LIST01=NOON, LIST02=NOON)  # type: ignore[union-attr]

    assert verdict(other) is None
    assert verdict(replace(member, group_id="LIST02")) is None
    skipped = Skipped("Person Suppressed", {"subscription": "SUBSCRIBED", "suppressions": ["UNSUBSCRIBE"]})
    assert skipped == verdict(member)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.PUSH, Channel.WHATSAPP, Channel.WEBHOOK])
def test_suppressions_are_of_email_only(channel: Channel) -> None:
    """An address that bounced says nothing about the phone."""
    assert verdict(facts(channel, suppressions=[("HARD_BOUNCE", "")])) is None


@pytest.mark.parametrize(
    ("transactional", "marketing_consent", "transactional_consent", "passes"),
    [
        (False, "SUBSCRIBED", None, True),
        (False, None, "SUBSCRIBED", False),
        (False, "SUBSCRIBED", "UNSUBSCRIBED", True),
        (True, "SUBSCRIBED", None, True),
        (True, None, "SUBSCRIBED", True),
        (True, "UNSUBSCRIBED", "SUBSCRIBED", True),
        (True, "SUBSCRIBED", "UNSUBSCRIBED", False),
        (True, None, None, False),
    ],
)
@pytest.mark.parametrize("channel", PHONED)
def test_consent_is_asked_for_the_purpose(
    channel: Channel,
    transactional: bool,
    marketing_consent: str | None,
    transactional_consent: str | None,
    passes: bool,
) -> None:
    """Marketing needs consent to marketing; transactional messages need their own, or marketing's without a no."""
    asked = facts(
        channel,
        {"transactional": transactional},
        subscription=marketing_consent,
        transactional_subscription=transactional_consent,
    )

    assert passes is (verdict(asked) is None)


def test_whatsapp_needs_consent() -> None:
    """No consent row at all forbids WhatsApp messages."""
    nobody = facts(Channel.WHATSAPP, subscription=None)

    assert Skipped("Missing WhatsApp Consent", {"subscription": None}) == verdict(nobody)


def test_a_push_needs_a_token() -> None:
    """Somebody without a device that allows it gets no push message; consent is not asked."""
    assert verdict(facts(Channel.PUSH, has_token=True, subscription=None)) is None
    assert Skipped("Missing Push Token") == verdict(facts(Channel.PUSH, has_token=False))


@pytest.mark.parametrize(
    ("confirmed", "passes"), [({"ann@shop.test"}, True), ({"ann@shop.test", "x@y.test"}, True), (set(), False)]
)
def test_an_alert_needs_a_confirmed_recipient(confirmed: set[str], passes: bool) -> None:
    """One of its addresses suffices, however it is written; without any the alert is skipped."""
    wanted = ["Ann@Shop.test", "ben@shop.test"]
    alert = facts(Channel.INTERNAL_ALERT, {"to_emails": wanted}, confirmed=confirmed)

    assert (None if passes else Skipped("No Confirmed Recipients", {"to_emails": wanted})) == verdict(alert)


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


@pytest.mark.parametrize(("number", "zone"), [("+80012345678", "Pacific/Honolulu"), ("+18085550123", "Europe/London")])
def test_quiet_hours_are_those_of_the_phones_zone_or_the_persons(number: str, zone: str) -> None:
    """Noon in Greenwich is night in Honolulu; a number from nowhere tells no zone."""
    honolulu = facts(Channel.SMS, profile=replace(ANA, phone_number=number), zone=ZoneInfo(zone))

    assert Held(datetime(2026, 3, 2, 18, tzinfo=UTC), "quiet_hours") == verdict(honolulu)


@pytest.mark.parametrize("message", [{"sms_quiet_hours_enabled": False}, {"transactional": True}])
def test_a_text_may_ignore_quiet_hours(message: dict[str, Any]) -> None:
    """A message whose quiet hours are off, and a transactional one, go out at night."""
    assert verdict(facts(Channel.SMS, message, now=NOON.replace(hour=23))) is None


def test_quiet_hours_come_before_smart_sending() -> None:
    """A text that is both at night and too soon waits; whether it is too soon is asked again in the morning."""
    both = facts(Channel.SMS, now=NOON.replace(hour=23), last_send_at=NOON)

    assert isinstance(verdict(both), Held)


@pytest.mark.parametrize("channel", [Channel.WEBHOOK, Channel.INTERNAL_ALERT])
def test_what_reaches_no_person_asks_for_the_person_and_the_filters_only(channel: Channel) -> None:
    """Webhooks and internal alerts have no consent, hours or windows."""
    night = NOON.replace(hour=23)

    assert verdict(facts(channel, subscription=None, last_send_at=night, now=night)) is None
    assert Skipped("Fails Flow Filters", {"never": {"saw": "no", "held": False}}) == verdict(
        facts(channel, profile_filter=NOBODY)
    )


def test_the_table_is_in_the_order_of_precedence() -> None:
    """The first reason that applies is the one that is given."""
    names = [gate.name for gate in GATES]

    assert [
        "person_deleted",
        "left_group",
        "flow_filters",
        "additional_filters",
        "missing_email",
        "missing_phone",
        "invalid_phone",
        "phone_country",
        "missing_token",
        "no_recipients",
        "suppressed",
        "sms_consent",
        "whatsapp_consent",
        "quiet_hours",
        "smart_sending",
    ] == names


def test_just_before_sending_filters_and_windows_are_not_asked_again() -> None:
    """What was decided when the message was queued stays; what may have changed since is asked once more."""
    queued = facts(facts=None, profile_filter=NOBODY, additional_filters=NOBODY, last_send_at=NOON)

    assert ask(AT_DELIVERY[Channel.EMAIL], queued) is None
    skipped = Skipped("Person Suppressed", {"subscription": "UNSUBSCRIBED", "suppressions": []})
    assert skipped == ask(AT_DELIVERY[Channel.EMAIL], replace(queued, subscription="UNSUBSCRIBED"))


def test_each_reason_goes_before_the_next() -> None:
    """Whoever fails everything is told the first reason; taking it away shows the second, and so on."""
    failing: dict[str, Any] = {
        "group_id": "LIST01",
        "profile_filter": NOBODY,
        "additional_filters": NOBODY,
        "profile": replace(ANA, phone_number=None),
        "subscription": None,
        "now": NOON.replace(hour=23),
        "last_send_at": NOON,
    }
    told = []
    for name in failing:
        found = verdict(facts(Channel.SMS, **failing))
        assert found is not None
        told.append(found.reason)
        failing[name] = getattr(facts(Channel.SMS), name)

    assert [
        "Person No Longer in List",
        "Fails Flow Filters",
        "Fails Additional Filters",
        "Missing Phone Number",
        "Missing SMS Consent",
        "quiet_hours",
        "Smart Sending",
    ] == told
