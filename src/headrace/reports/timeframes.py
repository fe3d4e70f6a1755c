"""Timeframes: from a key, or from two wall-clock times, to a span of moments.

What is here: pure calendar arithmetic in the account's zone; the present is handed in. What is not: reading the request
(`request`). Follows reference 6.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from headrace.storage.slots import QUARTER, Span, day_start, month_start, quarter_of

FIRST_WEEKDAY = 0
"""The weekday (Monday is 0) on which a week starts. Source: reference 6.3, 10.5 (undocumented, Monday)."""

YEARS = range(1900, 9001)
"""The years that spans may lie in. Our choice: no calendar ends in the middle of their arithmetic."""


@dataclass(frozen=True, slots=True)
class CustomFrame:
    """Two wall-clock times of the account's zone, naive; the end is excluded."""

    start: datetime
    end: datetime


Timeframe = str | CustomFrame
"""A key of `KEYS`, or two times."""

Days = tuple[date, date | None]
"""The first day of a timeframe and the day before which it ends; None means that it lasts until now."""


def _last_days(count: int) -> Callable[[date], Days]:
    return lambda today: (today - timedelta(days=count - 1), None)


def _last_months(count: int) -> Callable[[date], Days]:
    return lambda today: (_months_before(month_start(today), count), month_start(today))


def week_start(day: date) -> date:
    """Return the first day of a day's week."""
    return day - timedelta(days=(day.weekday() - FIRST_WEEKDAY) % 7)


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


KEYS: Mapping[str, Callable[[date], Days]] = {
    "last_12_months": _last_months(12),
    "last_30_days": _last_days(30),
    "last_365_days": _last_days(365),
    "last_3_months": _last_months(3),
    "last_7_days": _last_days(7),
    "last_90_days": _last_days(90),
    "last_month": _last_months(1),
    "last_week": lambda today: (week_start(today) - timedelta(days=7), week_start(today)),
    "last_year": lambda today: (date(today.year - 1, 1, 1), date(today.year, 1, 1)),
    "this_month": lambda today: (month_start(today), None),
    "this_week": lambda today: (week_start(today), None),
    "this_year": lambda today: (date(today.year, 1, 1), None),
    "today": lambda today: (today, None),
    "yesterday": lambda today: (today - timedelta(days=1), today),
}
"""Key -> the days it spans, given today in the account's zone.

Source: reference 6.3. `last_N_days` counts today as one of the N; months and years are complete ones.
"""


def span_of(timeframe: Timeframe, zone: ZoneInfo, now: datetime) -> Span:
    """Return the moments of a timeframe; `now` is the account's present, in UTC.

    Our choice: a timeframe that lasts until now ends with the running quarter-hour. What was sent at this very moment
    is in it, as an account with a virtual clock needs, and nothing has been sent later.
    """
    if isinstance(timeframe, CustomFrame):
        return Span(*(moment.replace(tzinfo=zone).astimezone(UTC) for moment in (timeframe.start, timeframe.end)))
    first, end = KEYS[timeframe](now.astimezone(zone).date())
    until = quarter_of(now.astimezone(UTC)) + QUARTER if end is None else day_start(end, zone)
    return Span(day_start(first, zone), until)


def longer_than_a_year(frame: CustomFrame) -> bool:
    """Tell whether a custom timeframe is longer than the calendar year that starts with it.

    Source: reference 6.3 (at most one year; keys are exempt, for `last_12_months` may have 366 days).
    """
    day, clock = frame.start.date(), frame.start.time()
    if day.year == date.max.year:
        return False
    leap_day = (day.month, day.day) == (2, 29)
    anniversary = date(day.year + 1, 3, 1) if leap_day else day.replace(year=day.year + 1)
    return frame.end > datetime.combine(anniversary, clock)
