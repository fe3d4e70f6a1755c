"""Intervals of series: buckets on the clocks of a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from headrace.reports.intervals import INTERVALS, buckets_of, too_long_for
from headrace.reports.timeframes import CustomFrame, span_of
from headrace.storage.slots import Span

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def span(start: str, end: str, zone: ZoneInfo = BERLIN) -> Span:
    """Return the span between two wall-clock times of a zone."""
    return span_of(frame(start, end), zone, NOW)


def frame(start: str, end: str) -> CustomFrame:
    """Return a custom timeframe."""
    return CustomFrame(datetime.fromisoformat(start), datetime.fromisoformat(end))


@pytest.mark.parametrize(
    ("interval", "starts"),
    [
        ("hourly", ["2026-02-27T22", "2026-02-27T23", "2026-02-28T00"]),
        ("daily", ["2026-02-27T00", "2026-02-28T00"]),
        ("weekly", ["2026-02-23T00"]),
        ("monthly", ["2026-02-01T00"]),
    ],
)
def test_buckets_begin_with_their_unit(interval: str, starts: list[str]) -> None:
    """The first bucket is the one that the timeframe begins in; weeks begin on Mondays."""
    found = buckets_of(span("2026-02-27T22:30", "2026-02-28T00:10"), interval, BERLIN)
    assert starts == [one.strftime("%Y-%m-%dT%H") for one in found.date_times]


def test_edges_stay_inside_the_timeframe() -> None:
    """The first and the last bucket are cut where the timeframe begins and ends."""
    whole = span("2026-01-15T06:00", "2026-03-02T18:00")
    found = buckets_of(whole, "monthly", BERLIN)
    middle = [datetime(2026, month, 1, tzinfo=BERLIN).astimezone(UTC) for month in (2, 3)]
    assert (whole.start, *middle, whole.end) == found.edges


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_has_its_hours(day: str, hours: int) -> None:
    """A day on which the clocks are changed has 23 or 25 hours, each of the same length."""
    following = (datetime.fromisoformat(day) + timedelta(days=1)).isoformat()
    found = buckets_of(span(day, following), "hourly", BERLIN)
    assert hours == len(found.date_times)
    assert {timedelta(hours=1)} == {after - before for before, after in pairwise(found.edges)}


def test_hours_follow_a_zone_of_half_hours() -> None:
    """Where the zone is half an hour off, hours still begin when the clock on the wall shows a full one."""
    zone = ZoneInfo("Asia/Kolkata")
    found = buckets_of(span("2026-05-01T10:00", "2026-05-01T12:00", zone), "hourly", zone)
    assert ["10:00", "11:00"] == [one.strftime("%H:%M") for one in found.date_times]


@pytest.mark.parametrize("interval", sorted(INTERVALS))
def test_a_timeframe_that_the_clocks_skip_is_empty(interval: str) -> None:
    """Between an hour that is left out and the one after it no time goes by, so that nothing is counted."""
    found = buckets_of(Span(NOW, NOW - timedelta(minutes=1)), interval, BERLIN)
    assert {NOW} == set(found.edges)


@pytest.mark.parametrize(
    ("interval", "start", "end", "refused"),
    [
        ("hourly", "2026-10-22", "2026-10-29", False),
        ("hourly", "2026-10-22", "2026-10-29T00:01", True),
        ("daily", "2026-03-01", "2026-04-30", False),
        ("daily", "2026-03-01", "2026-05-01", True),
        ("weekly", "2026-01-01", "2026-12-31", False),
        ("monthly", "2025-06-01", "2026-06-01", True),
    ],
)
def test_an_interval_has_a_longest_timeframe(interval: str, start: str, end: str, refused: bool) -> None:
    """It is measured by the clocks on the wall: a week is a week when the clocks are changed in it."""
    asked = frame(start, end)
    assert refused is too_long_for(interval, asked, span_of(asked, BERLIN, NOW), BERLIN)


@pytest.mark.parametrize("key", ["last_12_months", "last_365_days", "last_year"])
def test_keys_of_a_year_go_with_months_and_weeks(key: str) -> None:
    """52 weeks fall a day short of a year; keys that stand for a year are taken all the same."""
    whole = span_of(key, BERLIN, NOW)
    found = {name: too_long_for(name, key, whole, BERLIN) for name in INTERVALS}
    assert {"daily": True, "hourly": True, "monthly": False, "weekly": False} == found
