"""What the conditions on a property of the run's triggering event share.

A condition may name the metric it is about and then holds for events of that metric only. `$value` is the event's
value; `$event_id`, like any name, a property. Outside a run nothing was triggered, so none holds. Source: reference
1.3, 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from headrace.conditions.condition import NO_NEEDS, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need, PropertyFilter
from headrace.conditions.filters import ValueFilter
from headrace.conditions.profile_property import plain
from headrace.model import Event


@dataclass(frozen=True, slots=True)
class CompiledEventProperty(Timeless):
    """The compiled condition; `metric_id` None stands for any event, `within` for an object that holds the property.

    With `stored_only` a missing value satisfies no filter.
    """

    label: str
    metric_id: str | None
    name: str
    value_filter: ValueFilter
    within: str | None = None
    stored_only: bool = False

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the triggering event is always at hand."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Test the event's value; without an event of the metric the condition does not hold."""
        event = facts.event
        if event is None or self.metric_id not in (None, event.metric_id):
            return Verdict(False)
        value = value_of(event, self.name) if self.within is None else _inner(event, self.within, self.name)
        if value is None and self.stored_only:
            return Verdict(False)
        return Verdict(self.value_filter.matches(value, facts.moment.now), plain(value))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return a clause that selects nobody: outside a run there is no triggering event."""
        return query.any(())


def value_of(event: Event, name: str) -> Any:
    """Return a top-level property of an event, None where it has none."""
    return property_of(event.properties, event.value, name)


def property_of(properties: Mapping[str, Any], value: Decimal | None, name: str) -> Any:
    """Return a top-level property of an event that has these properties and this value, None where it has none."""
    return value if name == "$value" and value is not None else properties.get(name)


def passes(
    properties: Mapping[str, Any], value: Decimal | None, filters: Iterable[PropertyFilter], now: datetime
) -> bool:
    """Tell whether an event that has these properties and this value passes every filter."""
    for one in filters:
        found = property_of(properties, value, one.property)
        if not (found is not None if one.filter is None else one.filter.matches(found, now)):
            return False
    return True


def _inner(event: Event, holder: str, name: str) -> Any:
    found = event.properties.get(holder)
    return found.get(name) if isinstance(found, Mapping) else None
