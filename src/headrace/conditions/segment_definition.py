"""The definition of a segment: condition groups of exactly the conditions that the description allows in segments.

What is not here: whether the metrics and groups that it names exist, who is in the segment.
Source: reference 3, 3.4 and the SegmentDefinition of the 2026-07-15 description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from headrace.conditions import SEGMENT_CONDITIONS
from headrace.conditions.condition import ConditionModel
from headrace.conditions.groups import CompiledFilter, FilterGroups
from headrace.conditions.parsing import OneOf, parse
from headrace.conditions.profile_group_membership import ProfileGroupMembership
from headrace.conditions.profile_metric import ProfileMetric
from headrace.conditions.profile_metric_funnel import ProfileMetricFunnel
from headrace.errors import Invalid, Problem, Problems

MOST_CONDITIONS = 100
"""Source: reference 3.4."""


class SegmentDefinition(FilterGroups[Annotated[ConditionModel, OneOf(SEGMENT_CONDITIONS)]]):
    """A definition that was read."""


@dataclass(frozen=True, slots=True)
class References:
    """The ids that a definition names, each with the JSON pointers of where it does so, in their order."""

    metric_ids: Mapping[str, tuple[str, ...]]
    group_ids: Mapping[str, tuple[str, ...]]


def read_segment(document: Any, base: str = "") -> SegmentDefinition:
    """Return a definition; raises `Problems` with every mistake, pointers below `base`."""
    problems = list(_too_many(document, base))
    try:
        definition = parse(SegmentDefinition, document, base)
    except Problems as error:
        raise Problems([*problems, *error.problems]) from None
    if problems:
        raise Problems(problems)
    return definition


def compile_segment(definition: SegmentDefinition, place: str) -> CompiledFilter:
    """Return the compiled definition; `place` is the segment's id."""
    return definition.compile(place)


def references(definition: SegmentDefinition, base: str = "") -> References:
    """Return the metrics and the groups that a definition names, pointers below `base`."""
    metrics: dict[str, tuple[str, ...]] = {}
    groups: dict[str, tuple[str, ...]] = {}
    for place, condition in definition.walk():
        for kind, one, inside in _named(condition):
            ids = metrics if kind == "metric" else groups
            ids[one] = (*ids.get(one, ()), f"{base}{place}/{inside}")
    return References(metrics, groups)


def obstacles(definition: SegmentDefinition, base: str = "") -> list[Problem]:
    """Return why conditions of a definition cannot run here, one problem for each, pointers below `base`."""
    return [
        Invalid(f"The condition '{condition.type}' cannot run here: {condition.obstacle}.", pointer=f"{base}{place}")
        for place, condition in definition.walk()
        if condition.obstacle
    ]


def _too_many(document: Any, base: str) -> list[Problem]:
    groups = document.get("condition_groups") if isinstance(document, Mapping) else None
    held = [one.get("conditions") for one in groups if isinstance(one, Mapping)] if isinstance(groups, list) else []
    count = sum(len(one) for one in held if isinstance(one, list))
    if count <= MOST_CONDITIONS:
        return []
    detail = f"A segment has up to {MOST_CONDITIONS} conditions in all its groups, not {count}."
    return [Invalid(detail, pointer=f"{base}/condition_groups")]


def _named(condition: ConditionModel) -> list[tuple[str, str, str]]:
    """Return the kind, id and place of everything that a condition names."""
    match condition:
        case ProfileMetric():
            return [("metric", condition.metric_id, "metric_id")]
        case ProfileMetricFunnel():
            steps = enumerate(condition.steps)
            return [("metric", step.metric_id, f"steps/{number}/metric_id") for number, step in steps]
        case ProfileGroupMembership():
            return [("group", one, f"group_ids/{number}") for number, one in enumerate(condition.group_ids)]
        case _:
            return []
