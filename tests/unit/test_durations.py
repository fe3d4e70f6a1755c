"""Durations and moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.engine.durations import read_duration, read_moment
from headrace.errors import CommandError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d", timedelta(days=3)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("2w", timedelta(days=14)),
        ("45s", timedelta(seconds=45)),
        ("1d 2h", timedelta(hours=26)),
        (" 1.5 H ", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("P3D", timedelta(days=3)),
        ("p1dt12h30m", timedelta(hours=36, minutes=30)),
        ("PT90S", timedelta(seconds=90)),
        ("P2W", timedelta(days=14)),
    ],
)
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    """Numbers with units, one or several, and periods of ISO 8601."""
    assert expected == read_duration(text)


@pytest.mark.parametrize("text", ["", "3", "d", "3x", "3d!", "-3d", "P", "PT", "P1M", "P1Y", "1 day", "3d P1D"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    """The message quotes what was written."""
    with pytest.raises(CommandError, match="is not a duration"):
        read_duration(text)


def test_nobody_moves_further_than_ten_years() -> None:
    """A slip of the finger is not carried out."""
    with pytest.raises(CommandError, match="longer than ten years"):
        read_duration("99999d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:00:00Z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02T10:00:00+02:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_a_moment_without_an_offset_is_utc(text: str, expected: datetime) -> None:
    """ISO 8601, with or without an offset."""
    assert expected == read_moment(text)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """The message quotes what was written."""
    with pytest.raises(CommandError):
        read_moment(text)
