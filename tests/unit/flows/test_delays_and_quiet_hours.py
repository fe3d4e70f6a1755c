"""When delays and quiet hours end, through clock changes and in odd zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.errors import Problems
from headrace.flows.definition import validate
from headrace.flows.schedule import Delay, delay_until, instant, quiet_until, read_time, read_zone

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
KATHMANDU, ADELAIDE, CHATHAM = ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Adelaide"), ZoneInfo("Pacific/Chatham")
WORKDAYS = frozenset(range(5))


def utc(text: str) -> datetime:
    """Return an instant from its spelling in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (Delay("minutes", 30), "2024-05-14T14:30"),
        (Delay("minutes", 1, 30), "2024-05-14T14:01:30"),
        (Delay("hours", 4), "2024-05-14T18:00"),
        (Delay("hours", 4, 15), "2024-05-14T18:15"),
        (Delay("days", 2), "2024-05-16T14:00"),
        (Delay("days", 2, 3), "2024-05-16T17:00"),
        (Delay("days", 0), "2024-05-14T14:00"),
    ],
)
def test_delays_without_a_time_of_day_are_elapsed_time(delay: Delay, expected: str) -> None:
    """`secondary_value` counts in the next smaller unit."""
    assert utc(expected) == delay_until(delay, utc("2024-05-14T14:00"), PARIS)


def test_a_day_is_24_hours_even_where_the_clock_changes() -> None:
    """Without a time of day, a delay over a clock change ends an hour off on the clock."""
    assert utc("2024-03-31T10:00") == delay_until(Delay("days", 1), utc("2024-03-30T10:00"), PARIS)


@pytest.mark.parametrize("arrival", ["2024-05-14T14:00", "2024-05-14T16:00"])
def test_one_day_until_three_o_clock(arrival: str) -> None:
    """Reached an hour before or after three, it ends at three on the next day."""
    delay = Delay("days", 1, until_time=time(15))
    assert utc("2024-05-15T15:00") == delay_until(delay, utc(arrival), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        ("2024-05-14T14:59", "2024-05-14T15:00"),
        ("2024-05-14T15:00", "2024-05-14T15:00"),
        ("2024-05-14T15:01", "2024-05-15T15:00"),
    ],
)
def test_no_days_until_a_time_is_today_while_it_is_ahead(arrival: str, expected: str) -> None:
    """Later than that it is tomorrow."""
    assert utc(expected) == delay_until(Delay("days", 0, until_time=time(15)), utc(arrival), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (PARIS, "2024-05-15T07:00"),
        (NEW_YORK, "2024-05-15T13:00"),
        (KATHMANDU, "2024-05-16T03:15"),
        (ADELAIDE, "2024-05-15T23:30"),
        (CHATHAM, "2024-05-15T20:15"),
    ],
)
def test_the_local_date_and_clock_count(zone: ZoneInfo, expected: str) -> None:
    """At 20:00 UTC on the 14th it is already the 15th in the east; half and quarter hours are kept."""
    delay = Delay("days", 1, until_time=time(9))
    assert utc(expected) == delay_until(delay, utc("2024-05-14T20:00"), zone)


def test_a_zone_of_its_own_goes_before_the_profile_s() -> None:
    """`timezone` other than `profile` is the delay's."""
    delay = Delay("days", 1, zone=PARIS, until_time=time(9))
    assert utc("2024-05-15T07:00") == delay_until(delay, utc("2024-05-14T12:00"), NEW_YORK)


@pytest.mark.parametrize(
    ("delay", "arrival", "expected"),
    [
        (Delay("hours", 1, weekdays=WORKDAYS), "2024-05-17T12:00", "2024-05-17T13:00"),
        (Delay("days", 1, weekdays=WORKDAYS), "2024-05-17T12:00", "2024-05-20T12:00"),
        (Delay("days", 1, until_time=time(9), weekdays=WORKDAYS), "2024-05-17T12:00", "2024-05-20T07:00"),
        (Delay("days", 0, until_time=time(9), weekdays=frozenset([1])), "2024-05-14T12:00", "2024-05-21T07:00"),
        (Delay("hours", 2, until_time=time(9)), "2024-05-14T06:30", "2024-05-15T07:00"),
        (Delay("hours", 2, until_time=time(9)), "2024-05-14T04:30", "2024-05-14T07:00"),
        (Delay("days", 1, 10, until_time=time(9)), "2024-05-14T20:00", "2024-05-16T07:00"),
    ],
)
def test_weekdays_and_times_move_a_delay_on(delay: Delay, arrival: str, expected: str) -> None:
    """Day by day to the first allowed weekday in Paris, at the time of day asked for or else reached."""
    assert utc(expected) == delay_until(delay, utc(arrival), PARIS)


def test_the_weekday_is_the_local_one() -> None:
    """Saturday morning in Kathmandu is still Friday in UTC."""
    delay = Delay("hours", 1, weekdays=WORKDAYS)
    assert utc("2024-05-19T19:00") == delay_until(delay, utc("2024-05-17T18:00"), KATHMANDU)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        (PARIS, date(2024, 3, 31), time(2, 30), "2024-03-31T01:00"),
        (NEW_YORK, date(2024, 3, 10), time(2, 0), "2024-03-10T07:00"),
        (PARIS, date(2024, 10, 27), time(2, 30), "2024-10-27T00:30"),
        (ZoneInfo("Australia/Lord_Howe"), date(2024, 10, 6), time(2, 15), "2024-10-05T15:30"),
        (ZoneInfo("America/Sao_Paulo"), date(2018, 11, 4), time(0, 0), "2018-11-04T03:00"),
        (ZoneInfo("Pacific/Apia"), date(2011, 12, 30), time(12, 0), "2011-12-30T10:00"),
    ],
)
def test_times_that_do_not_exist_or_exist_twice(zone: ZoneInfo, day: date, clock: time, expected: str) -> None:
    """After a gap comes its end, be it half an hour or a day long; of two occurrences the first."""
    assert utc(expected) == instant(day, clock, zone)


def test_an_ambiguous_time_that_has_passed_once_is_taken_on_the_next_day() -> None:
    """Arriving between the two 02:30 of the night when clocks go back, "until 02:30" is tomorrow's."""
    delay = Delay("days", 0, until_time=time(2, 30))
    assert utc("2024-10-28T01:30") == delay_until(delay, utc("2024-10-27T01:10"), PARIS)


def test_a_weekday_that_a_zone_left_out_is_next_week_s() -> None:
    """Samoa had no Friday, 30 December 2011."""
    delay = Delay("days", 1, until_time=time(12), weekdays=frozenset([4]))
    found = delay_until(delay, utc("2011-12-29T20:00"), ZoneInfo("Pacific/Apia"))
    assert utc("2012-01-05T22:00") == found


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2024-05-14T18:59", None),
        ("2024-05-14T19:00", "2024-05-15T06:00"),
        ("2024-05-14T23:30", "2024-05-15T06:00"),
        ("2024-05-15T05:59", "2024-05-15T06:00"),
        ("2024-05-15T06:00", None),
        ("2024-03-30T23:00", "2024-03-31T06:00"),
    ],
)
def test_quiet_hours_over_midnight(now: str, expected: str | None) -> None:
    """21:00 to 08:00 in Paris; the end is a local time even in the night when clocks go forward."""
    assert (utc(expected) if expected else None) == quiet_until(utc(now), time(21), time(8), PARIS)


@pytest.mark.parametrize(
    ("now", "expected"), [("12:59", None), ("13:00", "15:00"), ("14:59", "15:00"), ("15:00", None)]
)
def test_quiet_hours_within_a_day(now: str, expected: str | None) -> None:
    """A window that does not span midnight; equal ends are no window."""
    at = utc(f"2024-05-14T{now}")
    assert (utc(f"2024-05-14T{expected}") if expected else None) == quiet_until(at, time(13), time(15), ZoneInfo("UTC"))
    assert quiet_until(at, time(13), time(13), ZoneInfo("UTC")) is None


@pytest.mark.parametrize("text", ["09:00:00", "09:00", "9", "0900", "25:00", "09:00:00Z", "09:00:00+01:00", "", "noon"])
def test_times_of_day_are_read_strictly(text: str) -> None:
    """HH:MM and HH:MM:SS, no offset."""
    expected = time(9) if text in ("09:00:00", "09:00") else None
    assert expected == read_time(text)


@pytest.mark.parametrize("name", ["Europe", "Nowhere/Land", "", "../etc/passwd", "/etc/localtime", "a\x00b"])
def test_names_that_are_no_zone(name: str) -> None:
    """Whatever the text, the answer is None and no error."""
    assert read_zone(name) is None


@pytest.mark.parametrize(("unit", "value"), [("days", 3_701), ("hours", 88_801), ("days", 5_300_000)])
def test_a_delay_of_more_than_ten_years_is_refused(unit: str, value: int) -> None:
    """The mistake names the rule, whatever the unit."""
    with pytest.raises(Problems, match="a delay lasts at most 3700 days"):
        validate(lone_delay(unit, value), creating=True)


@pytest.mark.parametrize(("unit", "value"), [("days", 3_700), ("minutes", 5_300_000)])
def test_a_delay_of_ten_years_is_accepted(unit: str, value: int) -> None:
    """The longest delays stand."""
    assert lone_delay(unit, value) == validate(lone_delay(unit, value), creating=True).document


def lone_delay(unit: str, value: int) -> dict[str, Any]:
    """Return a definition that holds one delay."""
    action = {
        "temporary_id": "a",
        "type": "time-delay",
        "links": {"next": None},
        "data": {"unit": unit, "value": value},
    }
    return {"triggers": [], "profile_filter": None, "actions": [action], "entry_action_id": "a"}
