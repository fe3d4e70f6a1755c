"""Anniversaries as dates and as timeframes: both say the same of every day, 29 February included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from headrace.conditions import spans
from headrace.conditions.filters.date import RelativeAnniversary

DAYS = [datetime(1999, 12, 28, 12, tzinfo=UTC) + timedelta(days=number) for number in range(5 * 366)]
NOWS = [
    datetime(year, month, day, 15, 30, tzinfo=UTC)
    for year in (2023, 2024)
    for month, day in ((1, 1), (2, 27), (2, 28), (3, 1), (3, 2), (6, 17), (12, 30))
] + [datetime(2024, 2, 29, 15, 30, tzinfo=UTC)]


@pytest.mark.parametrize("operator", ["anniversary-last", "anniversary-next"])
@pytest.mark.parametrize("unit", ["hour", "day", "week"])
@pytest.mark.parametrize("quantity", [0, 1, 3, 40])
def test_a_timeframe_holds_the_days_that_the_filter_matches(operator: str, unit: str, quantity: int) -> None:
    """A day is in the timeframe exactly when it recurs within the time, over leap years and turns of the year."""
    filter_ = RelativeAnniversary(operator, quantity, unit)

    for now in NOWS:
        some = filter_.spans(now, None)
        expected = [day for day in DAYS if filter_.matches(day, now)]
        assert expected == [day for day in DAYS if any(spans.contains(span, day) for span in some)], now


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2023-02-27", False), ("2023-02-28", False), ("2024-02-27", True), ("2024-02-29", True), ("2024-03-01", False)],
)
def test_the_leap_day_recurs_in_leap_years_only(now: str, expected: bool) -> None:
    """Within the next three days of a common year there is no 29 February."""
    at = datetime.fromisoformat(now).replace(hour=10, tzinfo=UTC)

    assert expected == RelativeAnniversary("anniversary-next", 3, "day").matches("2000-02-29", at)


def test_the_spans_of_a_timeframe_are_disjoint() -> None:
    """Nothing is counted twice."""
    for now in NOWS:
        some = sorted((since, until) for since, until in _spans(now))
        assert all(until <= since for (_, until), (since, _) in pairwise(some)), now


def _spans(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    for since, until in RelativeAnniversary("anniversary-last", 10, "week").spans(now, None):
        assert since is not None
        assert until is not None
        yield since, until
