"""`profile-metric`: how often, or for what sum, something happened to the profile. Source: reference 3.1.

The filters on event properties are joined by AND. "Zero times" is a count that equals 0. Our choice: the event that
started a run does not count since the start of the flow, so that "zero times" lets people in (reference 1.3) where the
flow begins with the same metric, whatever the times of the event and of the entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from headrace.conditions.condition import Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.event_changes import EventChanges, enough
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import EventTotal, Facts, Moment, Need, PropertyFilter
from headrace.conditions.filters import (
    MetricPropertyFilter,
    NumericModel,
    SegmentTimeframeFilter,
    Timeframe,
    TimeframeFilter,
)
from headrace.conditions.filters.date import FlowStart
from headrace.conditions.filters.numeric import NumericFilter
from headrace.conditions.parsing import Model
from headrace.conditions.topics import of_metric


class MetricFilter(Model):
    """A filter on one property of the counted events; without `filter` any value of the property will do."""

    property: str
    filter: MetricPropertyFilter | None = None

    def compile(self) -> PropertyFilter:
        """Return the compiled filter."""
        return PropertyFilter(self.property, self.filter.compile() if self.filter else None)


class ProfileMetric(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-metric"]
    metric_id: str
    measurement: Literal["count", "sum"]
    measurement_filter: NumericModel
    timeframe_filter: TimeframeFilter
    metric_filters: list[MetricFilter] | None = None

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledProfileMetric(
            label=f"profile-metric:{self.metric_id}",
            metric_id=self.metric_id,
            measurement=self.measurement,
            value_filter=self.measurement_filter.compile(),
            timeframe=self.timeframe_filter.compile(),
            filters=tuple(item.compile() for item in self.metric_filters or ()),
        )


class SegmentMetric(ProfileMetric):
    """The condition as the definition of a segment writes it: no flow starts there."""

    timeframe_filter: SegmentTimeframeFilter


@dataclass(frozen=True, slots=True)
class CompiledProfileMetric(Timeless):
    """The compiled condition."""

    label: str
    metric_id: str
    measurement: str
    value_filter: NumericFilter
    timeframe: Timeframe
    filters: tuple[PropertyFilter, ...]
    changes: EventChanges = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        least = enough(self.measurement, self.value_filter)
        object.__setattr__(self, "changes", EventChanges(self.metric_id, self.filters, self.timeframe, least))

    def totals(self, moment: Moment) -> list[EventTotal]:
        """Return one total per span that the timeframe selects; the spans are disjoint."""
        return moment.once(self, lambda: self._totals(moment))

    def _totals(self, moment: Moment) -> list[EventTotal]:
        spans = self.timeframe.spans(moment.now, moment.entered_at)
        own = moment.event_number if isinstance(self.timeframe, FlowStart) else None
        return [EventTotal(self.metric_id, since, until, self.filters, own) for since, until in spans]

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the totals."""
        return frozenset(self.totals(moment))

    def holds(self, facts: Facts) -> Verdict:
        """Compare the count, or the sum of values, of all spans together."""
        totals = [facts.total(need) for need in self.totals(facts.moment)]
        if self.measurement == "count":
            count = sum(total.count for total in totals)
            return Verdict(self.value_filter.matches(count, facts.moment.now), count)
        amount = sum((total.sum for total in totals), Decimal(0))
        return Verdict(self.value_filter.matches(amount, facts.moment.now), str(amount))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.total(self.totals(moment), self.measurement, self.value_filter, moment.now)

    def topics(self) -> frozenset[str]:
        """Return the metric's events."""
        return frozenset((of_metric(self.metric_id),))

    def needs_of_time(self, moment: Moment) -> frozenset[Need]:
        """Return the events that come into the time, or leave it, next."""
        return self.changes.needs(moment)

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when an event comes into the time or leaves it."""
        return self.changes.next_change(facts)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        return self.changes.next_change_where(query, moment)
