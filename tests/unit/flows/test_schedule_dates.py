"""The dates that flows lead to: when people enter, and what dates they have."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from headrace.flows.fields import DateTimeText
from headrace.flows.schedule import (
    Countdown,
    DatePlan,
    Recurrence,
    Target,
    countdown_until,
    day_before,
    falls_on,
    next_joining,
    next_occurrence,
    target_moment,
)

UTC_ZONE, PARIS, TOKYO = ZoneInfo("UTC"), ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Tokyo")
NINE = time(9)
BIRTHDAY = date(1990, 6, 15)


def utc(text: str) -> datetime:
    """Return an instant from its spelling in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_zone_of_its_own_goes_before_the_profile_s() -> None:
    """Plans, countdowns and targets that name a zone take no notice of where the person is."""
    plan = DatePlan(0, "days", "annually", NINE, zone=TOKYO)
    assert (utc("2024-06-15 00:00"), date(2024, 6, 15)) == next_occurrence(
        plan, BIRTHDAY, utc("2024-01-01 00:00"), PARIS
    )
    assert utc("2024-06-14 00:00") == countdown_until(Countdown("days", 1, TOKYO, NINE), date(2024, 6, 15), PARIS)
    assert utc("2024-06-15 00:00") == target_moment(Target(TOKYO, NINE), date(2024, 6, 15), PARIS)


def test_no_weekday_at_all_is_every_weekday() -> None:
    """An empty set restricts nothing."""
    plan = DatePlan(0, "days", "annually", NINE, frozenset())
    expected = next_occurrence(DatePlan(0, "days", "annually", NINE), BIRTHDAY, utc("2024-01-01 00:00"), PARIS)
    assert expected == next_occurrence(plan, BIRTHDAY, utc("2024-01-01 00:00"), PARIS)


@pytest.mark.parametrize("recurrence", ["annually", "monthly", "weekly", "never"])
@pytest.mark.parametrize("value", [date.min, date(1600, 2, 29), date.max])
@pytest.mark.parametrize("before", [0, 1, 10**4, 10**18])
@pytest.mark.parametrize("unit", ["days", "weeks", "months"])
def test_every_date_and_every_number_has_an_answer(recurrence: str, value: date, before: int, unit: str) -> None:
    """At the ends of the calendar, and for numbers beyond it, the search ends without an error."""
    plan = DatePlan(before, unit, recurrence, NINE)  # type: ignore[arg-type]
    for find in (next_occurrence, next_joining):
        found = find(plan, value, utc("2024-01-01 00:00"), PARIS)
        assert found is None or found[0] >= utc("2024-01-01 00:00")


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("days", 15, date(2024, 5, 16)),
        ("weeks", 2, date(2024, 5, 17)),
        ("months", 1, date(2024, 4, 30)),
        ("months", 3, date(2024, 2, 29)),
        ("months", 15, date(2023, 2, 28)),
        ("months", 0, date(2024, 5, 31)),
    ],
)
def test_the_day_before(unit: str, value: int, expected: date) -> None:
    """Months keep the day of the month, or take the month's last."""
    assert expected == day_before(date(2024, 5, 31), value, unit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recurrence", "value", "day", "expected"),
    [
        ("annually", date(1990, 6, 15), date(2024, 6, 15), True),
        ("annually", date(1990, 6, 15), date(2024, 7, 15), False),
        ("annually", date(2000, 2, 29), date(2023, 2, 28), True),
        ("annually", date(2000, 2, 29), date(2024, 2, 28), False),
        ("annually", date(2000, 2, 28), date(2023, 2, 28), True),
        ("monthly", date(2024, 1, 31), date(2024, 4, 30), True),
        ("monthly", date(2024, 1, 31), date(2024, 5, 30), False),
        ("weekly", date(2024, 1, 7), date(2024, 3, 31), True),
        ("weekly", date(2024, 1, 8), date(2024, 3, 31), False),
        ("never", date(2024, 6, 15), date(2024, 6, 15), True),
        ("never", date(2023, 6, 15), date(2024, 6, 15), False),
    ],
)
def test_whether_a_date_recurs_on_a_day(recurrence: str, value: date, day: date, expected: bool) -> None:
    """This is how a run knows that its date still holds."""
    assert expected == falls_on(DatePlan(recurrence=recurrence), value, day)  # type: ignore[arg-type]


def test_who_comes_before_the_entry_waits_for_it() -> None:
    """Two weeks before the 15th is the 1st."""
    plan = DatePlan(2, "weeks", "annually", NINE)
    found = next_joining(plan, BIRTHDAY, utc("2024-05-20 00:00"), UTC_ZONE)
    assert (utc("2024-06-01 09:00"), date(2024, 6, 15)) == found


@pytest.mark.parametrize("at", ["2024-06-01 09:00", "2024-06-10 12:00", "2024-06-15 23:00"])
def test_who_comes_between_the_entry_and_the_date_joins_at_once(at: str) -> None:
    """The date may be today."""
    plan = DatePlan(2, "weeks", "annually", NINE)
    assert (utc(at), date(2024, 6, 15)) == next_joining(plan, BIRTHDAY, utc(at), UTC_ZONE)


def test_who_comes_after_the_date_waits_for_the_next() -> None:
    """A day later the next one is a year off."""
    plan = DatePlan(2, "weeks", "annually", NINE)
    found = next_joining(plan, BIRTHDAY, utc("2024-06-16 00:00"), UTC_ZONE)
    assert (utc("2025-06-01 09:00"), date(2025, 6, 15)) == found


def test_an_entry_on_the_day_itself_is_not_made_up_for() -> None:
    """At ten o'clock it is too late for nine o'clock."""
    plan = DatePlan(0, "days", "annually", NINE)
    found = next_joining(plan, BIRTHDAY, utc("2024-06-15 10:00"), UTC_ZONE)
    assert (utc("2025-06-15 09:00"), date(2025, 6, 15)) == found


def test_a_date_that_was_entered_is_not_entered_again() -> None:
    """Of the dates that lie within the time before them, the first that was not entered comes next."""
    plan = DatePlan(3, "weeks", "weekly", NINE)
    sunday, at = date(2024, 1, 7), utc("2024-06-01 12:00")
    first = next_joining(plan, sunday, at, UTC_ZONE)
    assert (at, date(2024, 6, 2)) == first
    assert (at, date(2024, 6, 9)) == next_joining(plan, sunday, at, UTC_ZONE, {date(2024, 6, 2)})
    every = {date(2024, 6, day) for day in (2, 9, 16)}
    assert (utc("2024-06-02 09:00"), date(2024, 6, 23)) == next_joining(plan, sunday, at, UTC_ZONE, every)


@pytest.mark.parametrize("recurrence", ["annually", "monthly", "weekly"])
def test_entries_of_ages_ago_are_not_made_up_for(recurrence: Recurrence) -> None:
    """However long before its dates a flow begins, joining it late leads to the dates of a year's entries at most."""
    plan, at = DatePlan(9999, "months", recurrence, NINE), utc("2024-06-01 12:00")
    entered: list[date] = []
    while (found := next_joining(plan, BIRTHDAY, at, UTC_ZONE, entered)) and found[0] == at:
        entered.append(found[1])
    assert {"annually": 2, "monthly": 13, "weekly": 54}[recurrence] >= len(entered)


def test_a_date_that_comes_once_is_joined_however_early_the_flow_begins() -> None:
    """Whoever's one date is ahead joins in the middle, though the flow began years ago for them."""
    plan, at = DatePlan(60, "months", "never", NINE), utc("2024-06-01 12:00")
    assert (at, date(2024, 8, 1)) == next_joining(plan, date(2024, 8, 1), at, UTC_ZONE)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_utc_cannot_say_is_refused(text: str) -> None:
    """At the ends of the calendar an offset leads out of it; whoever reads such a moment later could not go on."""
    with pytest.raises(ValidationError, match="it must be a date and time"):
        TypeAdapter(DateTimeText).validate_python(text)
