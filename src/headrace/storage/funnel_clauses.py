"""Steps taken in order, in SQL: what `conditions.profile_metric_funnel` says, as one EXISTS within another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, true, tuple_

from headrace.conditions.facts import EventMoments
from headrace.storage.tables import event

Bool = ColumnElement[bool]
Events = Callable[[EventMoments, Any], Select[Any]]
"""Takes a need and an alias of the table of events, and returns the events of the person in question."""


@dataclass(frozen=True, slots=True)
class _Funnel:
    steps: Sequence[tuple[EventMoments, bool]]
    window: timedelta | None
    events: Events

    def clause(self, place: int, first: Any, last: Any, refused: tuple[EventMoments, ...]) -> Bool:
        """Return that the steps from a place on are passed, after the first and the last event so far (or None)."""
        if place == len(self.steps):
            return self._nothing_of(refused, first, last, None)
        need, taken = self.steps[place]
        if not taken:
            return self.clause(place + 1, first, last, (*refused, need))
        one = event.alias(f"step_{place}")
        begun = one if first is None else first
        found = self.events(need, one).where(
            _after(one, last),
            self._in_time(one, first),
            self._nothing_of(refused, first, last, one),
            self.clause(place + 1, begun, one, ()),
        )
        return exists(found.correlate_except(one))

    def _nothing_of(self, refused: tuple[EventMoments, ...], first: Any, last: Any, until: Any) -> Bool:
        """Return that none of the refused events lies between two others, or after the last one while there is time."""
        return and_(true(), *(~self._some(need, first, last, until) for need in refused))

    def _some(self, need: EventMoments, first: Any, last: Any, until: Any) -> Bool:
        other = event.alias()
        end = self._in_time(other, first) if until is None else _key(other) < _key(until)
        return exists(self.events(need, other).where(_after(other, last), end).correlate_except(other))

    def _in_time(self, one: Any, first: Any) -> Bool:
        if self.window is None or first is None:
            return true()
        seconds = literal(self.window.total_seconds())
        in_time: Bool = one.c.occurred_at <= first.c.occurred_at + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        return in_time


def funnel_clause(steps: Sequence[tuple[EventMoments, bool]], window: timedelta | None, events: Events) -> Bool:
    """Return the clause that the events of a person pass through the steps: each with whether it is to be taken."""
    return _Funnel(steps, window, events).clause(0, None, None, ())


def _after(one: Any, last: Any) -> Bool:
    return true() if last is None else _key(one) > _key(last)


def _key(one: Any) -> Any:
    return tuple_(one.c.occurred_at, one.c.number)
