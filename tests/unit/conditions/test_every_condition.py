"""When conditions on consent, messages, entries, objects, predictions, places and outputs hold, and what they saw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from known_facts import NOW, KnownFacts, WrittenQuery, at, moment

from headrace.conditions import (
    ActionOutputFilter,
    BranchFilter,
    CompiledFilter,
    FlowFilter,
    LowInventoryFilter,
    PriceDropFilter,
    TriggerSplitFilter,
    postal_codes,
)
from headrace.conditions.facts import (
    Consent,
    ConsentOn,
    LastEntry,
    LastSent,
    LinkedObjects,
    Moment,
    PushTokens,
    Suppression,
    Suppressions,
)
from headrace.conditions.parsing import parse
from headrace.errors import Problems
from headrace.model import Channel, Event, Profile

EMAIL, SMS = ConsentOn(Channel.EMAIL), ConsentOn(Channel.SMS)
ALL_TIME = {"type": "date", "operator": "alltime"}
LAST_3_DAYS = {"type": "date", "operator": "in-the-last", "quantity": 3, "unit": "day"}
IS_SET = {"type": "existence", "operator": "is-set"}


def compiled(condition: dict[str, Any], model: Any = FlowFilter) -> CompiledFilter:
    """Return the compiled filter of one condition."""
    asked: CompiledFilter = parse(model, {"condition_groups": [{"conditions": [condition]}]}).compile("7")
    return asked


def consent(channel: str, can: bool, subscription: str, **rest: Any) -> dict[str, Any]:
    """Return a condition on consent."""
    status = {"subscription": subscription, **rest}
    held = {"channel": channel, "can_receive_marketing": can, "consent_status": status}
    return {"type": "profile-marketing-consent", "consent": held}


def known(subscription: str | None = None, *reasons: str, device: datetime | None = None, **fields: Any) -> KnownFacts:
    """Return facts about somebody with the same consent on every channel."""
    held = Consent(subscription, **{"changed_at": NOW, **fields}) if subscription else None
    channels = (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)
    consents = {ConsentOn(channel, purpose): held for channel in channels for purpose in (0, 1)}
    suppressions = tuple(Suppression(reason, NOW) for reason in reasons)
    return KnownFacts(answers={**consents, Suppressions(): suppressions, PushTokens(): device})


YES, NO, NEVER = "SUBSCRIBED", "UNSUBSCRIBED", None
PEOPLE = {
    "yes": known(YES),
    "no": known(NO),
    "never": known(NEVER),
    "yes, bounced": known(YES, "HARD_BOUNCE"),
    "never, bounced": known(NEVER, "HARD_BOUNCE"),
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (consent("email", True, "any"), {"yes", "never"}),
        (consent("email", True, "subscribed"), {"yes"}),
        (consent("email", True, "never_subscribed"), {"never"}),
        (consent("email", False, "any"), {"no", "yes, bounced", "never, bounced"}),
        (consent("email", False, "unsubscribed"), {"no"}),
        (consent("email", False, "never_subscribed", filters=[]), {"never, bounced"}),
        (consent("email", False, "subscribed", filters=[]), {"yes, bounced"}),
        (consent("sms", True, "subscribed"), {"yes", "yes, bounced"}),
        (consent("sms", False, "any"), {"no", "never", "never, bounced"}),
        (consent("sms", False, "unsubscribed"), {"no"}),
        (consent("sms", False, "never_subscribed"), {"never", "never, bounced"}),
    ],
)
def test_consent_means_what_the_channel_makes_of_it(condition: dict[str, Any], expected: set[str]) -> None:
    """E-mail needs no consent, only that nothing speaks against it; SMS needs one."""
    asked = compiled(condition)
    assert expected == {name for name, facts in PEOPLE.items() if asked.holds(facts).holds}


@pytest.mark.parametrize(("device", "expected"), [(NOW, (True, False)), (None, (False, True))])
def test_push_needs_a_device(device: datetime | None, expected: tuple[bool, bool]) -> None:
    """Whoever has one can be reached."""
    asked = [compiled(consent("push", can, "any")) for can in (True, False)]
    assert expected == tuple(one.holds(known(device=device)).holds for one in asked)


def method(name: str, value: Any = None) -> dict[str, Any]:
    """Return a filter on the method of a consent."""
    operator = "equals" if isinstance(value, str) else "in"
    inner = {} if value is None else {"filter": {"type": "string", "operator": operator, "value": value}}
    return {"field": "method", "method": name, **inner}


@pytest.mark.parametrize(
    ("filters", "fields", "expected"),
    [
        ([method("form")], {"method": "form"}, True),
        ([method("form", ["F1", "F2"])], {"method": "form", "detail": "F2"}, True),
        ([method("form", ["F1", "F2"])], {"method": "form", "detail": "F3"}, False),
        ([method("preference_page", "https://x")], {"method": "preference_page", "detail": "https://x"}, True),
        ([method("integration", ["shopify"])], {"method": "integration", "detail": "shopify"}, True),
        ([method("sftp"), method("api")], {"method": "api"}, True),
        ([method("sftp"), method("api")], {"method": "form"}, False),
        ([{"field": "status_date", "filter": LAST_3_DAYS}], {"changed_at": at("2023-06-14")}, True),
        ([{"field": "status_date", "filter": LAST_3_DAYS}], {"changed_at": at("2023-06-13")}, False),
        (
            [{"field": "is_double_opt_in", "filter": {"type": "boolean", "operator": "equals", "value": True}}],
            {"double_opt_in": True},
            True,
        ),
        (
            [{"field": "custom_source", "filter": {"type": "string", "operator": "equals", "value": "fair"}}],
            {"custom_source": "fair"},
            True,
        ),
        (
            [method("form"), {"field": "status_date", "filter": LAST_3_DAYS}],
            {"method": "form", "changed_at": at("2023-06-13")},
            False,
        ),
    ],
)
def test_filters_narrow_a_consent(filters: list[Any], fields: dict[str, Any], expected: bool) -> None:
    """All must pass, of several methods one."""
    asked = compiled(consent("email", True, "subscribed", filters=filters))
    assert expected == asked.holds(known(YES, **fields)).holds


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("bounce_date", "HARD_BOUNCE"),
        ("manual_suppression_date", "USER_SUPPRESSED"),
        ("invalid_email_date", "INVALID_EMAIL"),
    ],
)
def test_dates_of_suppressions_name_their_reason(field: str, reason: str) -> None:
    """Each date field stands for one reason."""
    asked = compiled(consent("email", False, "any", filters=[{"field": field, "filter": IS_SET}]))
    assert asked.holds(known(YES, reason)).holds
    assert not asked.holds(known(YES, "SPAM_COMPLAINT")).holds


def test_what_is_known_about_a_channel_goes_to_the_journal() -> None:
    """The consent first, then why e-mail is not sent."""
    verdict = compiled(consent("email", True, "any")).holds(known(NO, "UNSUBSCRIBE", "HARD_BOUNCE"))
    expected = {"saw": "UNSUBSCRIBED HARD_BOUNCE UNSUBSCRIBE", "held": False}
    assert verdict.seen == {"profile-marketing-consent:email": expected}


def test_two_kinds_of_filters_on_an_unsubscription_are_not_mixed() -> None:
    """Either dates of suppressions or what the unsubscription was."""
    mixed = [method("api"), {"field": "bounce_date", "filter": IS_SET}]
    with pytest.raises(Problems) as refused:
        compiled(consent("email", False, "unsubscribed", filters=mixed))
    at_filters = "/condition_groups/0/conditions/0/consent/consent_status/filters"
    assert [problem.pointer for problem in refused.value.problems] == [at_filters]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("explicitly_reachable", {"yes", "yes, bounced"}),
        ("implicitly_reachable", set()),
        ("implicitly_or_explicitly_reachable", {"yes", "yes, bounced"}),
        ("explicitly_unreachable", {"no"}),
        ("implicitly_unreachable", {"never", "never, bounced"}),
        ("implicitly_or_explicitly_unreachable", {"no", "never", "never, bounced"}),
    ],
)
def test_permission_on_whatsapp(status: str, expected: set[str]) -> None:
    """Only who agreed can be reached."""
    filters = {"filters": []} if status.startswith("explicitly") else {}
    held = {"reachable_status": status, **filters}
    asked = compiled({"type": "profile-permissions", "permission": held, "channel": "whatsapp_marketing"})
    assert expected == {name for name, facts in PEOPLE.items() if asked.holds(facts).holds}


def test_a_permission_on_transactional_messages_is_another_one() -> None:
    """Each purpose has its own consent."""
    held = {"reachable_status": "explicitly_reachable", "filters": [{"field": "recorded_date", "filter": LAST_3_DAYS}]}
    asked = compiled({"type": "profile-permissions", "permission": held, "channel": "whatsapp_transactional"})
    need = ConsentOn(Channel.WHATSAPP, 1)
    assert asked.needs(moment()) == {need}
    old, new = (Consent(YES, at("2020-01-01"), recorded_at=one) for one in (None, NOW))
    assert [asked.holds(KnownFacts(answers={need: one})).holds for one in (old, new)] == [False, True]


@pytest.mark.parametrize(
    ("timeframe", "sent_at", "expected"),
    [
        (ALL_TIME, None, True),
        (ALL_TIME, at("2001-01-01"), False),
        (LAST_3_DAYS, at("2023-06-14"), False),
        (LAST_3_DAYS, at("2023-06-13"), True),
    ],
)
def test_no_message_was_sent(timeframe: dict[str, Any], sent_at: datetime | None, expected: bool) -> None:
    """The last message of the channel decides."""
    asked = compiled({"type": "profile-not-sent-sms", "timeframe_filter": timeframe})
    need = LastSent(Channel.SMS)
    assert asked.needs(moment()) == {need}
    assert expected == asked.holds(KnownFacts(answers={need: sent_at})).holds


@pytest.mark.parametrize(
    ("timeframe", "entered_at", "expected"),
    [
        (ALL_TIME, None, True),
        (ALL_TIME, at("2001-01-01"), False),
        (LAST_3_DAYS, at("2023-06-14"), False),
        (LAST_3_DAYS, at("2023-06-13"), True),
    ],
)
def test_the_person_was_not_in_the_flow_before(
    timeframe: dict[str, Any], entered_at: datetime | None, expected: bool
) -> None:
    """Entries before the run's own are asked for, in the run's flow."""
    asked = compiled({"type": "profile-not-in-flow", "timeframe_filter": timeframe})
    when = Moment(NOW, NOW - timedelta(hours=1), NOW.tzinfo, "run-1", "FLOW01")  # type: ignore[arg-type]
    need = LastEntry("FLOW01", NOW - timedelta(hours=1))
    assert asked.needs(when) == {need}
    assert expected == asked.holds(KnownFacts(moment=when, answers={need: entered_at})).holds


@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("France", "european_union"),
        ("fr", "european_union"),
        (" FRA ", "european_union"),
        ("Czech Republic", "european_union"),
        ("United States", "united_states"),
        ("usa", "united_states"),
        ("United Kingdom", None),
        ("GB", None),
        ("", None),
        (None, None),
        (42, None),
    ],
)
def test_a_country_belongs_to_a_region(country: Any, region: str | None) -> None:
    """By code or name, in any case; the United Kingdom is no member of the union."""
    facts = KnownFacts(profile=Profile("01ABC", location={"country": country}))
    found = [
        name
        for name in ("european_union", "united_states")
        if compiled({"type": "profile-region", "in_region": True, "region": name}).holds(facts).holds
    ]
    assert found == ([region] if region else [])
    outside = compiled({"type": "profile-region", "in_region": False, "region": "european_union"})
    assert outside.holds(facts).holds is (region != "european_union")


def test_a_prediction_is_read_where_it_is_stored() -> None:
    """Without one nothing holds, not even the negative."""
    condition = {"type": "profile-predictive-analytics", "dimension": "channel_affinity", "measurement": "rank"}
    negative = {"type": "string", "operator": "not-equals", "value": "low"}
    asked = compiled({**condition, "predicted_channel": "email", "filter": negative})
    stored = Profile("01ABC", predictive={"channel_affinity": {"email": {"priority": 1, "rank": "high"}}})
    verdict = asked.holds(KnownFacts(profile=stored))
    label = "profile-predictive-analytics:channel_affinity.email.rank"
    assert (verdict.holds, verdict.seen) == (True, {label: {"saw": "high", "held": True}})
    assert not asked.holds(KnownFacts()).holds


def test_linked_objects_are_counted() -> None:
    """Those that pass every filter count."""
    red = {"type": "string", "operator": "equals", "value": "red"}
    asked = compiled(
        {
            "type": "profile-has-custom-object",
            "object_type_id": "T1",
            "object_type_relationship_id": "R1",
            "filter": {"type": "numeric", "operator": "equals", "value": 2},
            "filters": [{"property_id": 7, "filter": red}],
        }
    )
    need = LinkedObjects("T1", "R1")
    assert asked.needs(moment()) == {need}
    two: tuple[dict[str, Any], ...] = ({"7": "red"}, {"7": "red", "8": 1}, {"8": 1})
    assert asked.holds(KnownFacts(answers={need: two})).seen == {
        "profile-has-custom-object:T1": {"saw": 2, "held": True}
    }
    assert not asked.holds(KnownFacts(answers={need: ()})).holds


NEAR_NEW_YORK = {
    "type": "profile-postal-code-distance",
    "country_code": "US",
    "postal_code": "10001",
    "unit": "kilometers",
    "filter": {"type": "numeric", "operator": "less-than", "value": 100},
}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ({"country": "United States", "zip": "07030"}, True),
        ({"country": "us", "zip": "94105-1234"}, False),
        ({"country": "US"}, False),
        ({"zip": "07030"}, False),
        ({"country": "FR", "zip": "75001"}, False),
    ],
)
def test_distance_from_a_postal_code(monkeypatch: pytest.MonkeyPatch, location: dict[str, Any], expected: bool) -> None:
    """Great-circle distance; where a place is unknown the condition does not hold."""
    places = {"10001": (40.7484, -73.9967), "07030": (40.744, -74.029), "94105": (37.7864, -122.3892)}
    monkeypatch.setattr(postal_codes, "_in_america", places.get)
    asked = compiled(NEAR_NEW_YORK)
    facts = KnownFacts(profile=Profile("01ABC", location=location))
    assert expected == asked.holds(facts).holds
    other = {**NEAR_NEW_YORK, "unit": "miles", "filter": {"type": "numeric", "operator": "greater-than", "value": 2000}}
    assert compiled(other).holds(facts).holds is (location.get("zip") == "94105-1234")


def test_a_country_without_postal_codes_is_named() -> None:
    """The condition can be stored, and says why it cannot run."""
    (_, condition), *_ = parse(
        FlowFilter, {"condition_groups": [{"conditions": [{**NEAR_NEW_YORK, "country_code": "UK"}]}]}
    ).walk()
    assert condition.obstacle == "no data about the places of postal codes in 'UK' is at hand"


CART = Event(1, "01ABC", "CART", NOW, {"price": 5, "7": "red", "Order": {"size": "L"}})
LARGE = {"type": "string", "operator": "equals", "value": "L"}
RED = {"type": "string", "operator": "equals", "value": "red"}
CHEAP = {"type": "numeric", "operator": "less-than", "value": 10}


@pytest.mark.parametrize(
    ("model", "condition"),
    [
        (PriceDropFilter, {"type": "price-drop-property", "metric_id": None, "field": "price", "filter": CHEAP}),
        (
            LowInventoryFilter,
            {"type": "low-inventory-property", "metric_id": "CART", "field": "price", "filter": CHEAP},
        ),
        (TriggerSplitFilter, {"type": "metric-property", "metric_id": "CART", "field": "price", "filter": CHEAP}),
        (BranchFilter, {"type": "custom-object-trigger-property", "property_id": 7, "filter": RED}),
        (
            TriggerSplitFilter,
            {"type": "custom-object-property", "custom_object_label": "Order", "field": "size", "filter": LARGE},
        ),
    ],
)
def test_conditions_on_the_trigger_read_the_event(model: Any, condition: dict[str, Any]) -> None:
    """Without an event none holds, and of a whole population nobody is selected."""
    asked = compiled(condition, model)
    assert asked.holds(KnownFacts(event=CART)).holds
    assert not asked.holds(KnownFacts(event=Event(1, "01ABC", "CART", NOW))).holds
    assert not asked.holds(KnownFacts()).holds
    assert asked.where(WrittenQuery(), moment()) == "all[any[any[]]]"


@pytest.mark.parametrize(
    ("field", "value_filter", "expected"),
    [
        ("status", {"type": "numeric", "operator": "between", "start": 200, "end": 299}, True),
        ("body.customer.tier", {"type": "string", "operator": "equals", "value": "gold"}, True),
        ("body.items.1", {"type": "string", "operator": "equals", "value": "b"}, True),
        ("body.items.2", {"type": "existence", "operator": "is-set"}, False),
        ("body.nothing.here", {"type": "existence", "operator": "not-set"}, True),
        ("error", {"type": "existence", "operator": "not-set"}, True),
    ],
)
def test_the_output_of_an_action(field: str, value_filter: dict[str, Any], expected: bool) -> None:
    """A dotted path leads into what a webhook answered; an action without output satisfies no filter."""
    condition = {"type": "action-output", "output_config_id": 12, "field": field, "filter": value_filter}
    asked = compiled(condition, ActionOutputFilter)
    body = {"customer": {"tier": "gold"}, "items": ["a", "b"]}
    outputs = {"12": {"status": 200, "body": body, "error": None}}
    assert expected == asked.holds(KnownFacts(outputs=outputs)).holds
    assert not asked.holds(KnownFacts()).holds


def test_labels_are_unique_within_a_filter() -> None:
    """The second condition on the same thing carries a number, so that the journal keeps both."""
    half = {"type": "profile-sample", "percentage": 0}
    other = {"type": "profile-sample", "percentage": 100}
    asked = parse(FlowFilter, {"condition_groups": [{"conditions": [half, half, other, half]}]}).compile("7")
    seen = asked.holds(KnownFacts()).seen
    assert [(label, one["held"]) for label, one in seen.items()] == [
        ("profile-sample", False),
        ("profile-sample#2", False),
        ("profile-sample#3", True),
    ]
