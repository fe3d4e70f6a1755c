"""Laws of the calendar arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from headrace.flows.schedule import EVERY_DAY, Delay, delay_until, quiet_until

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
