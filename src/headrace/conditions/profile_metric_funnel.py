"""`profile-metric-funnel`: the person took steps, or did not take them, in this order and in this time.

A step is an event of a metric, or that there is none between the events of the steps before and after it. From the
first event to the last no more than the completion window may pass. Segments have this condition, flows have not.
Source: the ConditionGroup of the 2026-07-15 description; https://help.klaviyo.com/hc/en-us/articles/42691974773147
(order, window, five steps).
Our choice: before the first event and after the last a step not taken counts over the whole time, after the last no
longer than the window lasts; what has not happened yet has not happened.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.event_changes import EventChanges
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import EventMoments, Facts, Happenings, Moment, Need, PropertyFilter
from headrace.conditions.filters import FunnelFilter, Timeframe
from headrace.conditions.flips import earliest
from headrace.conditions.parsing import Model
from headrace.conditions.profile_metric import MetricFilter
from headrace.conditions.spans import LAST, shift
from headrace.conditions.topics import of_metric

WINDOWS: Mapping[str, timedelta] = {
    "HOURS_1": timedelta(hours=1),
    "DAYS_1": timedelta(days=1),
    "DAYS_3": timedelta(days=3),
    "DAYS_5": timedelta(days=5),
    "WEEKS_1": timedelta(weeks=1),
    "DAYS_30": timedelta(days=30),
    "DAYS_90": timedelta(days=90),
    "DAYS_180": timedelta(days=180),
    "YEARS_1": timedelta(days=365),
}
Window = Literal["HOURS_1", "DAYS_1", "DAYS_3", "DAYS_5", "WEEKS_1", "DAYS_30", "DAYS_90", "DAYS_180", "YEARS_1"]
MOST_STEPS = 5
Happening = tuple[datetime, int]
LAST_NUMBER = 2**63
"""Greater than the number of any event."""
AT_LAST: Happening = (LAST, LAST_NUMBER)


class FunnelStep(Model):
    """A step: an event of a metric that passes the filters, or none."""

    metric_exists: bool
    metric_id: str
    metric_filters: list[MetricFilter] | None = None

    def compile(self) -> Step:
        """Return the compiled step."""
        filters = tuple(item.compile() for item in self.metric_filters or ())
        return Step(self.metric_id, filters, self.metric_exists)


class ProfileMetricFunnel(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-metric-funnel"]
    timeframe_filter: FunnelFilter
    completion_window_seconds: Window | None = None
    steps: Annotated[list[FunnelStep], Field(max_length=MOST_STEPS)]

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        window = self.completion_window_seconds
        return CompiledFunnel(
            label=f"{self.type}:{','.join(step.metric_id for step in self.steps)}",
            timeframe=self.timeframe_filter.compile(),
            window=WINDOWS[window] if window else None,
            steps=tuple(step.compile() for step in self.steps),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A compiled step."""

    metric_id: str
    filters: tuple[PropertyFilter, ...]
    taken: bool


@dataclass(frozen=True, slots=True)
class CompiledFunnel(Timeless):
    """The compiled condition."""

    label: str
    timeframe: Timeframe
    window: timedelta | None
    steps: tuple[Step, ...]
    changes: tuple[EventChanges, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        changes = (EventChanges(step.metric_id, step.filters, self.timeframe) for step in self.steps)
        object.__setattr__(self, "changes", tuple(changes))

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the events of every step."""
        return frozenset(need for need, _ in self._asked(moment))

    def holds(self, facts: Facts) -> Verdict:
        """Walk through the steps; how many events each step has is what was seen."""
        found = [(facts.happenings(need), taken) for need, taken in self._asked(facts.moment)]
        return Verdict(passed(found, self.window), [len(events) for events, _ in found])

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.funnel(self._asked(moment), self.window)

    def topics(self) -> frozenset[str]:
        """Return the events of the metrics."""
        return frozenset(of_metric(step.metric_id) for step in self.steps)

    def needs_of_time(self, moment: Moment) -> frozenset[Need]:
        """Return the events that come into the time, or leave it, next."""
        return NO_NEEDS.union(*(one.needs(moment) for one in self.changes))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when an event of a step comes into the time or leaves it."""
        return earliest(one.next_change(facts) for one in self.changes)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        told = (one.next_change_where(query, moment) for one in self.changes)
        clauses = [one for one in told if one is not None]
        return query.earliest(clauses) if clauses else None

    def _asked(self, moment: Moment) -> list[tuple[EventMoments, bool]]:
        ((since, until),) = self.timeframe.spans(moment.now, moment.entered_at)
        return [(EventMoments(step.metric_id, since, until, step.filters), step.taken) for step in self.steps]


def passed(steps: Sequence[tuple[Happenings, bool]], window: timedelta | None) -> bool:
    """Tell whether events, in order, pass through the steps: those of each step, and whether it is to be taken."""
    start = next((number for number, (_, taken) in enumerate(steps) if taken), None)
    if start is None:
        return not any(events for events, _ in steps)
    before = [events for events, _ in steps[:start]]
    firsts = [one for one in steps[start][0] if all(not events or events[0] >= one for events in before)]
    return any(_completed(one, steps[start + 1 :], window) for one in firsts)


def _completed(first: Happening, steps: Sequence[tuple[Happenings, bool]], window: timedelta | None) -> bool:
    """Tell whether the steps after a first event can be taken in time."""
    end = (shift(first[0], window), LAST_NUMBER) if window is not None else AT_LAST
    reached = [first]
    refused: list[Happenings] = []
    for events, taken in steps:
        if not taken:
            refused.append(events)
            continue
        inside = events[bisect_right(events, first) : bisect_right(events, end)]
        reached = [one for one in inside if _follows(one, reached, refused)]
        refused = []
    return bool(reached) and not any(_between(events, reached[-1], end) for events in refused)


def _follows(event: Happening, reached: Sequence[Happening], refused: Sequence[Happenings]) -> bool:
    """Tell whether an event follows one that was reached with nothing refused between: the last before it decides."""
    place = bisect_left(reached, event)
    return place > 0 and not any(_between(events, reached[place - 1], event) for events in refused)


def _between(events: Happenings, after: Happening, before: Happening) -> bool:
    return bisect_right(events, after) < bisect_left(events, before)
