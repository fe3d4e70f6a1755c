"""What a compiled flow says of entering, needs, ways on and the outcome of every step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flow_documents import (
    NO_ORDERS,
    NOW,
    KnownFacts,
    context,
    delay,
    email,
    groups,
    other,
    sms,
    split,
    stored,
)

from headrace.conditions.facts import EventTotal, Moment
from headrace.flows import CompiledFlow, compile_flow
from headrace.flows.compiled import DELETED
from headrace.flows.definition import DefinitionModel
from headrace.flows.places import places_of
from headrace.flows.reentry import ALWAYS, NEVER, Reentry
from headrace.flows.step import Advance, Exit, Send, Skip, Wait
from headrace.model import Channel, Event

MOMENT = Moment(NOW, NOW - timedelta(days=1), UTC, "run-1")
COUNT = EventTotal("ORDERS", NOW - timedelta(days=1))


def flow(*actions: dict[str, Any], status: str = "live", **fields: Any) -> CompiledFlow:
    """Compile a flow whose actions are numbered 1, 2, ... in their order."""
    return compile_flow("FLOW01", "Test", status, 3, stored(*actions, **fields))


def test_a_split_goes_by_its_answer_and_tells_what_it_saw() -> None:
    """YES and NO are the two links."""
    asked = flow(split("a", "b", "c", NO_ORDERS), email("b"), email("c")).actions[1]
    seen = {"profile-metric:ORDERS": {"saw": 0, "held": True}}
    assert Advance(2, "true", seen) == asked.step(context(KnownFacts(orders=0)))
    seen = {"profile-metric:ORDERS": {"saw": 2, "held": False}}
    assert Advance(3, "false", seen) == asked.step(context(KnownFacts(orders=2)))


def test_a_split_that_asks_nothing_goes_yes() -> None:
    """A null filter holds for everybody."""
    bare = {**split("a", "b", None), "data": {"profile_filter": None}}
    assert flow(bare, email("b")).actions[1].step(context()) == Advance(2, "true", {})


def test_a_delay_waits() -> None:
    """The time is that of the calendar arithmetic, in the profile's zone."""
    asked = flow(delay("a", "b", unit="days", value=1, delay_until_time="09:00:00"), email("b")).actions[1]
    expected = Wait(datetime(2024, 5, 15, 13, tzinfo=UTC), 2)
    assert expected == asked.step(context(zone=ZoneInfo("America/New_York")))


def test_a_delay_of_nothing_goes_on_at_once() -> None:
    """There is no wait to store."""
    assert flow(delay("a", "b", value=0), email("b")).actions[1].step(context()) == Advance(2)


@pytest.mark.parametrize("status", ["draft", "disabled"])
def test_a_delay_with_nothing_live_behind_it_ends_the_run(status: str) -> None:
    """Nobody waits for a draft."""
    assert flow(delay("a", "b"), email("b", status=status)).actions[1].step(context()) == Exit("nothing_follows")


def test_live_actions_are_seen_from_afar() -> None:
    """Through splits and delays; an action does not count for itself."""
    document = stored(split("a", "b", "c"), delay("b", "d"), email("c", status="draft"), sms("d", status="manual"))
    places = places_of(DefinitionModel.model_validate(document), document, None)
    assert [place.followed for place in places] == [True, True, False, False]


@pytest.mark.parametrize(
    ("status", "acts", "review"),
    [("live", True, False), ("manual", True, True), ("draft", False, None), ("disabled", False, None)],
)
def test_the_status_of_a_message_decides(status: str, acts: bool, review: bool | None) -> None:
    """Live sends, manual sends for review and goes on, draft and disabled are passed over in silence."""
    action = flow(email("a", "b", status=status), email("b")).actions[1]
    outcome = action.step(context())
    assert acts == action.acts
    if review is None:
        assert outcome == Advance(2)
    else:
        assert isinstance(outcome, Send)
        assert (outcome.channel, outcome.message_id, outcome.next_id, outcome.review) == (
            Channel.EMAIL,
            "M1",
            2,
            review,
        )


def test_a_message_has_its_defaults_filled_when_it_is_sent() -> None:
    """The document leaves them out, the compiled message does not."""
    mail, text = (flow(action).actions[1].step(context()) for action in (email("a"), sms("a", shorten_links=False)))
    assert isinstance(mail, Send)
    assert isinstance(text, Send)
    assert mail.message["smart_sending_enabled"] is True
    assert mail.message["from_email"] is None
    assert mail.message["template_id"] == "TPL001"
    expected = {"shorten_links": False, "add_org_prefix": True, "sms_quiet_hours_enabled": True, "body": "Hello"}
    assert expected == {key: text.message[key] for key in expected}
    assert text.channel is Channel.SMS


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("code", {"anything": 1}),
        ("back-in-stock-delay", None),
        (
            "internal-service",
            {"service_configuration": {"service_method_type": "schedule-report", "report_id": "1"}, "status": "live"},
        ),
        ("internal-service", {"service_configuration": {"service_method_type": "unknown"}, "status": "live"}),
        ("internal-service", {"status": "live"}),
    ],
)
def test_what_is_not_carried_out_is_skipped_as_unsupported(kind: str, data: Any) -> None:
    """The run goes on, and the journal tells of it."""
    fields = {} if data is None else {"data": data}
    action = flow(other(kind, "a", links={"next": "b"}, **fields), email("b")).actions[1]
    assert (action.step(context()), action.acts) == (Skip("unsupported", 2), False)


def test_needs_follow_the_action() -> None:
    """A split needs its own conditions; an acting action the flow's filter and its own; a delay and a draft nothing."""
    member = {"type": "profile-group-membership", "is_member": True, "group_ids": ["LIST01"]}
    compiled = flow(
        split("a", "b", None, member),
        delay("b", "c"),
        email("c", "d", additional_filters=groups(member)),
        email("d", status="draft"),
        profile_filter=groups(NO_ORDERS),
    )
    split_needs = compiled.actions[1].needs(MOMENT)
    assert frozenset([COUNT]) == compiled.needs_at_entry(MOMENT)
    assert [
        compiled.needs(1, MOMENT) == split_needs != frozenset(),
        compiled.needs(2, MOMENT) == frozenset(),
        compiled.needs(3, MOMENT) == split_needs | {COUNT},
        compiled.needs(4, MOMENT) == frozenset(),
        compiled.needs(99, MOMENT) == frozenset(),
    ] == [True] * 5


def test_additional_filters_are_compiled_beside_the_message() -> None:
    """The gates ask them; the message does not carry them."""
    action = flow(email("a", additional_filters=groups(NO_ORDERS))).actions[1]
    assert action.additional_filters.holds(KnownFacts(orders=0)).holds
    assert not action.additional_filters.holds(KnownFacts(orders=1)).holds


@pytest.mark.parametrize(
    ("flow_status", "statuses", "expected"),
    [
        ("live", ["live", "draft"], True),
        ("live", ["draft", "draft"], False),
        ("live", ["disabled", "manual"], True),
        ("manual", ["manual", "manual"], True),
        ("draft", ["live", "live"], False),
        ("live", [], False),
    ],
)
def test_nobody_enters_a_flow_of_drafts(flow_status: str, statuses: list[str], expected: bool) -> None:
    """The flow and at least one of its messages must be live or manual."""
    actions = [email(f"m{number}", status=status) for number, status in enumerate(statuses)]
    assert expected == flow(*actions, status=flow_status, entry=None).entry_allowed_by_status()


def test_a_metric_trigger_matches_events_of_its_metric_that_pass_its_filter() -> None:
    """The filter reads the event's top-level properties."""
    big = {"type": "numeric", "operator": "greater-than", "value": 50}
    asked = {"type": "metric-property", "metric_id": "CART", "field": "total", "filter": big}
    trigger = flow(email("a"), triggers=[{"type": "metric", "id": "CART", "trigger_filter": groups(asked)}]).trigger
    assert trigger is not None
    events = [("CART", {"total": 60}), ("CART", {"total": 40}), ("CART", {}), ("OTHER", {"total": 60})]
    assert [True, False, False, False] == [
        trigger.matches(Event(1, "01", metric, NOW, data)) for metric, data in events
    ]


@pytest.mark.parametrize(
    ("trigger", "criteria", "expected"),
    [
        ("metric", None, ALWAYS),
        ("list", None, NEVER),
        ("segment", None, NEVER),
        ("metric", {"duration": 1, "unit": "alltime"}, NEVER),
        ("list", {"duration": 0, "unit": "alltime"}, ALWAYS),
        ("metric", {"duration": 2, "unit": "week"}, Reentry(timedelta(days=14))),
    ],
)
def test_reentry_criteria(trigger: str, criteria: dict[str, Any] | None, expected: Reentry) -> None:
    """Lists and segments let nobody enter twice unless told, metrics everybody."""
    fields = {"reentry_criteria": criteria} if criteria else {}
    assert expected == flow(email("a"), triggers=[{"type": trigger, "id": "X"}], **fields).reentry


def test_reentry_is_counted_from_the_last_entry() -> None:
    """After exactly the time, not before; a first entry is always allowed."""
    reentry = Reentry(timedelta(days=7))
    assert reentry.allows(None, NOW)
    assert reentry.allows(NOW - timedelta(days=7), NOW)
    assert not reentry.allows(NOW - timedelta(days=7) + timedelta(seconds=1), NOW)
    assert not NEVER.allows(NOW - timedelta(days=4000), NOW)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([delay("a", "b", value=4), delay("b", "c", unit="minutes", value=30), email("c")], timedelta(minutes=30)),
        ([delay("a", "b", unit="days", value=1, secondary_value=2), email("b")], timedelta(hours=26)),
        ([delay("a", "b", unit="days", value=1, delay_until_time="09:00:00"), email("b")], timedelta(0)),
        ([delay("a", "b", unit="days", value=9, delay_until_time="09:00:00"), email("b")], timedelta(days=7)),
        ([email("a")], timedelta(days=3650)),
    ],
)
def test_the_shortest_delay_is_a_lower_bound(actions: list[dict[str, Any]], expected: timedelta) -> None:
    """No delay of the flow ends sooner."""
    assert expected == flow(*actions).shortest_delay()


def test_tombstones_are_followed() -> None:
    """From one deleted action to the next, to an action that is there, or out of the flow."""
    document = stored(email("a", "b"), email("b"))
    compiled = compile_flow("FLOW01", "Test", "live", 3, document, {7: 8, 8: 2, 9: None, 10: 10})
    found = [compiled.locate(number) for number in (1, 7, 8)]
    assert [1, 2, 2] == [action.action_id for action in found if not isinstance(action, Exit)]
    assert [DELETED] * 3 == [compiled.locate(number) for number in (9, 10, 99)]
