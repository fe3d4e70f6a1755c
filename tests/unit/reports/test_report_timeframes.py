"""Timeframes: the fourteen keys and custom frames, in the account's zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from headrace.reports.timeframes import KEYS, CustomFrame, longer_than_a_year, span_of

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 11, 18, 5, tzinfo=UTC)
"""A Wednesday, 14:05 in New York, three days after the clocks went forward."""
UNTIL_NOW = "2026-03-11 14:15"
"""The end of the running quarter-hour."""

SPANS = {
    "today": ("2026-03-11", UNTIL_NOW),
    "yesterday": ("2026-03-10", "2026-03-11"),
    "this_week": ("2026-03-09", UNTIL_NOW),
    "last_week": ("2026-03-02", "2026-03-09"),
    "this_month": ("2026-03-01", UNTIL_NOW),
    "last_month": ("2026-02-01", "2026-03-01"),
    "this_year": ("2026-01-01", UNTIL_NOW),
    "last_year": ("2025-01-01", "2026-01-01"),
    "last_7_days": ("2026-03-05", UNTIL_NOW),
    "last_30_days": ("2026-02-10", UNTIL_NOW),
    "last_90_days": ("2025-12-12", UNTIL_NOW),
    "last_365_days": ("2025-03-12", UNTIL_NOW),
    "last_3_months": ("2025-12-01", "2026-03-01"),
    "last_12_months": ("2025-03-01", "2026-03-01"),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_spans_days_of_the_accounts_zone(key: str) -> None:
    """Every key, on a Wednesday afternoon in New York."""
    span = span_of(key, NEW_YORK, NOW)
    expected = [datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in SPANS[key]]
    assert [span.start, span.end] == [moment.astimezone(UTC) for moment in expected]


def test_there_are_fourteen_keys() -> None:
    """As many as the reference lists."""
    assert len(KEYS) == 14
    assert set(KEYS) == set(SPANS)


def test_a_day_on_which_clocks_change_has_its_true_length() -> None:
    """The Sunday on which New York loses an hour lasts 23 hours."""
    span = span_of("yesterday", NEW_YORK, datetime(2026, 3, 9, 12, tzinfo=UTC))
    assert span.end - span.start == timedelta(hours=23)


def test_what_was_sent_at_this_very_moment_is_in_today() -> None:
    """A frame until now includes now itself, also on the quarter-hour."""
    now = datetime(2026, 3, 11, 18, 0, tzinfo=UTC)
    span = span_of("today", NEW_YORK, now)
    assert span.start <= now < span.end


def test_a_leap_span_of_twelve_months_has_366_days() -> None:
    """`last_12_months` over a 29 February is longer than 365 days and legal."""
    span = span_of("last_12_months", ZoneInfo("UTC"), datetime(2024, 7, 1, tzinfo=UTC))
    assert span.end - span.start == timedelta(days=366)


def test_a_custom_frame_is_read_on_the_wall_clock() -> None:
    """Its times are those of the account's zone, to the second."""
    frame = CustomFrame(datetime(2026, 3, 1, 0, 0, 1), datetime(2026, 3, 20))
    span = span_of(frame, ZoneInfo("Asia/Kathmandu"), NOW)
    assert span.start == datetime(2026, 2, 28, 18, 15, 1, tzinfo=UTC)
    assert span.end == datetime(2026, 3, 19, 18, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "too_long"),
    [
        ("2025-01-01", "2026-01-01", False),
        ("2025-01-01", "2026-01-01T00:00:01", True),
        ("2024-01-01", "2025-01-01", False),
        ("2024-02-29", "2025-03-01", False),
        ("2024-02-29", "2025-03-02", True),
        ("9998-12-31", "9999-12-31", False),
        ("9999-01-01", "9999-12-31", False),
    ],
)
def test_a_custom_frame_lasts_at_most_a_year(start: str, end: str, too_long: bool) -> None:
    """A calendar year is allowed, one second more is not; a year may have 366 days."""
    frame = CustomFrame(datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert longer_than_a_year(frame) is too_long
