"""`metric-property`: a top-level property of the run's triggering event satisfies a filter. Source: reference 1.3, 3.1.

It holds for events of the named metric only. `$value` is the event's value, `$event_id`, like any name, a property.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Verdict
from headrace.conditions.facts import Clause, FactQuery, Facts, Moment, Need
from headrace.conditions.filters import EventPropertyFilter, ValueFilter
from headrace.conditions.profile_property import plain
from headrace.model import Event


class MetricProperty(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["metric-property"]
    metric_id: str
    field: str
    filter: EventPropertyFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        label = f"metric-property:{self.field}"
        return CompiledMetricProperty(label, self.metric_id, self.field, self.filter.compile())


@dataclass(frozen=True, slots=True)
class CompiledMetricProperty:
    """The compiled condition."""

    label: str
    metric_id: str
    name: str
    value_filter: ValueFilter

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the triggering event is always at hand."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Test the event's value; without an event of the metric the condition does not hold."""
        event = facts.event
        if event is None or event.metric_id != self.metric_id:
            return Verdict(False)
        value = value_of(event, self.name)
        return Verdict(self.value_filter.matches(value, facts.moment.now), plain(value))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return a clause that selects nobody: outside a run there is no triggering event."""
        return query.any(())


def value_of(event: Event, name: str) -> Any:
    """Return a top-level property of an event, None where it has none."""
    if name == "$value" and event.value is not None:
        return event.value
    return event.properties.get(name)
