"""All calendar arithmetic of flows: when a delay ends and when quiet hours end.

Local times are computed as wall time. A local time that does not exist becomes the first instant after the gap, an
ambiguous one its first occurrence. Everything given and returned is aware UTC. Source: reference 2.1, 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

PROFILE = "profile"
"""The zone name that stands for the profile's own."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = frozenset(range(7))
DAY = timedelta(days=1)
UNITS = {"days": DAY, "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}
SECONDARY = {"days": timedelta(hours=1), "hours": timedelta(minutes=1), "minutes": timedelta(seconds=1)}
"""The unit of `secondary_value`: the next smaller one."""
LONGEST_SEARCH = 21
"""Days within which some allowed weekday exists, even where a zone once left a day out."""


@dataclass(frozen=True, slots=True)
class Delay:
    """A delay as `time-delay` writes it; `zone` is None for the profile's own, `weekdays` hold 0 for Monday to 6."""

    unit: str
    value: int
    secondary_value: int = 0
    zone: tzinfo | None = None
    until_time: time | None = None
    weekdays: frozenset[int] = field(default=EVERY_DAY)

    @property
    def elapsed(self) -> timedelta:
        """The delay's length where nothing moves it to a time of day."""
        return self.value * UNITS[self.unit] + self.secondary_value * SECONDARY[self.unit]

    @property
    def shortest(self) -> timedelta:
        """A time that the delay surely lasts, however late in the day it begins."""
        if self.until_time is None or self.unit != "days":
            return self.elapsed
        # "One day until 15:00" may begin just before midnight, and that local day may lack an hour or, once, itself.
        return max(self.elapsed - 2 * DAY, timedelta(0))


def delay_until(delay: Delay, arrival: datetime, zone: tzinfo) -> datetime:
    """Return when a delay that begins at `arrival` ends; `zone` is the profile's, else the account's.

    It never ends before it began. Source: reference 2.1. Our choice: with a time of day, hours and minutes are waited
    first and then the next such time; `secondary_value` is waited before the days are counted.
    """
    local_zone = delay.zone or zone
    earliest = arrival + delay.elapsed
    if delay.until_time is None:
        local = earliest.astimezone(local_zone)
        if local.weekday() in delay.weekdays:
            return earliest
        return _first_at(local.time(), earliest, local.date() + DAY, local_zone, delay.weekdays)
    if delay.unit != "days":
        today = earliest.astimezone(local_zone).date()
        return _first_at(delay.until_time, earliest, today, local_zone, delay.weekdays)
    begun = arrival + delay.secondary_value * SECONDARY["days"]
    first_day = begun.astimezone(local_zone).date() + delay.value * DAY
    return _first_at(delay.until_time, begun, first_day, local_zone, delay.weekdays)


def quiet_until(now: datetime, start: time, end: time, zone: tzinfo) -> datetime | None:
    """Return when the quiet hours that hold at `now` end, None when they do not hold.

    The window is [start, end) in local time and may span midnight; equal ends are no window. Source: reference 4.2.
    """
    local = now.astimezone(zone)
    clock = local.time()
    spans_midnight = start > end
    inside = clock >= start or clock < end if spans_midnight else start <= clock < end
    if not inside:
        return None
    day = local.date() + DAY if spans_midnight and clock >= start else local.date()
    finish = instant(day, end, zone)
    return finish if finish > now else None


def instant(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return the UTC instant of a local time: after the gap for one that does not exist, the first of two."""
    wall = datetime.combine(day, clock.replace(fold=0), tzinfo=zone)
    found = wall.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    return _end_of_gap(wall, zone)


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


def _first_at(clock: time, not_before: datetime, first_day: date, zone: tzinfo, weekdays: frozenset[int]) -> datetime:
    """Return the first time of day, not before an instant or a day, that falls on an allowed weekday."""
    for offset in range(LONGEST_SEARCH):
        found = instant(first_day + offset * DAY, clock, zone)
        # The weekday is that of the instant found: a gap may have moved it into the next day.
        if found >= not_before and found.astimezone(zone).weekday() in weekdays:
            return found
    return not_before


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
