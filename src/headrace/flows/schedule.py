"""All calendar arithmetic of flows: when a delay ends, when quiet hours end, and the dates that flows lead to.

What is here: delays and quiet hours. What comes from beside: local times (`calendar_local`) and dates
(`calendar_dates`), which are imported from here like the rest. Local times are computed as wall time. A local time that
does not exist becomes the first instant after the gap, an ambiguous one its first occurrence. Everything given and
returned is aware UTC. Source: reference 2.1, 4.2. `docs/reference/daylight-saving.md` shows cases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

from headrace.flows.calendar_dates import (
    Countdown,
    DatePlan,
    DateUnit,
    Recurrence,
    Target,
    countdown_until,
    day_before,
    entry_moment,
    falls_on,
    next_joining,
    next_occurrence,
    target_moment,
)
from headrace.flows.calendar_local import (
    DAY,
    EVERY_DAY,
    LONGEST_SEARCH,
    PROFILE,
    WEEKDAYS,
    instant,
    read_time,
    read_zone,
)

__all__ = [
    "DAY",
    "EVERY_DAY",
    "LONGEST_SEARCH",
    "PROFILE",
    "WEEKDAYS",
    "Countdown",
    "DatePlan",
    "DateUnit",
    "Delay",
    "Recurrence",
    "Target",
    "countdown_until",
    "day_before",
    "delay_until",
    "entry_moment",
    "falls_on",
    "instant",
    "next_joining",
    "next_occurrence",
    "quiet_until",
    "read_time",
    "read_zone",
    "target_moment",
]

UNITS = {"days": DAY, "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}
SECONDARY = {"days": timedelta(hours=1), "hours": timedelta(minutes=1), "minutes": timedelta(seconds=1)}
"""The unit of `secondary_value`: the next smaller one."""


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


def _first_at(clock: time, not_before: datetime, first_day: date, zone: tzinfo, weekdays: frozenset[int]) -> datetime:
    """Return the first time of day, not before an instant or a day, that falls on an allowed weekday."""
    for offset in range(LONGEST_SEARCH):
        found = instant(first_day + offset * DAY, clock, zone)
        # The weekday is that of the instant found: a gap may have moved it into the next day.
        if found >= not_before and found.astimezone(zone).weekday() in weekdays:
            return found
    return not_before
