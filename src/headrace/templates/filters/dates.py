"""Filters on dates, written in the account's zone. Source: reference 4.6.

Dates in events and profiles are text; `format_date_string` reads them and `date` writes them. `date` of text that was
not read first is empty, as in Django.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils import dateformat

from headrace.templates.filters.sizes import text_of, whole
from headrace.templates.problems import RenderProblem
from headrace.templates.surroundings import Surroundings

FORMATS = ("%m-%d-%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S%z")
NAMED = {
    "DATE_FORMAT": "N j, Y",
    "DATETIME_FORMAT": "N j, Y, P",
    "SHORT_DATE_FORMAT": "m/d/Y",
    "SHORT_DATETIME_FORMAT": "m/d/Y P",
    "TIME_FORMAT": "P",
}
"""Django's names of patterns, in their en-us forms."""
FARTHEST = 400 * 366


def read_date(value: Any) -> date | None:
    """Return a value as a date or moment: a date, ISO 8601 text, or seconds since 1970; None for anything else."""
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_seconds(value)
    text = text_of(value).strip()
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return _by_format(text)


def _from_seconds(value: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _by_format(text: str) -> datetime | None:
    for pattern in FORMATS:
        try:
            return datetime.strptime(text[:40], pattern)  # noqa: DTZ007 - a date without an offset has none
        except ValueError:
            continue
    return None


def format_date_string(value: Any) -> Any:
    """Read text as a date or moment; what is none is empty."""
    return read_date(value) or ""


def write_date(around: Surroundings, value: Any, arg: Any = "") -> str:
    """Write a date or moment by a pattern of Django's letters, moments in the account's zone."""
    if not isinstance(value, date | time):
        return ""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(around.zone)
    pattern = text_of(arg) or "DATE_FORMAT"
    try:
        return str(dateformat.format(value, NAMED.get(pattern, pattern)))
    except (AttributeError, TypeError):
        return ""


def write_time(around: Surroundings, value: Any, arg: Any = "") -> str:
    """Write the time of day of a moment."""
    return write_date(around, value, text_of(arg) or "TIME_FORMAT")


def days_later(value: Any, arg: Any) -> str:
    """Return a date that many days on, as `YYYY-MM-DD`; what is no date is empty."""
    start, days = read_date(value), whole(arg)
    if start is None or abs(days) > FARTHEST:
        return ""
    try:
        return (start + timedelta(days=days)).strftime("%Y-%m-%d")
    except OverflowError:
        return ""


def weeks_since(around: Surroundings, value: Any, arg: Any = "") -> int | str:
    """Return the whole weeks from a date until now, or until the argument; times without an offset are UTC."""
    start = _moment(value)
    end = _moment(arg) if arg else around.now
    if end is None and not arg:
        raise RenderProblem("the template asks for the time, and none was given")
    return "" if start is None or end is None else (end - start) // timedelta(weeks=1)


def _moment(value: Any) -> datetime | None:
    found = read_date(value)
    if found is None:
        return None
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)  # noqa: DTZ001 - the next line gives it its zone
    return found if found.tzinfo else found.replace(tzinfo=UTC)


write_date.needs_surroundings = True  # type: ignore[attr-defined]
write_time.needs_surroundings = True  # type: ignore[attr-defined]
weeks_since.needs_surroundings = True  # type: ignore[attr-defined]

FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": write_date,
    "datetime_from_string": format_date_string,
    "days_later": days_later,
    "format_date_string": format_date_string,
    "time": write_time,
    "weeks_since": weeks_since,
}
