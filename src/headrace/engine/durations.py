"""Durations and moments as people write them: `3d`, `1d 2h`, `90m`, `P1DT12H`, or a moment of ISO 8601.

What is here: reading them. Our choice: a day is 24 hours and a week seven days; years and months have no fixed length
and are refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from headrace.errors import CommandError

UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
LONGEST = timedelta(days=3660)

_PART = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([wdhms])\s*")
_PERIOD = re.compile(r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?")


def read_duration(text: str) -> timedelta:
    """Return a duration of zero to ten years; raises `CommandError` naming what is wrong."""
    found = _parts(text.strip().lower()) or _period(text.strip().upper())
    if not found:
        raise CommandError(f"{text!r} is not a duration; write it like 3d, 12h, 30m, 2w, 1d 2h or P3D")
    length = timedelta(**found)
    if length > LONGEST:
        raise CommandError(f"{text!r} is longer than ten years, the most that a clock is moved at once")
    return length


def read_moment(text: str) -> datetime:
    """Return a moment of ISO 8601 in UTC, which it is taken for without an offset; raises `CommandError`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CommandError(f"{text!r} is not a moment of ISO 8601, like 2026-03-02T10:00:00Z") from None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise CommandError(f"{text!r} lies outside the years 1 to 9999") from None


def _parts(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    position = 0
    while match := _PART.match(text, position):
        unit = UNITS[match[2]]
        found[unit] = found.get(unit, 0) + float(match[1])
        position = match.end()
    return found if position == len(text) else {}


def _period(text: str) -> dict[str, float]:
    match = _PERIOD.fullmatch(text)
    pairs = zip(UNITS.values(), match.groups(), strict=True) if match else ()
    return {unit: float(value) for unit, value in pairs if value is not None}
