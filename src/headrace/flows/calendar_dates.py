"""The dates that date-based flows lead to: when a person enters, how long a countdown runs, when the day has come.

What is here: pure functions over a date, a plan and a zone. What is not: where a person's date is read from
(`triggers/date`), and who is planned when (`engine.dates`). Source: reference 1.5, 2.

Weekdays that are not allowed move a moment. On or after the date it moves on to the next allowed day, as a delay does.
Our choice: a moment before the date moves on as well, but never past the date; where no day up to the date is allowed,
it is the last allowed one before.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal

from headrace.flows.calendar_local import DAY, EVERY_DAY, LONGEST_SEARCH, allowed_among, instant

DateUnit = Literal["days", "weeks", "months"]
Recurrence = Literal["annually", "monthly", "weekly", "never"]

MIDNIGHT = time(0)
FIRST_DAY, LAST_DAY = date(2, 1, 1), date(9900, 12, 31)
"""Between them every date has a moment in every zone; what lies beyond is moved here."""
MARGIN = timedelta(days=LONGEST_SEARCH)
"""By more than short months, weekdays and zones together move a moment."""
LONGEST_BEHIND = timedelta(days=366)
"""How long ago an entry to a recurring date began that is still made up for."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """How long before a date something happens; `zone` is None for the profile's own, `until_time` for midnight."""

    unit: DateUnit = "days"
    value: int = 0
    zone: tzinfo | None = None
    until_time: time | None = None
    weekdays: frozenset[int] = field(default=EVERY_DAY)


@dataclass(frozen=True, slots=True)
class Target:
    """The moment of a date itself; `zone` is None for the profile's own."""

    zone: tzinfo | None = None
    at: time = MIDNIGHT
    weekdays: frozenset[int] = field(default=EVERY_DAY)


@dataclass(frozen=True, slots=True)
class DatePlan:
    """When a date of somebody brings them into a flow, and how often; `zone` is None for the profile's own."""

    before_value: int = 0
    before_unit: DateUnit = "weeks"
    recurrence: Recurrence = "monthly"
    at: time = MIDNIGHT
    weekdays: frozenset[int] = field(default=EVERY_DAY)
    zone: tzinfo | None = None


def countdown_until(countdown: Countdown, target_on: date, zone: tzinfo) -> datetime:
    """Return when a countdown to a date ends; `zone` is the profile's, else the account's.

    It ends so many units before the date at its time of day; a month before the last days of a month is the last day
    of a shorter one. The moment may be long past. Source: reference 2 (countdown-delay).
    """
    clock = countdown.until_time or MIDNIGHT
    day = day_before(target_on, countdown.value, countdown.unit)
    return _no_later_than(target_on, day, clock, countdown.zone or zone, countdown.weekdays)


def target_moment(target: Target, target_on: date, zone: tzinfo) -> datetime:
    """Return the moment of a date, on the first allowed weekday; `zone` is the profile's, else the account's.

    Source: reference 2 (target-date).
    """
    return _no_sooner_than(_within_range(target_on), target.at, target.zone or zone, target.weekdays)


def next_occurrence(plan: DatePlan, value: date, after: datetime, zone: tzinfo) -> tuple[datetime, date] | None:
    """Return when somebody next enters after a moment, and the date that this entry leads to; None for never again.

    The entry is strictly later than `after`; `zone` is the profile's, else the account's. Dates recur in every year,
    month or week, also in those before `value`. The work does not grow with the distance of `after` from `value`.
    Source: reference 1.5. Our choice: where weekdays move two entries together, the first date has it.
    """
    local_zone = plan.zone or zone
    around = _shifted(after.astimezone(local_zone).date(), plan.before_value, plan.before_unit)
    found = ((entry_moment(plan, day, local_zone), day) for day in _dates_around(plan, value, around))
    return min((entry for entry in found if entry[0] > after), default=None)


def next_joining(
    plan: DatePlan, value: date, floor: datetime, zone: tzinfo, entered: Collection[date] = ()
) -> tuple[datetime, date] | None:
    """Return the first entry after a moment that leads to a date not yet `entered`; None for never again.

    Where entries come before their date, one that lies behind `floor` is made up for at `floor` while its date is
    still today or ahead: the person joins in the middle. Source: reference 1.5. Our choice: who enters on the day
    itself, or later, does not join late; nor does anybody make up for entries to recurring dates that lie more than a
    year back, or a flow that begins ages before its dates would be joined for hundreds of them at once.
    """
    local_zone = plan.zone or zone
    today = floor.astimezone(local_zone).date()
    first = _shifted(today, -MARGIN.days, "days")
    if plan.recurrence != "never":
        oldest = _shifted(today, -LONGEST_BEHIND.days, "days")
        first = max(first, _shifted(oldest, plan.before_value, plan.before_unit))
    for day in _dates_from(plan, value, first):
        moment = entry_moment(plan, day, local_zone)
        late = plan.before_value > 0 and day >= today
        if day not in entered and (moment > floor or late):
            return max(moment, floor), day
    return None


def entry_moment(plan: DatePlan, target_on: date, zone: tzinfo) -> datetime:
    """Return when the entry that leads to a date begins; `zone` is the profile's, else the account's."""
    day = day_before(target_on, plan.before_value, plan.before_unit)
    local_zone = plan.zone or zone
    if plan.before_value:
        return _no_later_than(target_on, day, plan.at, local_zone, plan.weekdays)
    return _no_sooner_than(day, plan.at, local_zone, plan.weekdays)


def falls_on(plan: DatePlan, value: date, target_on: date) -> bool:
    """Tell whether a date of somebody is, or recurs on, a day.

    Days 29 to 31 fall on the last day of shorter months, 29 February on the 28th. Source: reference 1.5.
    """
    match plan.recurrence:
        case "annually":
            return _in_month(value, target_on.year, value.month) == target_on
        case "monthly":
            return _in_month(value, target_on.year, target_on.month) == target_on
        case "weekly":
            return value.weekday() == target_on.weekday()
        case "never":
            return value == target_on


def day_before(day: date, value: int, unit: DateUnit) -> date:
    """Return the day that lies so many units before another; a day that a month lacks is its last one."""
    return _shifted(day, -value, unit)


def _no_later_than(limit: date, first: date, clock: time, zone: tzinfo, weekdays: frozenset[int]) -> datetime:
    """Return the first allowed moment from a day up to a limit, else the last allowed one before that day."""
    ahead = (limit - first).days + 1
    onward = (first + offset * DAY for offset in range(min(max(ahead, 1), LONGEST_SEARCH)))
    found = allowed_among(onward, clock, zone, weekdays)
    if found is None:
        backward = (first - offset * DAY for offset in range(1, LONGEST_SEARCH))
        found = allowed_among(backward, clock, zone, weekdays)
    return found or instant(first, clock, zone)


def _no_sooner_than(first: date, clock: time, zone: tzinfo, weekdays: frozenset[int]) -> datetime:
    """Return the first allowed moment from a day on."""
    days = (first + offset * DAY for offset in range(LONGEST_SEARCH))
    return allowed_among(days, clock, zone, weekdays) or instant(first, clock, zone)


def _dates_around(plan: DatePlan, value: date, around: date) -> Iterator[date]:
    """Yield the dates near a day on which a value falls, ascending, at least one of them well after it."""
    last = _shifted(around, MARGIN.days, "days")
    for day in _dates_from(plan, value, _shifted(around, -MARGIN.days, "days")):
        yield day
        if day > last:
            break


def _dates_from(plan: DatePlan, value: date, first: date) -> Iterator[date]:
    """Yield the dates on which a value falls, ascending, from the week, month or year of a day on."""
    match plan.recurrence:
        case "annually":
            yield from (_in_month(value, year, value.month) for year in range(first.year, LAST_DAY.year))
        case "monthly":
            months = range(_month_number(first), _month_number(LAST_DAY))
            yield from (_in_month(value, *_month(number)) for number in months)
        case "weekly":
            begin = first.toordinal() + (value.weekday() - first.weekday()) % 7
            yield from (date.fromordinal(number) for number in range(begin, LAST_DAY.toordinal(), 7))
        case "never":
            yield value


def _shifted(day: date, value: int, unit: DateUnit) -> date:
    if unit == "months":
        first, last = _month_number(FIRST_DAY), _month_number(LAST_DAY)
        return _in_month(day, *_month(min(max(_month_number(day) + value, first), last)))
    number = day.toordinal() + value * (7 if unit == "weeks" else 1)
    return date.fromordinal(min(max(number, FIRST_DAY.toordinal()), LAST_DAY.toordinal()))


def _in_month(day: date, year: int, month: int) -> date:
    """Return the day of the same number in a month, or the month's last."""
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month(number: int) -> tuple[int, int]:
    return number // 12, number % 12 + 1


def _within_range(day: date) -> date:
    return min(max(day, FIRST_DAY), LAST_DAY)
