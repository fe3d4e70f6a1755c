"""What each condition type needs, when it holds, and how groups of conditions are joined."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from known_facts import NOW, KnownFacts, WrittenQuery, at, moment

from headrace.conditions import EVERYBODY, CompiledFilter, FlowFilter, ProfileFilter, TriggerFilter, Verdict
from headrace.conditions.facts import EventTotal, Membership, PropertyFilter, Total
from headrace.conditions.filters.string import StringFilter
from headrace.conditions.parsing import parse
from headrace.errors import Problems
from headrace.model import Event, Profile

ENTERED = at("2023-06-16T09:00:00")
ZERO = {"type": "numeric", "operator": "equals", "value": 0}


def groups(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a filter of one group per condition: all must hold."""
    return {"condition_groups": [{"conditions": [condition]} for condition in conditions]}


def compiled(*conditions: dict[str, Any], place: str = "7") -> CompiledFilter:
    """Return the compiled filter of conditions that must all hold."""
    return parse(FlowFilter, groups(*conditions)).compile(place)


def profile_metric(timeframe: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a condition that counts orders and wants none."""
    return {
        "type": "profile-metric",
        "metric_id": "ORDERS",
        "measurement": "count",
        "measurement_filter": ZERO,
        "timeframe_filter": {"type": "date", **timeframe},
        "metric_filters": None,
        **changes,
    }


def member(**changes: Any) -> dict[str, Any]:
    """Return a condition that wants a member of A or B."""
    return {"type": "profile-group-membership", "is_member": True, "group_ids": ["A", "B"], **changes}


@pytest.mark.parametrize(("count", "expected"), [(0, True), (1, False)])
def test_zero_times_since_starting_this_flow(count: int, expected: bool) -> None:
    """The count runs from the run's entry on, and the journal sees it."""
    need = EventTotal("ORDERS", ENTERED, None)
    asked = compiled(profile_metric({"operator": "flow-start"}))
    facts = KnownFacts(moment=moment(ENTERED), totals={need: Total(count, Decimal("9.50"))})
    assert frozenset([need]) == asked.needs(facts.moment)
    assert Verdict(expected, {"profile-metric:ORDERS": {"saw": count, "held": expected}}) == asked.holds(facts)


def test_the_event_that_started_the_run_does_not_count_since_its_start() -> None:
    """A flow that an order starts may ask for zero orders since; at any other time the order counts."""
    begun = replace(moment(ENTERED), event_number=42)
    since_start, ever = (compiled(profile_metric({"operator": one})) for one in ("flow-start", "alltime"))
    assert frozenset([EventTotal("ORDERS", ENTERED, None, (), 42)]) == since_start.needs(begun)
    assert frozenset([EventTotal("ORDERS")]) == ever.needs(begun)


@pytest.mark.parametrize(
    ("timeframe", "since", "until"),
    [
        ({"operator": "alltime"}, None, None),
        ({"operator": "in-the-last", "quantity": 3, "unit": "day"}, at("2023-06-14"), NOW + timedelta(seconds=1)),
        (
            {"operator": "in-the-last", "quantity": 4, "unit": "hour"},
            NOW - timedelta(hours=4),
            NOW + timedelta(seconds=1),
        ),
        ({"operator": "at-least", "quantity": 3, "unit": "day"}, None, at("2023-06-14")),
        ({"operator": "between", "start": 3, "end": 5, "unit": "day"}, at("2023-06-12"), at("2023-06-15")),
        ({"operator": "in-the-next", "quantity": 3, "unit": "day"}, at("2023-06-17"), at("2023-06-21")),
        ({"operator": "before", "date": "2023-06-10T00:00:00+00:00"}, None, at("2023-06-10")),
        ({"operator": "after", "date": "2023-06-10"}, at("2023-06-11"), None),
        (
            {"operator": "between-static", "start": "2023-06-10", "end": "2023-06-15"},
            at("2023-06-10"),
            at("2023-06-16"),
        ),
    ],
)
def test_timeframes_become_spans(timeframe: dict[str, Any], since: datetime | None, until: datetime | None) -> None:
    """The spans are those of the reference's table, the end open."""
    needs = compiled(profile_metric(timeframe)).needs(moment(ENTERED))
    assert frozenset([EventTotal("ORDERS", since, until)]) == needs


def test_an_anniversary_timeframe_counts_the_same_days_of_every_year() -> None:
    """One disjoint span for each year since events exist; their totals are added."""
    asked = compiled(
        profile_metric(
            {"operator": "anniversary-last", "quantity": 1, "unit": "day"}, measurement_filter={**ZERO, "value": 2}
        )
    )
    needs = asked.needs(moment())
    assert EventTotal("ORDERS", at("1990-06-16"), at("1990-06-17T10:30:01")) in needs
    assert {need.since.year for need in needs if isinstance(need, EventTotal) and need.since} == set(range(1990, 2025))
    totals = {need: Total(1 if need.since and need.since.year in (2001, 2022) else 0) for need in needs}
    assert asked.holds(KnownFacts(totals=totals)).holds


def test_a_sum_is_compared_as_money() -> None:
    """The sum of event values is exact and stands in the journal as text."""
    asked = compiled(
        profile_metric(
            {"operator": "alltime"},
            measurement="sum",
            measurement_filter={"type": "numeric", "operator": "greater-than-or-equal", "value": 30.1},
        )
    )
    need = EventTotal("ORDERS")
    assert Verdict(True, {"profile-metric:ORDERS": {"saw": "30.10", "held": True}}) == asked.holds(
        KnownFacts(totals={need: Total(3, Decimal("30.10"))})
    )
    assert not asked.holds(KnownFacts(totals={need: Total(3, Decimal("30.09"))})).holds


def test_metric_filters_travel_with_the_need() -> None:
    """Filters on event properties are part of what is counted; without a filter any value will do."""
    red = {"type": "string", "operator": "equals", "value": "red"}
    asked = compiled(
        profile_metric(
            {"operator": "alltime"}, metric_filters=[{"property": "color", "filter": red}, {"property": "size"}]
        )
    )
    filters = (PropertyFilter("color", StringFilter("equals", "red")), PropertyFilter("size", None))
    assert frozenset([EventTotal("ORDERS", None, None, filters)]) == asked.needs(moment())


@pytest.mark.parametrize(
    ("joined", "is_member", "expected"),
    [({}, True, False), ({"B": NOW}, True, True), ({}, False, True), ({"A": NOW}, False, False)],
)
def test_membership_of_any_group(joined: dict[str, datetime], is_member: bool, expected: bool) -> None:
    """`is_member` true holds for a member of any group, false for a member of none."""
    asked = compiled(member(is_member=is_member))
    assert frozenset([Membership(("A", "B"))]) == asked.needs(moment())
    verdict = asked.holds(KnownFacts(joined=joined))
    seen = {"profile-group-membership:A,B": {"saw": list(joined), "held": expected}}
    assert Verdict(expected, seen) == verdict


@pytest.mark.parametrize(("joined_at", "expected"), [("2023-06-14", True), ("2023-06-13", False)])
def test_membership_within_a_timeframe(joined_at: str, expected: bool) -> None:
    """A timeframe narrows membership to those who joined within it."""
    timeframe = {"type": "date", "operator": "in-the-last", "quantity": 3, "unit": "day"}
    asked = compiled(member(timeframe_filter=timeframe))
    assert expected == asked.holds(KnownFacts(joined={"A": at(joined_at)})).holds


def test_a_timeframe_needs_membership() -> None:
    """Nobody joined what he is no member of."""
    timeframe = {"type": "date", "operator": "in-the-last", "quantity": 3, "unit": "day"}
    with pytest.raises(Problems) as refused:
        compiled(member(is_member=False, timeframe_filter=timeframe))
    assert [problem.pointer for problem in refused.value.problems] == ["/condition_groups/0/conditions/0"]


def test_a_sample_is_drawn_once_per_run_and_place() -> None:
    """The same run is drawn alike twice; over many runs the share comes out; another action draws anew."""
    runs = [KnownFacts(moment=moment(sample_key=f"run-{number}")) for number in range(4000)]
    here = [compiled({"type": "profile-sample", "percentage": 30}).holds(facts).holds for facts in runs]
    again = [compiled({"type": "profile-sample", "percentage": 30}).holds(facts).holds for facts in runs]
    there = [compiled({"type": "profile-sample", "percentage": 30}, place="8").holds(facts).holds for facts in runs]
    assert here == again
    assert here != there
    assert 1100 < sum(here) < 1300


@pytest.mark.parametrize(("percentage", "expected"), [(0, 0), (100, 200)])
def test_a_sample_of_nobody_and_of_everybody(percentage: int, expected: int) -> None:
    """The ends of the scale are exact."""
    asked = compiled({"type": "profile-sample", "percentage": percentage})
    runs = [KnownFacts(moment=moment(sample_key=f"run-{number}")) for number in range(200)]
    assert expected == sum(asked.holds(facts).holds for facts in runs)


PERSON = Profile(
    "01ABC",
    email="ann@example.com",
    first_name="Ann",
    timezone="Europe/Paris",
    location={"city": "Lyon"},
    properties={"first_name": "custom", "Favorite Color": "red", "city": "Rome", "plan": "gold"},
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "ann@example.com"),
        ("first_name", "Ann"),
        ("properties['first_name']", "custom"),
        ("properties['Favorite Color']", "red"),
        ('properties["Favorite Color"]', "red"),
        ("location['city']", "Lyon"),
        ("location.city", "Lyon"),
        ("city", "Lyon"),
        ("timezone", "Europe/Paris"),
        ("plan", "gold"),
    ],
)
def test_profile_properties_are_found_by_every_spelling(name: str, value: str) -> None:
    """Well-known names read the profile, quoted ones its custom properties."""
    asked = compiled(
        {
            "type": "profile-property",
            "property": name,
            "filter": {"type": "string", "operator": "equals", "value": value},
        }
    )
    seen = {f"profile-property:{name}": {"saw": value, "held": True}}
    assert Verdict(True, seen) == asked.holds(KnownFacts(profile=PERSON))


def test_a_trigger_condition_reads_the_event() -> None:
    """It holds for events of its own metric only; `$value` is the event's value."""
    big = {"type": "numeric", "operator": "greater-than", "value": 50}
    asked = parse(
        TriggerFilter, groups({"type": "metric-property", "metric_id": "CART", "field": "$value", "filter": big})
    ).compile("trigger")
    cart = Event(1, "01ABC", "CART", NOW, {"size": "L"}, value=Decimal("50.01"))
    assert asked.holds(KnownFacts(event=cart)).holds
    assert not asked.holds(KnownFacts(event=Event(1, "01ABC", "OTHER", NOW, {}, value=Decimal(99)))).holds
    assert not asked.holds(KnownFacts(event=None)).holds


def test_groups_are_joined_by_and_their_conditions_by_or() -> None:
    """(A or sample of nobody) and everybody."""
    nobody, everybody = ({"type": "profile-sample", "percentage": number} for number in (0, 100))
    either = {"conditions": [nobody, member(group_ids=["A"])]}
    asked = parse(ProfileFilter, {"condition_groups": [either, {"conditions": [everybody]}]}).compile("7")
    assert asked.holds(KnownFacts(joined={"A": NOW})).holds
    assert not asked.holds(KnownFacts()).holds
    assert not parse(ProfileFilter, groups(everybody, nobody)).compile("7").holds(KnownFacts()).holds


@pytest.mark.parametrize("document", [{"condition_groups": []}, {"condition_groups": [{"conditions": []}]}])
def test_an_empty_filter_holds_for_everybody(document: dict[str, Any]) -> None:
    """Where nothing is asked, nothing fails."""
    assert parse(ProfileFilter, document).compile("7") == EVERYBODY
    assert Verdict(True, {}) == EVERYBODY.holds(KnownFacts())


def test_conditions_ask_the_same_of_a_whole_population() -> None:
    """`where` builds the same question from a `FactQuery`."""
    asked = compiled(
        profile_metric({"operator": "alltime"}),
        member(is_member=False),
        {"type": "profile-sample", "percentage": 5},
        {
            "type": "profile-property",
            "property": "email",
            "filter": {"type": "string", "operator": "equals", "value": "x"},
        },
    )
    expected = (
        "all[any[total(count of ORDERS over 1 spans equals)]; any[not member(A,B, any time)]; "
        "any[sample(5, 7, run-1)]; any[property(email, equals)]]"
    )
    assert expected == asked.where(WrittenQuery(), moment())


def test_a_wrong_operator_is_answered_with_those_of_its_type() -> None:
    """Other types' operators are not listed; an unknown type is answered with every type. What was given is JSON."""

    def told(**filter: Any) -> str:
        condition = {"type": "profile-property", "property": "email", "filter": filter}
        with pytest.raises(Problems) as refused:
            parse(ProfileFilter, groups(condition))
        return refused.value.problems[0].detail

    wrong = told(type="boolean", operator="dance", value=True)
    assert wrong.endswith("operator of the type 'boolean' must be one of: equals.")
    assert wrong.startswith('{"type": "boolean", "operator": "dance"} is not known')
    unknown = told(type="dance", operator="equals")
    assert "string equals" in unknown
    assert "numeric greater-than" in unknown


def test_every_mistake_is_reported_with_its_pointer() -> None:
    """Several mistakes in one filter give several problems."""
    broken = profile_metric({"operator": "sometimes"}, measurement="average", extra=1)
    with pytest.raises(Problems) as refused:
        parse(
            FlowFilter, groups(broken, {"type": "profile-mood"}, {"type": "profile-sample", "percentage": 101}), "/base"
        )
    at_0 = "/base/condition_groups/0/conditions/0"
    expected = {
        f"{at_0}/timeframe_filter",
        f"{at_0}/measurement",
        f"{at_0}/extra",
        "/base/condition_groups/1/conditions/0",
        "/base/condition_groups/2/conditions/0/percentage",
    }
    assert expected == {problem.pointer for problem in refused.value.problems}


@pytest.mark.parametrize(("model", "allowed"), [(FlowFilter, True), (ProfileFilter, False), (TriggerFilter, False)])
def test_a_condition_on_flows_entered_stands_in_the_flow_filter_only(model: Any, allowed: bool) -> None:
    """`profile-not-in-flow` is read there and refused elsewhere."""
    document = groups({"type": "profile-not-in-flow", "timeframe_filter": {"type": "date", "operator": "alltime"}})
    if allowed:
        assert [condition.type for _, condition in parse(model, document).walk()] == ["profile-not-in-flow"]
    else:
        with pytest.raises(Problems):
            parse(model, document)
