"""The grid of time that roll-ups stand on: UTC quarter-hours, and the days and months of a zone.

What is here: pure calendar arithmetic, and the plan by which a report reads a span from the coarsest rows that fit.
What is not: statements. Follows DESIGN section 5. Days are contiguous and start at the first quarter-hour of their
local date, also where the clocks change at midnight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
"""The finest grain of the roll-ups; the offsets of all time zones align to it. Source: DESIGN section 5."""
DAY = timedelta(days=1)


class Grain(IntEnum):
    """How long the span of a roll-up row is; the numbers are stored."""

    QUARTER = 0
    DAY = 1
    MONTH = 2


@dataclass(frozen=True, slots=True)
class Span:
    """The moments from `start` up to, but without, `end`, both in UTC."""

    start: datetime
    end: datetime

    @property
    def empty(self) -> bool:
        """Tell whether no moment lies in the span."""
        return self.start >= self.end


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read a span: roll-up rows by grain, deltas whose slot lies in `inner`, and raw rows of `raw`."""

    rows: tuple[tuple[Grain, Span], ...]
    inner: Span
    raw: tuple[Span, ...]


def quarter_of(moment: datetime) -> datetime:
    """Return the start of the UTC quarter-hour that a UTC moment lies in."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which a day of a zone begins."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day that a moment belongs to: the last one that has begun."""
    day = moment.astimezone(zone).date()
    if day_start(day + DAY, zone) <= moment:
        return day + DAY
    return day if day_start(day, zone) <= moment else day - DAY


def month_start(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def plan(span: Span, zone: ZoneInfo | None, coarsest: Grain = Grain.MONTH) -> Plan:
    """Return the fewest roll-up rows that cover a span: months, the days and quarter-hours at its edges, raw rows.

    No row is longer than `coarsest`. Without a zone, no days and months are derived yet and quarter-hours must do.
    """
    first, last = _up(span.start), quarter_of(span.end)
    if first > last:
        return Plan((), Span(last, last), (span,))
    inner = Span(first, last)
    raw = (Span(span.start, first), Span(last, span.end))
    rows = _quarters(inner) if zone is None or coarsest is Grain.QUARTER else _days(inner, zone, coarsest)
    return Plan(tuple(row for row in rows if not row[1].empty), inner, tuple(cut for cut in raw if not cut.empty))


def _up(moment: datetime) -> datetime:
    floor = quarter_of(moment)
    return floor if floor == moment else floor + QUARTER


def _quarters(span: Span) -> list[tuple[Grain, Span]]:
    return [(Grain.QUARTER, span)]


def _days(span: Span, zone: ZoneInfo, coarsest: Grain) -> list[tuple[Grain, Span]]:
    first = day_of(span.start, zone)
    first = first if day_start(first, zone) == span.start else first + DAY
    last = day_of(span.end, zone)
    if first >= last:
        return _quarters(span)
    edges = Span(span.start, day_start(first, zone)), Span(day_start(last, zone), span.end)
    return [(Grain.QUARTER, edges[0]), *_months(first, last, zone, coarsest), (Grain.QUARTER, edges[1])]


def _months(first: date, last: date, zone: ZoneInfo, coarsest: Grain) -> list[tuple[Grain, Span]]:
    opening = first if first.day == 1 else next_month(first)
    closing = month_start(last)
    if coarsest is Grain.DAY or opening >= closing:
        return [(Grain.DAY, Span(day_start(first, zone), day_start(last, zone)))]
    starts = [day_start(day, zone) for day in (first, opening, closing, last)]
    return [
        (Grain.DAY, Span(starts[0], starts[1])),
        (Grain.MONTH, Span(starts[1], starts[2])),
        (Grain.DAY, Span(starts[2], starts[3])),
    ]
