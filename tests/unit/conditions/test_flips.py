"""When time alone changes the answer of a date filter: exact moments, at the edges of days, seconds and years."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.conditions.filters.date import (
    Anniversary,
    CalendarMonth,
    RelativeAnniversary,
    RelativeDate,
    RelativeRange,
    StaticDate,
)
from headrace.conditions.filters.existence import ExistenceFilter
from headrace.conditions.flips import Edge, earliest, latest, next_flip

NOW = datetime(2023, 6, 17, 10, 30, tzinfo=UTC)
"""The day of the reference's own examples of date arithmetic."""
LAST_3_DAYS = RelativeDate("in-the-last", 3, "day")


@pytest.mark.parametrize(
    ("asked", "date", "expected"),
    [
        (LAST_3_DAYS, "2023-06-16T05:00Z", "2023-06-20T00:00:00"),
        (LAST_3_DAYS, "2023-06-14", "2023-06-18T00:00:00"),
        (LAST_3_DAYS, "2023-06-13T23:59:59Z", None),
        (LAST_3_DAYS, "2023-06-19T05:00:00.5Z", "2023-06-19T05:00:00"),
        (RelativeDate("in-the-last", 2, "week"), "2023-06-16", "2023-07-01T00:00:00"),
        (RelativeDate("in-the-last", 5, "hour"), "2023-06-17T10:00Z", "2023-06-17T15:00:00.000001"),
        (RelativeDate("at-least", 3, "day"), "2023-06-16T05:00Z", "2023-06-20T00:00:00"),
        (RelativeDate("at-least", 3, "day"), "2023-06-01", None),
        (RelativeDate("at-least", 1, "hour"), "2023-06-17T10:00Z", "2023-06-17T11:00:00.000001"),
        (RelativeDate("in-the-next", 3, "day"), "2023-06-25T12:00Z", "2023-06-22T00:00:00"),
        (RelativeDate("in-the-next", 3, "day"), "2023-06-17T01:00Z", "2023-06-18T00:00:00"),
        (RelativeDate("in-the-next", 3, "hour"), "2023-06-17T20:00Z", "2023-06-17T17:00:00"),
        (RelativeDate("in-the-last", 1_000_000, "week"), "2023-06-16", None),
        (RelativeDate("in-the-next", 1_000_000, "week"), "2023-06-18", "2023-06-19T00:00:00"),
        (RelativeRange(5, 3, "day"), "2023-06-16T05:00Z", "2023-06-19T00:00:00"),
        (RelativeRange(3, 5, "day"), "2023-06-13T05:00Z", "2023-06-19T00:00:00"),
        (RelativeRange(3, 5, "hour"), "2023-06-17T09:00Z", "2023-06-17T12:00:00"),
        (StaticDate("before", NOW + timedelta(days=3)), "2023-06-16", None),
        (CalendarMonth(7), "2023-07-16", None),
        (Anniversary("anniversary"), "1990-06-17T15:00Z", "2023-06-18T00:00:00"),
        (Anniversary("anniversary"), "1990-06-16T15:00Z", "2024-06-16T00:00:00"),
        (Anniversary("anniversary"), "2000-02-29", "2024-02-29T00:00:00"),
        (Anniversary("anniversary-month"), "1990-06-01", "2023-07-01T00:00:00"),
        (Anniversary("anniversary-month"), "1990-02-01", "2024-02-01T00:00:00"),
        (RelativeAnniversary("anniversary-next", 3, "day"), "1990-07-01T15:00Z", "2023-06-28T00:00:00"),
        (RelativeAnniversary("anniversary-last", 3, "day"), "1990-06-16", "2023-06-20T00:00:00"),
        (RelativeAnniversary("anniversary-last", 3, "day"), "1990-06-17T11:00Z", "2023-06-17T11:00:00"),
        (RelativeAnniversary("anniversary-next", 1, "day"), "2000-02-29", "2024-02-28T00:00:00"),
        (RelativeAnniversary("anniversary-next", 400, "day"), "2000-02-29", None),
        (ExistenceFilter(True), "2023-06-16", None),
        (LAST_3_DAYS, "soon", None),
        (LAST_3_DAYS, None, None),
        (None, "2023-06-16", None),
    ],
)
def test_the_next_moment_is_exact(asked: Any, date: str | None, expected: str | None) -> None:
    """The answer is another at that moment, and it is the present one until then."""
    found = next_flip(asked, date, NOW)
    assert (None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC)) == found
    if found is not None:
        answers = [asked.matches(date, at) for at in (NOW, found - timedelta(microseconds=1), found)]
        assert [answers[0], answers[0], not answers[0]] == answers


@pytest.mark.parametrize("step", ["instant", "second", "day", "month"])
@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=3), timedelta(hours=-7), timedelta(days=-40)])
def test_an_edge_passes_after_now_exactly_the_dates_since_its_first(step: Any, offset: timedelta) -> None:
    """The first date that is passed after now is passed after now, the one before it is not."""
    edge = Edge(step, offset)
    first = edge.since(NOW)
    assert first is not None
    passed, before = edge.passes(first), edge.passes(first - timedelta(microseconds=1))
    assert passed is not None
    assert before is not None
    assert (True, False) == (passed > NOW, before > NOW)


@pytest.mark.parametrize("days", [-5_000_000, 5_000_000])
def test_an_edge_beyond_all_years_passes_nothing(days: int) -> None:
    """A span of more years than there are has an end that no date comes to."""
    edge = Edge("day", timedelta(days=days))
    assert None is edge.passes(NOW)
    assert None in (edge.since(NOW), edge.until())


def test_never_is_the_latest_and_not_the_earliest() -> None:
    """None stands for never."""
    assert (NOW, None) == (earliest([None, NOW]), latest([None, NOW]))
    assert (None, NOW) == (earliest([]), latest([NOW]))
