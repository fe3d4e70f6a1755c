"""Compiled date filters, read on a value (`matches`) and as the timeframe of an event total or a membership (`spans`).

Source: reference 3.2, 3.4. A missing or unreadable date satisfies no date filter. `alltime` and `flow-start` exist as
timeframes only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from headrace.conditions import spans
from headrace.conditions.flips import NEVER, Edge, Flips, Step, trailing
from headrace.conditions.spans import FIRST_YEAR, Span

YEAR = timedelta(days=365)


class Timeframe(Protocol):
    """A compiled date filter that selects spans of time."""

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return the disjoint spans, UTC, that the filter selects at `now`."""
        ...

    def flips(self) -> Flips:
        """Return the ends of the spans that move with the present moment."""
        ...


@dataclass(frozen=True, slots=True)
class StaticDate:
    """Before or after a day, or between two days that are included."""

    operator: str
    start: datetime
    end: datetime | None = None

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return the one span."""
        match self.operator, self.end:
            case "before", _:
                return (spans.before(self.start),)
            case "after", _:
                return (spans.after(self.start),)
            case _, end:
                return (spans.between_static(self.start, end or self.start),)

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a date lies in the span."""
        return _within(self, value, now)

    def flips(self) -> Flips:
        """Return nothing: the span stays."""
        return NEVER


RELATIVE: Mapping[str, Callable[[datetime, int, str], Span]] = {
    "in-the-last": spans.in_the_last,
    "at-least": spans.at_least,
    "in-the-next": spans.in_the_next,
    "anniversary-last": spans.in_the_last,
    "anniversary-next": spans.in_the_next,
}


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """So many units before or after now."""

    operator: str
    quantity: int
    unit: str

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return the one span."""
        return (RELATIVE[self.operator](now, self.quantity, self.unit),)

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a date lies in the span."""
        return _within(self, value, now)

    def flips(self) -> Flips:
        """Return the ends of the span."""
        return _ends(self.operator, self.quantity, self.unit)


@dataclass(frozen=True, slots=True)
class RelativeRange:
    """Between `start` and `end` units ago."""

    start: int
    end: int
    unit: str

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return the one span."""
        return (spans.between(now, self.start, self.end, self.unit),)

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a date lies in the span."""
        return _within(self, value, now)

    def flips(self) -> Flips:
        """Return the ends of the span; on days the nearer end is a day's end."""
        near, far = (quantity * spans.UNITS[self.unit] for quantity in sorted((self.start, self.end)))
        ends = Edge("second" if self.unit == "hour" else "day", near)
        return Flips((ends,), (trailing(_step(self.unit), far),))


@dataclass(frozen=True, slots=True)
class RelativeAnniversary:
    """The month and day recur within so many units before or after now; the year does not count."""

    operator: str
    quantity: int
    unit: str

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return one span per year since events exist, merged into everything when they would cover a year."""
        span = RELATIVE[self.operator](now, self.quantity, self.unit)
        return spans.recurring(span, FIRST_YEAR, now.year + 1)

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether this year's, the last or the next anniversary of a date lies in the span.

        29 February recurs in leap years only. Source: reference 3.4.
        """
        date = spans.parse_moment(value)
        if date is None:
            return False
        span = RELATIVE[self.operator](now, self.quantity, self.unit)
        years = range(max(now.year - 1, 1), min(now.year + 1, 9999) + 1)
        return any(spans.contains(span, one) for one in spans.in_years(date, years)) or _a_year_long(span)

    def flips(self) -> Flips:
        """Return the ends of the span, none where it always holds a year."""
        if self.quantity * spans.UNITS[self.unit] >= YEAR:
            return NEVER
        once = _ends(self.operator, self.quantity, self.unit)
        return Flips(once.entering, once.leaving, recurs=True)


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """The date's month is this one, 1-12, in any year."""

    month: int

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a date lies in the month."""
        date = spans.parse_moment(value)
        return date is not None and date.month == self.month

    def flips(self) -> Flips:
        """Return nothing: a date's month stays."""
        return NEVER


@dataclass(frozen=True, slots=True)
class Anniversary:
    """The date's month and day (or only its month) are today's."""

    operator: str

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether the date recurs now; 29 February recurs in leap years only. Source: reference 3.4."""
        date = spans.parse_moment(value)
        if date is None or date.month != now.month:
            return False
        return self.operator == "anniversary-month" or date.day == now.day

    def flips(self) -> Flips:
        """Return the beginning and the end of the day, or of the month, whose length is one of four."""
        if self.operator == "anniversary-month":
            ends = tuple(Edge("month", timedelta(days=days)) for days in (28, 29, 30, 31))
            return Flips((Edge("month"),), ends, recurs=True)
        return Flips((Edge("day"),), (Edge("day", spans.DAY),), recurs=True)


@dataclass(frozen=True, slots=True)
class AllTime:
    """At any time."""

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return the span without ends."""
        return ((None, None),)

    def flips(self) -> Flips:
        """Return nothing: the span has no ends."""
        return NEVER


@dataclass(frozen=True, slots=True)
class FlowStart:
    """Since the run entered its flow: events at or after that moment. Source: reference 1.3."""

    def spans(self, now: datetime, entered_at: datetime | None) -> tuple[Span, ...]:
        """Return the span from the entry on, from now on outside a run."""
        return ((entered_at or now, None),)

    def flips(self) -> Flips:
        """Return the end that moves outside a run."""
        return Flips((), (Edge("instant"),))


def _ends(operator: str, quantity: int, unit: str) -> Flips:
    """Return the ends of the span that an operator of `RELATIVE` selects."""
    length, step = quantity * spans.UNITS[unit], _step(unit)
    match operator:
        case "at-least":
            return Flips((trailing(step, length),))
        case "in-the-next" | "anniversary-next":
            ahead: Step = "second" if unit == "hour" else "day"
            return Flips((Edge(ahead, -length),), (trailing(step, timedelta(0)),))
        case _:
            return Flips((Edge("second"),), (trailing(step, length),))


def _step(unit: str) -> Step:
    """Return how an end of a span moves that is so many units before now."""
    return "instant" if unit == "hour" else "day"


def _within(filter_: Timeframe, value: Any, now: datetime) -> bool:
    date = spans.parse_moment(value)
    return date is not None and any(spans.contains(span, date) for span in filter_.spans(now, None))


def _a_year_long(span: Span) -> bool:
    return spans.recurring(span, FIRST_YEAR, FIRST_YEAR) == ((None, None),)
