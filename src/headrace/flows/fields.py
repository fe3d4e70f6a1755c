"""The kinds of values that triggers and actions share: zones, times of day, weekdays, dates.

What is here: how a document may write them and how the calendar arithmetic reads them. What is not: the arithmetic
(`schedule`). Source: reference 1.2, 2, 9.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from headrace.flows.schedule import EVERY_DAY, PROFILE, WEEKDAYS, read_time, read_zone

LONGEST = 5_300_000
"""Our choice: a delay has at most so many units: ten years of minutes."""

TODAY = "today"
"""Stands for the day on which an action is carried out."""


def _zone(value: str) -> str:
    if value != PROFILE and read_zone(value) is None:
        raise ValueError("it must be 'profile' or an IANA time zone")
    return value


def _time(value: str) -> str:
    if read_time(value) is None:
        raise ValueError("it must be a time of day, HH:MM:SS")
    return value


def _date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError("it must be a date, YYYY-MM-DD") from None
    return value


def _date_or_today(value: str) -> str:
    if value == TODAY:
        return value
    try:
        return _date(value)
    except ValueError:
        raise ValueError(f"it must be '{TODAY}' or a date, YYYY-MM-DD") from None


def _moment(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            moment.astimezone(UTC)
    except (OverflowError, ValueError):  # at the ends of the calendar there are moments that UTC cannot say
        raise ValueError("it must be a date and time, YYYY-MM-DDTHH:MM:SS+00:00") from None
    return value


Zone = Annotated[str, AfterValidator(_zone)]
"""`profile` for the person's own, else an IANA name."""
TimeOfDay = Annotated[str, AfterValidator(_time)]
DateOrToday = Annotated[str, AfterValidator(_date_or_today)]
DateTimeText = Annotated[str, AfterValidator(_moment)]
Amount = Annotated[int, Field(ge=0, le=LONGEST)]
"""A number of units of time, or of things."""
Weekday = Literal["friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"]


def zone_of(text: str) -> tzinfo | None:
    """Return the zone of a valid name, None for the person's own."""
    return None if text == PROFILE else read_zone(text)


def time_of(text: str | None) -> time | None:
    """Return a valid time of day, None for none."""
    return None if text is None else read_time(text)


def weekdays_of(days: Iterable[str] | None) -> frozenset[int]:
    """Return the numbers of weekdays, 0 for Monday; none given is every day. Source: reference 2.1."""
    return frozenset(WEEKDAYS.index(day) for day in days or ()) or EVERY_DAY
