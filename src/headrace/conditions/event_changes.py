"""When time alone changes what a condition on events answers: which events to look for, in both readings.

An answer can change only when an event comes into the timeframe or leaves it. A count that is compared with one bound
changes only when the event leaves that keeps it there, or another one comes. Source: reference 3.1, 3.4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import EventEdge, EventMoments, Facts, Moment, Need, PropertyFilter
from headrace.conditions.filters import Timeframe
from headrace.conditions.filters.date import FlowStart
from headrace.conditions.filters.numeric import NumericFilter
from headrace.conditions.flips import NEVER, Edge, Flips, earliest

BOUNDS: Mapping[str, bool] = {
    "greater-than": True,
    "greater-than-or-equal": False,
    "less-than": False,
    "less-than-or-equal": True,
}
"""Operators with one bound, and whether the least count on its upper side is greater than it."""
MOST_EVENTS = 2**31 - 1
"""Nobody has more."""
Passing = tuple[EventEdge, Edge]


@dataclass(frozen=True, slots=True)
class EventChanges:
    """Events of a metric that pass the filters, in a timeframe.

    `enough` is the least count on the upper side of the only bound that the count is compared with, None where any
    event may matter.
    """

    metric_id: str
    filters: tuple[PropertyFilter, ...]
    timeframe: Timeframe
    enough: int | None = None
    flips: Flips = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flips", self.timeframe.flips())

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what `next_change` reads."""
        flips = self._flips(moment)
        if flips.recurs:
            return frozenset((self._every(),))
        return NO_NEEDS.union((need for need, _ in self._passing(flips, moment)))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return the first moment after now at which the answer may change, None for never."""
        flips, now = self._flips(facts.moment), facts.moment.now
        if flips.recurs:
            dates = [at for at, _ in facts.happenings(self._every())]
            moments = [moment for at in dates for moment in flips.after(at, now)]
            return earliest((*moments, _year(now) if any(at.year > now.year + 1 for at in dates) else None))
        found = [(facts.edge(need), edge) for need, edge in self._passing(flips, facts.moment)]
        passed = [edge.passes(date) for date, edge in found if date is not None]
        return earliest(passed if self.enough is None else passed[:1])

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once, None for never."""
        flips = self._flips(moment)
        if flips.recurs:
            return query.earliest(
                [query.passing_any(self._every(), flips, moment.now), query.moment(_year(moment.now))]
            )
        clauses = [query.passing(need, edge) for need, edge in self._passing(flips, moment)]
        if not clauses:
            return None
        return query.earliest(clauses) if self.enough is None else query.first_known(clauses)

    def _flips(self, moment: Moment) -> Flips:
        """Return the ends of the timeframe; in a run the time since its start has none."""
        fixed = isinstance(self.timeframe, FlowStart) and moment.entered_at is not None
        return NEVER if fixed else self.flips

    def _passing(self, flips: Flips, moment: Moment) -> list[Passing]:
        """Return the events to look for and the ends that pass them: what is enough first, what may come last."""
        return moment.once(self, lambda: self._looked_for(flips, moment))

    def _looked_for(self, flips: Flips, moment: Moment) -> list[Passing]:
        if self.enough is None:
            return [one for edge in flips.edges for one in self._next(edge, moment.now)]
        coming = [one for edge in flips.entering for one in self._next(edge, moment.now)]
        return [self._last_enough(edge, moment) for edge in flips.leaving] + coming

    def _next(self, edge: Edge, now: datetime) -> list[Passing]:
        since, until = edge.since(now), edge.until()
        if since is None or until is None:
            return []
        return [(EventEdge(self.metric_id, since, until, self.filters), edge)]

    def _last_enough(self, edge: Edge, moment: Moment) -> Passing:
        """Return the event without which there would not be enough: so many from the last of the timeframe."""
        ((since, until),) = self.timeframe.spans(moment.now, moment.entered_at)
        need = EventEdge(self.metric_id, since, until, self.filters, self._held_by(), latest=True)
        return need, edge

    def _held_by(self) -> int:
        return min(max(1, self.enough or 1), MOST_EVENTS)

    def _every(self) -> EventMoments:
        return EventMoments(self.metric_id, None, None, self.filters)


def _year(now: datetime) -> datetime:
    """Return the next New Year, from which on another year's events count."""
    return datetime(min(now.year + 1, 9999), 1, 1, tzinfo=UTC)


def enough(measurement: str, value_filter: NumericFilter) -> int | None:
    """Return the least count on the upper side of a filter's bound, None where it has none or sums are compared."""
    if measurement != "count":
        return None
    if value_filter.operator in ("equals", "not-equals") and value_filter.value == 0:
        return 1
    if value_filter.operator not in BOUNDS:
        return None
    bound = math.ceil(value_filter.value)
    return bound + 1 if BOUNDS[value_filter.operator] and bound == value_filter.value else bound
