"""Spans of time that date filters select: [since, until) in UTC, an open side is None.

Day arithmetic is done on UTC days; hours are an exact moving window. Source: reference 3.4.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from headrace.conditions.parsing import BLANKS

Span = tuple[datetime | None, datetime | None]
DAY = timedelta(days=1)
FIRST_YEAR = 1990
"""No event is older. Source: reference 5.4."""
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
MOMENT = (
    "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    "(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
    "(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)?)?"
)
"""How a text spells a date or date-time, in words that Python and PostgreSQL read alike; month ends are not checked."""
_MOMENT = re.compile(MOMENT)
UNITS = {"hour": timedelta(hours=1), "day": DAY, "week": timedelta(days=7)}


def midnight(moment: datetime) -> datetime:
    """Return the beginning of the moment's UTC day."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def just_after(moment: datetime) -> datetime:
    """Return the first whole second after `moment`: the open end of "up to now", as times have whole seconds."""
    return moment.replace(microsecond=0) + timedelta(seconds=1)


def shift(moment: datetime, by: timedelta) -> datetime:
    """Return `moment + by`, held within the years that a `datetime` can express."""
    try:
        return moment + by
    except OverflowError:
        return LAST if by > timedelta(0) else FIRST


def in_the_last(now: datetime, quantity: int, unit: str) -> Span:
    """Return the last `quantity` units up to now."""
    start = now if unit == "hour" else midnight(now)
    return shift(start, -quantity * UNITS[unit]), just_after(now)


def at_least(now: datetime, quantity: int, unit: str) -> Span:
    """Return everything `quantity` or more units ago: before the span that `in_the_last` selects."""
    return None, in_the_last(now, quantity, unit)[0]


def in_the_next(now: datetime, quantity: int, unit: str) -> Span:
    """Return the next `quantity` units; in days the present day is included from its beginning."""
    if unit == "hour":
        return now, just_after(shift(now, quantity * UNITS[unit]))
    today = midnight(now)
    return today, shift(today, quantity * UNITS[unit] + DAY)


def between(now: datetime, start: int, end: int, unit: str) -> Span:
    """Return the time between `start` and `end` units ago, in either order, both days included."""
    near, far = sorted((start, end))
    if unit == "hour":
        return shift(now, -far * UNITS[unit]), just_after(shift(now, -near * UNITS[unit]))
    today = midnight(now)
    return shift(today, -far * UNITS[unit]), shift(today, DAY - near * UNITS[unit])


def before(moment: datetime) -> Span:
    """Return everything before the moment's day."""
    return None, midnight(moment)


def after(moment: datetime) -> Span:
    """Return everything after the moment's day."""
    return shift(midnight(moment), DAY), None


def between_static(start: datetime, end: datetime) -> Span:
    """Return the days from `start` to `end`, both included."""
    return midnight(start), shift(midnight(end), DAY)


def recurring(span: Span, first_year: int, last_year: int) -> tuple[Span, ...]:
    """Return a span of up to a year moved into each year: where an anniversary falls within it.

    29 February falls within it only where the span itself holds one. Source: reference 3.4.
    """
    since, until = span
    if since is None or until is None or until - since > timedelta(days=365):
        return ((None, None),)
    turn = until.year - since.year
    moved = [(_moved(since, year), _moved(until, min(year + turn, 9999))) for year in range(first_year, last_year + 1)]
    if any(since < end and start < until for start, end in _leap_days(since.year, until.year)):
        return tuple(moved)
    return tuple(piece for one in moved for piece in _without_leap_days(*one))


def _moved(end: datetime, year: int) -> datetime:
    """Return an end of a span in another year; the day that common years lack begins and ends with 1 March."""
    if (end.month, end.day) == (2, 29) and not calendar.isleap(year):
        return datetime(year, 3, 1, tzinfo=UTC)
    return end.replace(year=year)


def _leap_days(first_year: int, last_year: int) -> list[tuple[datetime, datetime]]:
    years = (year for year in range(first_year, last_year + 1) if calendar.isleap(year))
    return [(datetime(year, 2, 29, tzinfo=UTC), datetime(year, 3, 1, tzinfo=UTC)) for year in years]


def _without_leap_days(since: datetime, until: datetime) -> list[Span]:
    pieces = [(since, until)]
    for start, end in _leap_days(since.year, until.year):
        cut = [one for left, right in pieces for one in ((left, min(right, start)), (max(left, end), right))]
        pieces = [(left, right) for left, right in cut if left < right]
    return list(pieces)


def contains(span: Span, moment: datetime) -> bool:
    """Tell whether a moment lies in [since, until)."""
    since, until = span
    return (since is None or moment >= since) and (until is None or moment < until)


def parse_moment(value: object) -> datetime | None:
    """Return an ISO date or date-time as aware UTC, None for anything else; without an offset it is read as UTC.

    Our choice: text must be spelled in the extended form (`MOMENT`), a time to the minute at least, its offset less
    than 16 hours; digits beyond microseconds are dropped.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str) or not _MOMENT.fullmatch(value := value.strip(BLANKS)):
        return None
    try:
        return parse_moment(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


def in_years(moment: datetime, years: Iterable[int]) -> Iterator[datetime]:
    """Yield the moment in each of the years that have its day."""
    for year in years:
        if (moment.month, moment.day) != (2, 29) or calendar.isleap(year):
            yield moment.replace(year=year)
