"""Laws of the calendar arithmetic."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo
from zoneinfo import available_timezones as available_zones

from hypothesis import given
from hypothesis import strategies as st

from headrace.flows.schedule import (
    EVERY_DAY,
    Countdown,
    DatePlan,
    Delay,
    Target,
    countdown_until,
    day_before,
    delay_until,
    entry_moment,
    falls_on,
    next_joining,
    next_occurrence,
    quiet_until,
    target_moment,
)

ZONES = (
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Chatham",
)
instants = st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
clocks = st.times().map(lambda found: found.replace(microsecond=0))
zones = st.sampled_from(ZONES).map(ZoneInfo)
weekdays = st.frozensets(st.integers(0, 6), min_size=1)
delays = st.builds(
    Delay,
    unit=st.sampled_from(("days", "hours", "minutes")),
    value=st.integers(0, 60),
    secondary_value=st.integers(0, 60),
    zone=st.none() | zones,
    until_time=st.none() | clocks,
    weekdays=weekdays | st.just(EVERY_DAY),
)


@given(delays, instants, zones)
def test_a_delay_ends_no_sooner_than_it_promises(delay: Delay, arrival: datetime, zone: ZoneInfo) -> None:
    """It never ends before it began, nor before its shortest length."""
    assert delay_until(delay, arrival, zone) - arrival >= delay.shortest >= timedelta(0)


@given(delays, instants, zones)
def test_a_delay_ends_on_an_allowed_weekday(delay: Delay, arrival: datetime, zone: ZoneInfo) -> None:
    """The weekday is that of the delay's own zone, else the profile's."""
    assert delay_until(delay, arrival, zone).astimezone(delay.zone or zone).weekday() in delay.weekdays


@given(delays, instants, zones)
def test_a_delay_ends_at_its_time_of_day_or_at_the_end_of_a_gap(
    delay: Delay, arrival: datetime, zone: ZoneInfo
) -> None:
    """A local time that exists is met exactly; one that does not is the first instant after it."""
    if delay.until_time is None:
        return
    local_zone = delay.zone or zone
    found = delay_until(delay, arrival, zone)
    if found.astimezone(local_zone).time() != delay.until_time:
        just_before = found - timedelta(seconds=1)
        assert found.astimezone(local_zone).utcoffset() != just_before.astimezone(local_zone).utcoffset()


@given(delays, instants, zones)
def test_a_delay_ends_within_a_few_weeks_of_its_length(delay: Delay, arrival: datetime, zone: ZoneInfo) -> None:
    """Waiting for a weekday and a time of day adds less than three weeks."""
    assert delay_until(delay, arrival, zone) - arrival < delay.elapsed + timedelta(days=21)


@given(instants, clocks, clocks, zones)
def test_quiet_hours_end_later_and_outside_themselves(now: datetime, start: time, end: time, zone: ZoneInfo) -> None:
    """Whoever waits for their end waits less than two days and is then free to send."""
    until = quiet_until(now, start, end, zone)
    if until is not None:
        assert now < until < now + timedelta(days=2, hours=1)
        assert quiet_until(until, start, end, zone) in (None, until)


ALL_ZONES = sorted(name for name in available_zones() if name not in ("Factory", "localtime"))
everywhere = st.sampled_from(ALL_ZONES).map(ZoneInfo)
days = st.dates(date(2005, 1, 1), date(2035, 1, 1))
befores = st.tuples(st.integers(0, 40), st.sampled_from(("days", "weeks", "months")))
recurrences = st.sampled_from(("annually", "monthly", "weekly", "never"))
plans = st.builds(
    lambda before, *rest: DatePlan(*before, *rest), befores, recurrences, clocks, weekdays | st.just(EVERY_DAY)
)


@given(delays, instants, everywhere)
def test_a_delay_never_ends_before_it_began_and_meets_an_allowed_weekday_anywhere(
    delay: Delay, arrival: datetime, zone: ZoneInfo
) -> None:
    """In every zone that there is."""
    found = delay_until(delay, arrival, zone)
    assert found >= arrival
    assert found.astimezone(delay.zone or zone).weekday() in delay.weekdays


@given(befores, st.none() | clocks, clocks, weekdays | st.just(EVERY_DAY), days, everywhere)
def test_a_countdown_ends_on_an_allowed_day_no_later_than_its_date(
    before: tuple[int, str], until: time | None, at: time, allowed: frozenset[int], target_on: date, zone: ZoneInfo
) -> None:
    """Its date is met within a day of the target's own moment, whatever the times of day are."""
    found = countdown_until(Countdown(before[1], before[0], None, until, allowed), target_on, zone)  # type: ignore[arg-type]
    assert found.astimezone(zone).weekday() in allowed
    assert found <= target_moment(Target(None, at, allowed), target_on, zone) + timedelta(days=1)


@given(clocks, weekdays | st.just(EVERY_DAY), days, everywhere)
def test_a_target_is_the_first_allowed_day_from_its_date_on(
    at: time, allowed: frozenset[int], target_on: date, zone: ZoneInfo
) -> None:
    """It is never early, and late by less than a week, or two where a zone left a day out."""
    found = target_moment(Target(None, at, allowed), target_on, zone).astimezone(zone)
    assert found.weekday() in allowed
    assert timedelta(0) <= found.date() - target_on < timedelta(days=14)


@given(plans, days, instants, everywhere)
def test_the_next_entry_lies_strictly_ahead(plan: DatePlan, value: date, after: datetime, zone: ZoneInfo) -> None:
    """It leads to a day on which the date falls, on an allowed weekday; what recurs always has one."""
    found = next_occurrence(plan, value, after, zone)
    assert (found is not None) or plan.recurrence == "never"
    if found is not None:
        enters_at, target_on = found
        assert enters_at > after
        assert falls_on(plan, value, target_on)
        assert enters_at.astimezone(zone).weekday() in plan.weekdays
        assert enters_at == entry_moment(plan, target_on, zone)


@given(plans, days, instants, st.timedeltas(timedelta(0), timedelta(days=800)), everywhere)
def test_the_next_entry_is_monotone(
    plan: DatePlan, value: date, after: datetime, later: timedelta, zone: ZoneInfo
) -> None:
    """Asked later, it is no sooner; asked before it, it is the same."""
    first, second = (next_occurrence(plan, value, moment, zone) for moment in (after, after + later))
    if first is None or second is None:
        assert second is None
    else:
        assert first <= second
        assert (first == second) == (first[0] > after + later)


@given(plans, days, instants, everywhere)
def test_nothing_lies_between_now_and_the_next_entry(
    plan: DatePlan, value: date, after: datetime, zone: ZoneInfo
) -> None:
    """Every day on which the date falls was looked at: none of them has an entry that was missed."""
    found = next_occurrence(plan, value, after, zone)
    around = day_before(after.astimezone(zone).date(), -plan.before_value, plan.before_unit)
    for offset in range(-20, 61):
        day = around + timedelta(days=offset)
        if falls_on(plan, value, day):
            moment = entry_moment(plan, day, zone)
            assert moment <= after or (found is not None and found[0] <= moment)


@given(plans, days, instants, everywhere, st.integers(1, 5))
def test_each_date_is_entered_once(plan: DatePlan, value: date, floor: datetime, zone: ZoneInfo, times: int) -> None:
    """Whoever joins again and again goes from date to date, never before the floor."""
    entered: list[date] = []
    for _ in range(times):
        found = next_joining(plan, value, floor, zone, entered)
        if found is not None:
            assert found[0] >= floor
            entered.append(found[1])
    assert sorted(set(entered)) == entered
