"""When time alone changes the answer of a date filter: a date comes into the filter's span, or leaves it.

A span moves with the present moment, each of its ends by a step: whole days, whole seconds, or continuously. `Edge`
turns a date into the moment at which such an end passes it, so of many dates the earliest beyond `Edge.since` is the
next to be passed. What is not here: the filters themselves (`filters/date`), the same in SQL (`storage`).
Source: reference 3.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from headrace.conditions import spans

Step = Literal["instant", "second", "day", "month"]
AT_ONCE = timedelta(0)
INSTANT = timedelta(microseconds=1)
"""The shortest time there is: what lasts up to and with a moment ends so much later."""
YEARS_AHEAD = 9
"""In so many years every day of the calendar recurs, 29 February too."""
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Edge:
    """An end of a span: a date, cut to its step, is passed `offset` later; at `instant` just after that."""

    step: Step
    offset: timedelta = AT_ONCE

    def passes(self, date: datetime) -> datetime | None:
        """Return when the edge passes a date, None for later than there are years; raises nothing."""
        try:
            return _cut(date, self.step) + self.offset + (INSTANT if self.step == "instant" else AT_ONCE)
        except OverflowError:
            return None

    def since(self, now: datetime) -> datetime | None:
        """Return the earliest date that the edge passes after `now`, None where there is none."""
        try:
            moment = now - self.offset
            return moment if self.step == "instant" else _next(moment, self.step)
        except OverflowError:
            return spans.FIRST if self.offset > AT_ONCE else None

    def until(self) -> datetime | None:
        """Return the last date that the edge passes in a year that there is, None where there is none."""
        try:
            return _END - self.offset - INSTANT
        except OverflowError:
            return _END if self.offset < AT_ONCE else None


@dataclass(frozen=True, slots=True)
class Flips:
    """The ends of a filter's span: those that dates enter by and those that they leave by.

    With `recurs` a date passes them in every year anew.
    """

    entering: tuple[Edge, ...] = ()
    leaving: tuple[Edge, ...] = ()
    recurs: bool = False

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All of them."""
        return self.entering + self.leaving

    def after(self, date: datetime, now: datetime) -> Iterator[datetime]:
        """Yield the moments after `now` at which a date passes an end, in no order."""
        for one in self._dates(date, now):
            for edge in self.edges:
                moment = edge.passes(one)
                if moment is not None and moment > now:
                    yield moment

    def _dates(self, date: datetime, now: datetime) -> Iterable[datetime]:
        if not self.recurs:
            return (date,)
        return spans.in_years(date, range(max(now.year - 1, 1), min(now.year + YEARS_AHEAD, 9999) + 1))


NEVER = Flips()
"""Those of a filter on which time has no bearing."""


def flips_of(value_filter: Any) -> Flips:
    """Return the ends of a value filter or timeframe; `NEVER` for those that know no time, and for None."""
    told = getattr(value_filter, "flips", None)
    found: Flips = told() if told is not None else NEVER
    return found


def next_flip(value_filter: Any, value: Any, now: datetime) -> datetime | None:
    """Return the first moment after `now` at which a filter answers otherwise about a value, None for never."""
    flips = flips_of(value_filter)
    date = spans.parse_moment(value) if flips.edges else None
    if date is None:
        return None
    before = value_filter.matches(date, now)
    return next((one for one in sorted(flips.after(date, now)) if value_filter.matches(date, one) is not before), None)


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the earliest of some moments; None stands for never."""
    return min((one for one in moments if one is not None), default=None)


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the latest of some moments, of which there is at least one; None stands for never."""
    known = list(moments)
    return None if None in known else max(one for one in known if one is not None)


def trailing(step: Step, quantity: timedelta) -> Edge:
    """Return the end that lies a quantity before now, on a day's beginning for whole days."""
    return Edge(step, quantity + spans.DAY if step == "day" else quantity)


def _cut(date: datetime, step: Step) -> datetime:
    match step:
        case "instant":
            return date
        case "second":
            return date.replace(microsecond=0)
        case "day":
            return spans.midnight(date)
        case "month":
            return spans.midnight(date).replace(day=1)


def _next(moment: datetime, step: Step) -> datetime:
    """Return the first beginning of a step after a moment."""
    cut = _cut(moment, step)
    if step == "month":
        return _cut(cut + timedelta(days=32), step)
    return cut + (spans.DAY if step == "day" else timedelta(seconds=1))
