"""Custom metrics: events of several metrics, some of them filtered, that are counted or summed up together.

What is here: the definition as a document writes it, and compiled to what measures one event. What is not: whether its
metrics exist, and where it is kept (`storage.custom_metrics`). Source: the CustomMetricDefinition of the 2026-07-15
description: what the groups measure is added together; a group without a property of its own sums `$value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, StringConstraints

from headrace.conditions.event_property import passes, property_of
from headrace.conditions.facts import PropertyFilter
from headrace.conditions.filters import CustomMetricFilter
from headrace.conditions.filters.numeric import as_number
from headrace.conditions.parsing import Model, parse

VALUE = "$value"
MOST_GROUPS = 50
MOST_FILTERS = 50
"""Our choice: as many groups, and filters of a group, as an account may have custom metrics."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class MetricCondition(Model):
    """A filter on one property of a group's events."""

    property: Name
    filter: CustomMetricFilter

    def compile(self) -> PropertyFilter:
        """Return the compiled filter."""
        return PropertyFilter(self.property, self.filter.compile())


class MetricGroup(Model):
    """The events of one metric that pass every filter; `value_property` is summed where values are."""

    metric_id: Name
    metric_filters: Annotated[list[MetricCondition], Field(max_length=MOST_FILTERS)] | None = None
    value_property: Name | None = None


class CustomMetricDefinition(Model):
    """A definition that was read."""

    aggregation_method: Literal["count", "value"]
    metric_groups: Annotated[list[MetricGroup], Field(min_length=1, max_length=MOST_GROUPS)]

    @property
    def metric_ids(self) -> tuple[str, ...]:
        """Return the metrics that it is made of, each once, in its order."""
        return tuple(dict.fromkeys(one.metric_id for one in self.metric_groups))


class Measure(NamedTuple):
    """What an event counts for in a custom metric: how many times, and what sum."""

    times: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Group:
    """A compiled group."""

    metric_id: str
    filters: tuple[PropertyFilter, ...]
    value_property: str


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A compiled definition. `sums` tells one that is about values from one that only counts."""

    sums: bool
    groups: tuple[Group, ...]

    @property
    def metric_ids(self) -> tuple[str, ...]:
        """Return the metrics that it is made of, each once."""
        return tuple(dict.fromkeys(one.metric_id for one in self.groups))

    def measure(self, metric_id: str, properties: Mapping[str, Any], value: Decimal | None, now: datetime) -> Measure:
        """Return what an event of a metric counts for; groups are added together, so it may count more than once.

        Without a number in the property that is summed it counts and adds nothing to the sum.
        """
        found = [one for one in self.groups if one.metric_id == metric_id]
        passed = [one for one in found if passes(properties, value, one.filters, now)]
        if not self.sums:
            return Measure(len(passed), Decimal(0))
        amounts = (as_number(property_of(properties, value, one.value_property)) for one in passed)
        return Measure(len(passed), sum((Decimal(one) for one in amounts if one is not None), Decimal(0)))


def read_custom_metric(document: Any, base: str = "") -> CustomMetricDefinition:
    """Return a definition; raises `Problems` with every mistake, pointers below `base`."""
    return parse(CustomMetricDefinition, document, base)


def compile_custom_metric(definition: CustomMetricDefinition) -> CustomMetric:
    """Return the compiled definition."""
    groups = tuple(
        Group(
            one.metric_id,
            tuple(each.compile() for each in one.metric_filters or ()),
            one.value_property or VALUE,
        )
        for one in definition.metric_groups
    )
    return CustomMetric(definition.aggregation_method == "value", groups)
