"""Definitions of segments: what may stand in them, what they name, what they hang on and when they change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from known_facts import NOW, KnownFacts, WrittenQuery, at, moment

from headrace.conditions import CompiledFilter
from headrace.conditions.facts import EventEdge, EventTotal, Membership, Total
from headrace.conditions.segment_definition import compile_segment, obstacles, read_segment, references
from headrace.errors import Problem, Problems
from headrace.model import Profile

Document = dict[str, Any]
NO_MOMENT = moment(sample_key="")
LAST_3_DAYS = {"type": "date", "operator": "in-the-last", "quantity": 3, "unit": "day"}
ANY_TIME = {"type": "date", "operator": "alltime"}
GOLD = {
    "type": "profile-property",
    "property": "properties['plan']",
    "filter": {"type": "string", "operator": "equals", "value": "gold"},
}
NEW = {"type": "profile-property", "property": "created", "filter": LAST_3_DAYS}
MEMBER = {"type": "profile-group-membership", "is_member": True, "group_ids": ["LIST01", "LIST02"]}


def did(metric_id: str = "METR01", operator: str = "greater-than", value: float = 0, **rest: Any) -> Document:
    """Return a condition on events of the last three days."""
    return {
        "type": "profile-metric",
        "metric_id": metric_id,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": operator, "value": value},
        "timeframe_filter": LAST_3_DAYS,
        **rest,
    }


def funnel(*steps: tuple[bool, str]) -> Document:
    """Return a condition on steps."""
    named = [{"metric_exists": taken, "metric_id": metric_id} for taken, metric_id in steps]
    return {"type": "profile-metric-funnel", "timeframe_filter": LAST_3_DAYS, "steps": named}


def groups(*some: list[Document]) -> Document:
    """Return a definition."""
    return {"condition_groups": [{"conditions": conditions} for conditions in some]}


def compiled(*some: list[Document]) -> CompiledFilter:
    """Return a compiled definition."""
    return compile_segment(read_segment(groups(*some)), "SEGM01")


def mistakes(document: Any) -> list[tuple[str | None, str]]:
    """Return the pointers and the texts of a definition's mistakes."""
    with pytest.raises(Problems) as raised:
        read_segment(document, "/data/attributes/definition")
    return [(problem.pointer, problem.detail) for problem in raised.value.problems if isinstance(problem, Problem)]


def test_every_mistake_is_told_with_its_place() -> None:
    """A definition with three mistakes has three problems, each below the pointer of the definition."""
    found = mistakes(groups([{**GOLD, "property": 5}], [did(measurement="average"), {"type": "profile-sample"}]))
    expected = [
        "/data/attributes/definition/condition_groups/0/conditions/0/property",
        "/data/attributes/definition/condition_groups/1/conditions/0/measurement",
        "/data/attributes/definition/condition_groups/1/conditions/1",
    ]
    assert expected == [pointer for pointer, _ in found]


@pytest.mark.parametrize("document", [None, [], "text", {}, {"condition_groups": None}, {"condition_groups": [1]}])
def test_what_is_no_definition_is_refused(document: Any) -> None:
    """Whatever comes, a problem says what is wrong."""
    assert mistakes(document)


def test_a_segment_has_up_to_a_hundred_conditions() -> None:
    """The conditions of all groups count together."""
    read_segment(groups([GOLD] * 60, [GOLD] * 40))
    (found,) = mistakes(groups([GOLD] * 60, [GOLD] * 41))
    told = "A segment has up to 100 conditions in all its groups, not 101."
    assert ("/data/attributes/definition/condition_groups", told) == found


@pytest.mark.parametrize(
    "condition",
    [
        did(timeframe_filter={"type": "date", "operator": "flow-start"}),
        {"type": "profile-sample", "percentage": 5},
        {"type": "profile-not-sent-email", "timeframe_filter": ANY_TIME},
        {"type": "profile-not-in-flow", "timeframe_filter": ANY_TIME},
        funnel(*[(True, "METR01")] * 6),
    ],
)
def test_what_only_flows_ask_is_refused(condition: Document) -> None:
    """No flow starts in a segment, and a funnel has five steps."""
    assert 1 == len(mistakes(groups([condition])))


def test_a_definition_tells_what_it_names() -> None:
    """Metrics and groups are named with every place."""
    definition = read_segment(groups([did(), MEMBER], [funnel((True, "METR02"), (False, "METR01")), GOLD]))
    found = references(definition, "/definition")
    metrics = {
        "METR01": (
            "/definition/condition_groups/0/conditions/0/metric_id",
            "/definition/condition_groups/1/conditions/0/steps/1/metric_id",
        ),
        "METR02": ("/definition/condition_groups/1/conditions/0/steps/0/metric_id",),
    }
    members = "/definition/condition_groups/0/conditions/1/group_ids"
    assert (metrics, {"LIST01": (f"{members}/0",), "LIST02": (f"{members}/1",)}) == (found.metric_ids, found.group_ids)


def test_what_cannot_run_here_is_told() -> None:
    """A distance within a country of which nobody gives away postal codes is an obstacle, not a mistake."""
    distance = {
        "type": "profile-postal-code-distance",
        "country_code": "GB",
        "postal_code": "EC1A",
        "unit": "miles",
        "filter": {"type": "numeric", "operator": "less-than", "value": 5},
    }
    (found,) = obstacles(read_segment(groups([GOLD, distance])), "/definition")
    assert "/definition/condition_groups/0/conditions/1" == found.pointer
    assert [] == obstacles(read_segment(groups([GOLD])))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (GOLD, {"property:properties.plan"}),
        (NEW, {"property:created_at"}),
        ({**NEW, "property": "updated"}, {"property:updated_at"}),
        ({**NEW, "property": "last_event_date"}, {"property:last_event_at"}),
        ({**NEW, "property": "location['city']"}, {"property:location.city"}),
        ({**NEW, "property": "timezone"}, {"property:timezone"}),
        (MEMBER, {"group:LIST01", "group:LIST02"}),
        (did(), {"metric:METR01"}),
        (funnel((True, "METR02"), (False, "METR01")), {"metric:METR01", "metric:METR02"}),
        ({"type": "profile-region", "in_region": True, "region": "united_states"}, {"property:location.country"}),
        (
            {
                "type": "profile-predictive-analytics",
                "dimension": "total_clv",
                "filter": {"type": "numeric", "operator": "equals", "value": 1},
            },
            {"predictive"},
        ),
        (
            {
                "type": "profile-marketing-consent",
                "consent": {
                    "channel": "email",
                    "can_receive_marketing": True,
                    "consent_status": {"subscription": "any"},
                },
            },
            {"consent:1:0", "suppressions"},
        ),
        (
            {
                "type": "profile-marketing-consent",
                "consent": {
                    "channel": "push",
                    "can_receive_marketing": True,
                    "consent_status": {"subscription": "any"},
                },
            },
            {"push"},
        ),
        (
            {
                "type": "profile-permissions",
                "channel": "whatsapp_transactional",
                "permission": {"reachable_status": "implicitly_unreachable"},
            },
            {"consent:4:1"},
        ),
        (
            {
                "type": "profile-has-custom-object",
                "object_type_id": "T1",
                "object_type_relationship_id": "R1",
                "filter": {"type": "numeric", "operator": "equals", "value": 1},
                "filters": [],
            },
            {"objects:T1"},
        ),
    ],
)
def test_a_condition_tells_what_it_hangs_on(condition: Document, expected: set[str]) -> None:
    """The topics are spelled as those spell them who write."""
    assert expected == compiled([condition]).topics()


def test_a_row_decides_what_it_can() -> None:
    """A property against it rules a person out before any event is counted; for it, the events must be known."""
    asked = compiled([GOLD], [did()])
    gold, silver = Profile("P1", properties={"plan": "gold"}), Profile("P2", properties={"plan": "silver"})
    assert (None, False) == (asked.decided(gold, NO_MOMENT), asked.decided(silver, NO_MOMENT))
    assert (True, None) == tuple(compiled([did(), GOLD]).decided(one, NO_MOMENT) for one in (gold, silver))


def test_somebody_ruled_out_by_the_row_needs_no_other_facts() -> None:
    """Until a property of theirs changes, or a date of theirs, no event lets them in."""
    asked = compiled([GOLD], [NEW], [did()])
    row = Profile("P1", properties={"plan": "silver"}, created_at=NOW)
    assert None is asked.next_change(KnownFacts(row, moment=NO_MOMENT))
    gold = Profile("P1", properties={"plan": "gold"}, created_at=NOW + timedelta(hours=5))
    assert NOW + timedelta(hours=5) == asked.next_change(KnownFacts(gold, moment=NO_MOMENT))


def test_a_count_changes_when_the_last_event_that_is_enough_leaves() -> None:
    """Of three events in three days with two needed, it is the second from the end that matters."""
    asked = compiled([did(operator="greater-than-or-equal", value=2)])
    since, until = at("2023-06-14T00:00"), at("2023-06-17T10:30:01")
    held = EventEdge("METR01", since, until, nth=2, latest=True)
    coming = next(one for one in asked.needs_of_time(NO_MOMENT) if one != held)
    facts = KnownFacts(
        moment=NO_MOMENT,
        totals={EventTotal("METR01", since, until): Total(3)},
        answers={held: at("2023-06-16T05:00"), coming: None},
    )
    assert {held, coming} == asked.needs_of_time(NO_MOMENT)
    assert at("2023-06-20T00:00") == asked.next_change(facts)


def test_time_is_asked_about_those_only_whom_nothing_lasting_keeps_out() -> None:
    """In the reading of everybody, a group without dates must hold before a date matters."""
    asked = compiled([GOLD], [did(value=1)], [MEMBER])
    found = asked.next_change_where(WrittenQuery(), NO_MOMENT)
    passing = "first[passing(METR01 2 from the end, day +4 days, 0:00:00); passing(METR01 1 from the start, second +0"
    assert found is not None
    assert passing in found
    lasting = "property(properties['plan'], equals)]; any[member(LIST01,LIST02, any time)]]"
    assert found.endswith(f" if all[any[{lasting}")
    assert None is compiled([GOLD], [MEMBER]).next_change_where(WrittenQuery(), NO_MOMENT)


def test_a_membership_without_a_time_never_changes_by_itself() -> None:
    """Nothing but a join or a leave changes it, so nothing more must be known."""
    asked = compiled([MEMBER])
    facts = KnownFacts(joined={"LIST01": NOW}, moment=NO_MOMENT)
    assert frozenset((Membership(("LIST01", "LIST02")),)) == asked.needs(NO_MOMENT)
    assert (frozenset(), None) == (asked.needs_of_time(NO_MOMENT), asked.next_change(facts))
