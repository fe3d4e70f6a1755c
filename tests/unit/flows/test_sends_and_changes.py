"""What comes of the actions that send or change something: channels, experiments, profile updates, lists, events."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flow_documents import (
    NO_ORDERS,
    NOW,
    KnownFacts,
    context,
    email,
    experiment,
    groups,
    other,
    output_split,
    split,
    stored,
    webhook,
)

from headrace.conditions.facts import Membership, Moment
from headrace.flows import CompiledFlow, compile_flow
from headrace.flows.step import (
    Advance,
    Change,
    ListChange,
    ProfileChange,
    ProfileOperation,
    Send,
    TrackEvent,
)
from headrace.model import Channel, Profile

MOMENT = Moment(NOW, NOW, UTC, "run-1")
ALERT = {"from_email": None, "from_label": None, "to_emails": ["a@example.com"], "subject_line": "x"}


def flow(*actions: dict[str, Any], **fields: Any) -> CompiledFlow:
    """Compile a flow whose actions are numbered 1, 2, ... in their order."""
    return compile_flow("FLOW01", "Test", "live", 3, stored(*actions, **fields))


def outcome(action: dict[str, Any], facts: KnownFacts | None = None) -> Any:
    """Return what comes of one action, which `b` follows."""
    return flow({**action, "links": {"next": "b"}}, email("b")).actions[1].step(context(facts))


def update(*operations: dict[str, Any], status: str = "live") -> dict[str, Any]:
    """Return a profile update."""
    return other("update-profile", "a", data={"profile_operations": list(operations), "status": status})


@pytest.mark.parametrize(
    ("kind", "message", "channel", "default"),
    [
        ("send-mobile-push", {"body": "x"}, Channel.PUSH, ("on_open", "home")),
        ("send-whatsapp", {"vendor_id": "x"}, Channel.WHATSAPP, ("smart_sending_enabled", True)),
        ("send-webhook", {"url": "https://example.com"}, Channel.WEBHOOK, ("headers", None)),
        ("send-internal-alert", ALERT, Channel.INTERNAL_ALERT, ("template_id", None)),
    ],
)
def test_every_channel_sends(kind: str, message: dict[str, Any], channel: Channel, default: tuple[str, Any]) -> None:
    """With the message's id and its defaults filled."""
    sent = outcome(other(kind, "a", data={"message": message, "status": "live"}))
    assert (sent.channel, sent.message_id, sent.next_id, sent.review, sent.awaits) == (channel, "M1", 2, False, False)
    assert sent.message[default[0]] == default[1]
    assert {key: sent.message[key] for key in message} == message


def test_the_forms_of_a_text_message_are_sent_as_they_were_given() -> None:
    """With their defaults filled, without a warning."""
    items = [{"message": "x", "image": {"static_image_asset_id": 3}}, "01HSMS"]
    sent = outcome(
        other("send-sms", "a", data={"message": {"body": "x", "message_hierarchy": items}, "status": "live"})
    )
    assert sent.message["message_hierarchy"][0]["image"] == {"dynamic": False, "static_image_asset_id": 3}
    assert sent.message["message_hierarchy"][1] == "01HSMS"


@pytest.mark.parametrize(("status", "awaits"), [("live", True), ("manual", False)])
def test_a_run_waits_for_an_output_that_is_asked_for(status: str, awaits: bool) -> None:
    """A live webhook above a split that asks for it; not another one, and not one that a user reviews first."""
    compiled = flow(
        webhook("a", "b", status=status), webhook("b", "c"), split("c", "d", None), output_split("d", None, None, 1)
    )
    found = [compiled.actions[number].step(context()) for number in (1, 2)]
    assert [one.awaits for one in found if isinstance(one, Send)] == [awaits, False]


def test_a_webhook_behind_the_split_is_not_waited_for() -> None:
    """Its output comes too late."""
    sent = flow(output_split("a", "b", None, 2), webhook("b")).actions[2].step(context())
    assert isinstance(sent, Send)
    assert not sent.awaits


def test_operations_are_carried_out_in_their_order() -> None:
    """Create and update set, lists are added to or removed from, delete unsets."""
    kept = {"operator": "update", "property_key": "k"}
    changed = outcome(
        update(
            {"operator": "create", "property_type": "string", "property_key": "a", "property_value": "today"},
            {**kept, "property_type": "boolean", "property_value": False},
            {**kept, "property_type": "numeric", "property_value": 2.5},
            {**kept, "property_type": "list", "property_operation": "add", "property_value": "x"},
            {**kept, "property_type": "list", "property_operation": "remove", "property_value": "x"},
            {**kept, "property_type": "list", "property_value": "y"},
            {"operator": "delete", "property_key": "z"},
        )
    )
    expected = ProfileChange(
        (
            ProfileOperation("set", "a", "today"),
            ProfileOperation("set", "k", False),
            ProfileOperation("set", "k", 2.5),
            ProfileOperation("append", "k", "x"),
            ProfileOperation("remove", "k", "x"),
            ProfileOperation("append", "k", "y"),
            ProfileOperation("unset", "z"),
        )
    )
    assert changed == Change(expected, 2, "Fails Flow Conditions")


def test_today_is_the_date_where_the_person_is() -> None:
    """Early on a Tuesday in UTC it is still Monday in New York; a fixed date stays."""
    dated = {"operator": "update", "property_type": "date"}
    action = flow(
        update(
            {**dated, "property_key": "seen", "property_value": "today"},
            {**dated, "property_key": "born", "property_value": "2000-02-29"},
        )
    ).actions[1]
    early = datetime(2024, 5, 14, 2, 0, tzinfo=UTC)
    changed = action.step(context(now=early, zone=ZoneInfo("America/New_York")))
    expected = ProfileChange(
        (ProfileOperation("set", "seen", "2024-05-13"), ProfileOperation("set", "born", "2000-02-29"))
    )
    assert changed == Change(expected, None, "Fails Flow Conditions")


@pytest.mark.parametrize(("on_execution", "joins"), [(True, True), (None, True), (False, False)])
def test_a_list_is_joined_or_left(on_execution: bool | None, joins: bool) -> None:
    """False leaves it, everything else joins it."""
    data = {"name": "n", "on_execution": on_execution, "list_id": "LIST01", "status": "live"}
    assert outcome(other("list-update", "a", data=data)) == Change(ListChange("LIST01", joins), 2)


def test_an_event_is_tracked() -> None:
    """Under its key, with its payload."""
    service = {"service_method_type": "track-event", "event_key": "Reached", "event_payload": {"x": 1}}
    action = other("internal-service", "a", data={"service_configuration": service, "status": "live"})
    assert outcome(action) == Change(TrackEvent("Reached", {"x": 1}), 2)


@pytest.mark.parametrize(
    ("status", "carried_out"), [("live", True), ("manual", True), ("draft", False), ("disabled", False)]
)
@pytest.mark.parametrize("kind", ["update-profile", "list-update", "internal-service"])
def test_the_status_of_a_change_decides(kind: str, status: str, carried_out: bool) -> None:
    """Manual changes are made, as there is no message to review; drafts are passed over in silence."""
    data: dict[str, dict[str, Any]] = {
        "update-profile": {"profile_operations": []},
        "list-update": {"name": "n", "on_execution": None, "list_id": "LIST01"},
        "internal-service": {"service_configuration": {"service_method_type": "track-event", "event_key": "E"}},
    }
    action = flow(other(kind, "a", data={**data[kind], "status": status}, links={"next": "b"}), email("b")).actions[1]
    found = action.step(context())
    assert carried_out == action.acts == isinstance(found, Change)
    assert carried_out or found == Advance(2)


def test_a_person_always_gets_the_same_variation_and_the_shares_hold() -> None:
    """Drawn by a hash of profile and experiment: about 30 in 100 get the first."""
    test = experiment("a")
    test["data"]["current_experiment"]["allocations"] = {"v1": 30, "v2": 70}
    action = flow(test).actions[1]
    people = [KnownFacts(profile=Profile(f"01P{number}")) for number in range(2000)]
    found = [action.step(context(person)) for person in people]
    counts = Counter(one.variation for one in found if isinstance(one, Send))
    assert set(counts) == {"3", "4"}
    assert 0.26 < counts["3"] / len(people) < 0.34
    assert found == [action.step(context(person)) for person in people]


@pytest.mark.parametrize(
    ("allocations", "expected"), [({"v1": 0, "v2": 100}, {"4"}), ({"v1": 100}, {"3"}), (None, {"3", "4"})]
)
def test_variations_without_a_share_get_nobody(allocations: Any, expected: set[str]) -> None:
    """Without any shares they are equal."""
    test = experiment("a")
    test["data"]["current_experiment"]["allocations"] = allocations
    action = flow(test).actions[1]
    found = [action.step(context(KnownFacts(profile=Profile(f"01P{number}")))) for number in range(60)]
    assert {one.variation for one in found if isinstance(one, Send)} == expected


@pytest.mark.parametrize("experiment_status", ["draft", "completed"])
def test_before_and_after_a_test_everybody_gets_the_main_action(experiment_status: str) -> None:
    """It is no variation."""
    sent = outcome(experiment("a", experiment_status=experiment_status))
    assert (sent.variation, sent.message["subject_line"], sent.message_id) == ("", "main", "M1")


@pytest.mark.parametrize(("status", "review"), [("live", False), ("manual", True), ("draft", None)])
def test_the_status_of_the_test_decides_not_that_of_its_variations(status: str, review: bool | None) -> None:
    """Those inside are drafts here."""
    found = outcome(experiment("a", status=status))
    if review is None:
        assert found == Advance(5)
    else:
        assert (found.review, found.variation in ("3", "4"), found.next_id) == (review, True, 5)


def test_the_messages_of_a_test_are_found_by_their_variation() -> None:
    """The main action's by none; one that is gone is not found."""
    compiled = flow(experiment("a"), email("b"))
    found = {name: compiled.message_action(1, name) for name in ("", "3", "4", "9")}
    assert {name: one and one.message["subject_line"] for name, one in found.items()} == {
        "": "main",
        "3": "one",
        "4": "two",
        "9": None,
    }
    assert [one and one.message_id for one in found.values()] == ["M1", "M2", "M3", None]
    assert compiled.message_action(5) is compiled.actions[5]
    assert compiled.message_action(5, "3") is None


def test_a_test_needs_what_all_its_messages_ask() -> None:
    """Nobody knows beforehand which one a person gets."""
    test = experiment("a")
    test["data"]["current_experiment"]["variations"][1]["data"]["message"]["additional_filters"] = groups(NO_ORDERS)
    running, draft = flow(test).actions[1], flow({**test, "data": {**test["data"], "status": "draft"}}).actions[1]
    assert len(running.needs(MOMENT)) == 1
    assert draft.needs(MOMENT) == frozenset()


@pytest.mark.parametrize("kind", ["list", "segment"])
def test_who_joined_must_still_be_a_member_when_something_is_done(kind: str) -> None:
    """Acting actions of flows for a list or segment need the membership; others do not."""
    compiled = flow(
        split("a", "b", None), email("b", "c"), email("c", status="draft"), triggers=[{"type": kind, "id": "G"}]
    )
    assert compiled.group_id == "G"
    assert [compiled.needs(number, MOMENT) for number in (1, 2, 3)] == [
        frozenset(),
        {Membership(("G",))},
        frozenset(),
    ]
