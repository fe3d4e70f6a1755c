"""Intervals of series: the hours, days, weeks or months of the account's zone that a timeframe falls into.

What is here: pure calendar arithmetic. What is not: reading a request. Source: reference 6.5. Our choice: the first and
the last bucket count only what lies inside the timeframe, so that a series adds up to the values of the same timeframe;
weeks and months may span any year that a key stands for, of which 52 weeks fall a day short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from headrace.reports.timeframes import CustomFrame, Timeframe, week_start
from headrace.storage.slots import DAY, Span, day_of, day_start, month_start, next_month

HOUR = timedelta(hours=1)
HOURLY = "hourly"


@dataclass(frozen=True, slots=True)
class _Interval:
    """How long a timeframe may be, and the days with which buckets start: a day's own, and the one after it."""

    longest: timedelta
    first: Callable[[date], date]
    following: Callable[[date], date]


_DAYS: Mapping[str, _Interval] = {
    "daily": _Interval(timedelta(days=60), lambda day: day, lambda day: day + DAY),
    "monthly": _Interval(timedelta(weeks=52), month_start, next_month),
    "weekly": _Interval(timedelta(weeks=52), week_start, lambda day: day + timedelta(weeks=1)),
}
INTERVALS: Mapping[str, timedelta] = {
    "daily": _DAYS["daily"].longest,
    HOURLY: timedelta(days=7),
    "monthly": _DAYS["monthly"].longest,
    "weekly": _DAYS["weekly"].longest,
}
"""Interval -> the longest timeframe that it is offered for."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of a series: when each begins, in the account's zone, and the moments that part them.

    Bucket `n` holds what happened from `edges[n]` up to, but without, `edges[n + 1]`, both in UTC.
    """

    date_times: tuple[datetime, ...]
    edges: tuple[datetime, ...]


def buckets_of(span: Span, interval: str, zone: ZoneInfo) -> Buckets:
    """Return the buckets of a span; none, where it is empty because the clocks were put forward inside it."""
    starts = _hours(span, zone) if interval == HOURLY else _days(span, _DAYS[interval], zone)
    return Buckets(tuple(one.astimezone(zone) for one in starts), (span.start, *starts[1:], max(span.start, span.end)))


def too_long_for(interval: str, timeframe: Timeframe, span: Span, zone: ZoneInfo) -> bool:
    """Tell whether a timeframe is longer than its interval allows, by the clocks on the wall."""
    length = _wall_clock(span.end, zone) - _wall_clock(span.start, zone)
    of_a_year = not isinstance(timeframe, CustomFrame) and INTERVALS[interval] == timedelta(weeks=52)
    return length > INTERVALS[interval] and not of_a_year


def _hours(span: Span, zone: ZoneInfo) -> list[datetime]:
    local = span.start.astimezone(zone)
    moment = span.start - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    starts = []
    while moment < span.end:
        starts.append(moment)
        moment += HOUR
    return starts


def _days(span: Span, interval: _Interval, zone: ZoneInfo) -> list[datetime]:
    day = interval.first(day_of(span.start, zone))
    starts = []
    while day_start(day, zone) < span.end:
        starts.append(day_start(day, zone))
        day = interval.following(day)
    return starts


def _wall_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
