"""The grid of time: days that start where their zone says, and the plan that reads a span."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from headrace.storage.slots import QUARTER, Grain, Span, day_of, day_start, plan

ZONES = ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/Havana", "Africa/Cairo"]


def at(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", ZONES)
def test_every_quarter_hour_of_a_year_lies_in_the_day_that_holds_it(name: str) -> None:
    """A day's quarter-hours run from its start to the next one's, across every change of the clocks."""
    zone, slot = ZoneInfo(name), at("2026-01-01")
    while slot < at("2027-01-01"):
        day = day_of(slot, zone)
        assert day_start(day, zone) <= slot < day_start(day + timedelta(days=1), zone)
        slot += QUARTER * 3


def test_a_plan_takes_the_coarsest_rows_that_fit() -> None:
    """Raw rows in cut quarters, then quarters, days and months in between."""
    span = Span(at("2026-01-15T10:07"), at("2026-04-03T05:20"))
    found = plan(span, ZoneInfo("UTC"))
    assert found.raw == (Span(span.start, at("2026-01-15T10:15")), Span(at("2026-04-03T05:15"), span.end))
    assert found.rows == (
        (Grain.QUARTER, Span(at("2026-01-15T10:15"), at("2026-01-16"))),
        (Grain.DAY, Span(at("2026-01-16"), at("2026-02-01"))),
        (Grain.MONTH, Span(at("2026-02-01"), at("2026-04-01"))),
        (Grain.DAY, Span(at("2026-04-01"), at("2026-04-03"))),
        (Grain.QUARTER, Span(at("2026-04-03"), at("2026-04-03T05:15"))),
    )


@pytest.mark.parametrize("coarsest", Grain)
def test_a_plan_has_no_row_longer_than_allowed(coarsest: Grain) -> None:
    """Hours are read in quarter-hours, days and weeks in days; the whole span is covered all the same."""
    span = Span(at("2026-01-15T10:00"), at("2026-04-03T05:15"))
    found = plan(span, ZoneInfo("Europe/Berlin"), coarsest).rows
    assert max(grain for grain, _ in found) is coarsest
    assert [span.start, *(one.end for _, one in found)] == [*(one.start for _, one in found), span.end]


def test_a_plan_inside_one_quarter_hour_reads_raw_rows_only() -> None:
    """Nothing of the roll-ups fits."""
    span = Span(at("2026-01-15T10:01"), at("2026-01-15T10:09"))
    assert plan(span, ZoneInfo("UTC")).raw == (span,)
    assert plan(span, ZoneInfo("UTC")).rows == ()


def test_without_a_zone_quarter_hours_must_do() -> None:
    """While no days are derived, the whole span is read in its finest rows."""
    span = Span(at("2026-01-01"), at("2026-03-01"))
    assert plan(span, None).rows == ((Grain.QUARTER, span),)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("shift", [0, 1, 47, 900, 20_000])
def test_a_plan_covers_its_span_without_gap_or_overlap(name: str, shift: int) -> None:
    """The parts, in order, run from the start of the span to its end."""
    start = at("2026-03-05T22:10") + timedelta(minutes=shift)
    span = Span(start, start + timedelta(days=100, minutes=shift))
    found = plan(span, ZoneInfo(name))
    parts = sorted((*found.raw, *(part for _, part in found.rows)), key=lambda part: part.start)
    assert parts[0].start == span.start
    assert parts[-1].end == span.end
    assert all(one.end == two.start for one, two in pairwise(parts))


def test_a_month_follows_december() -> None:
    """A span over the turn of the year has a row for the month of December."""
    found = plan(Span(at("2025-11-20"), at("2026-01-10")), ZoneInfo("UTC"))
    assert (Grain.MONTH, Span(at("2025-12-01"), at("2026-01-01"))) in found.rows
    assert day_of(at("2025-12-31T23:45"), ZoneInfo("UTC")) == date(2025, 12, 31)
