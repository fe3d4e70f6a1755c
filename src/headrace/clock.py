"""The clocks: the only module that reads the time.

Two kinds of time are kept apart. *System time* (leases, provider back-off, API limits, job locks) is the machine's and
is always read from a `SystemClock`. *Domain time* (entry, delays, windows, tokens, reports) is the account's and may be
virtual: code receives a `Clock` and never asks which kind it holds.

Our choice: virtual time only moves forward, because a delivery that was sent cannot be unsent.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present moment as an aware UTC `datetime`."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """Return the machine's time, aware, in UTC."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until somebody moves it forward."""

    __slots__ = ("_now",)

    def __init__(self, start: datetime) -> None:
        self._now = as_utc(start)

    def now(self) -> datetime:
        """Return the moment this clock was last moved to."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by a duration of zero or more and return the new moment."""
        return self.move_to(self._now + by)

    def move_to(self, moment: datetime) -> datetime:
        """Move forward to `moment`; raises `ValueError` when it lies before the present one."""
        moment = as_utc(moment)
        if moment < self._now:
            raise ValueError(f"a clock at {self._now.isoformat()} cannot go back to {moment.isoformat()}")
        self._now = moment
        return moment


def as_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; raises `ValueError` for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset")
    return moment.astimezone(UTC)


def to_second(moment: datetime) -> datetime:
    """Cut a moment down to its whole second, the grain of event times. Source: reference 5.4."""
    return moment.replace(microsecond=0)


def stopwatch() -> float:
    """Return a monotonic count of seconds, for measuring durations and never for telling the time."""
    return time.monotonic()
