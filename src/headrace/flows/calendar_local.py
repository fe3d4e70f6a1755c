"""Local times: zones and times of day by their spelling, and which instant a local time is.

What is here: what `schedule` and `calendar_dates` both build on. What is not: delays, dates and quiet hours. Everything
given and returned is aware UTC. Source: reference 2.1 (DST).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

PROFILE = "profile"
"""The zone name that stands for the profile's own."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = frozenset(range(7))
DAY = timedelta(days=1)
LONGEST_SEARCH = 21
"""Days within which some allowed weekday exists, even where a zone once left a day out."""


def instant(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return the UTC instant of a local time: after the gap for one that does not exist, the first of two."""
    wall = datetime.combine(day, clock.replace(fold=0), tzinfo=zone)
    found = wall.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    return _end_of_gap(wall, zone)


def allowed_among(days: Iterable[date], clock: time, zone: tzinfo, weekdays: frozenset[int]) -> datetime | None:
    """Return a time of day on the first of `days` that is an allowed weekday, None when none of them is.

    The weekday is that of the instant found: a gap may have moved it into the next day.
    """
    for day in days:
        found = instant(day, clock, zone)
        if found.astimezone(zone).weekday() in (weekdays or EVERY_DAY):
            return found
    return None


def read_zone(name: str) -> tzinfo | None:
    """Return the IANA zone of a name, None for a name that is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return None


def read_time(text: str) -> time | None:
    """Return a local time of day written as HH:MM or HH:MM:SS, None for anything else."""
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is None and ":" in text else None


def _end_of_gap(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which the zone's offset changes around a local time that it leaves out."""
    before, after = wall.replace(fold=1).astimezone(UTC), wall.replace(fold=0).astimezone(UTC)
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
