"""Rate limits: fixed windows of a second, a minute and a day, per account and operation.

What is here: the counters and the headers that tell of them. What is not: the tiers, which stand in the rows. Follows
reference 7.5. Our choice: every API process counts for itself, so that N processes admit up to N times as much; limits
are there for clients to meet, not to guard this server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from headrace.clock import Clock
from headrace.errors import Throttled
from headrace.jsonapi.operation import Operation, Tier

SECOND, MINUTE, DAY = 1, 60, 86_400


@dataclass(slots=True)
class _Windows:
    """How much of each window is used: (number of the window, requests in it) by the window's length."""

    used: dict[int, tuple[int, int]] = field(default_factory=dict)

    def count(self, length: int, now: float) -> int:
        """Return the requests in the present window of a length."""
        number, count = self.used.get(length, (-1, 0))
        return count if number == int(now // length) else 0

    def add(self, length: int, now: float) -> int:
        """Count one more and return how many there are now."""
        count = self.count(length, now) + 1
        self.used[length] = (int(now // length), count)
        return count


class RateLimiter:
    """Counts requests and refuses those beyond an operation's tier."""

    __slots__ = ("_clock", "_windows")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], _Windows] = {}

    def admit(self, account_id: str, operation: Operation) -> Mapping[str, str]:
        """Count a request and return the headers that tell of the minute's window; raises `Throttled`."""
        now = self._clock.now().timestamp()
        windows = self._windows.setdefault((account_id, operation.id), _Windows())
        limits = _limits(operation.tier)
        for length, limit in limits.items():
            if windows.count(length, now) >= limit:
                raise _throttled(max(1, ceil(length - now % length)))
        counts = {length: windows.add(length, now) for length in limits}
        return {
            "RateLimit-Limit": str(limits[MINUTE]),
            "RateLimit-Remaining": str(limits[MINUTE] - counts[MINUTE]),
            "RateLimit-Reset": str(max(1, ceil(MINUTE - now % MINUTE))),
        }


def _limits(tier: Tier) -> dict[int, int]:
    """Return how many requests each window admits, by its length in seconds."""
    limits = {SECOND: tier.burst, MINUTE: tier.steady}
    return limits if tier.daily is None else {**limits, DAY: tier.daily}


def _throttled(seconds: int) -> Throttled:
    unit = "second" if seconds == 1 else "seconds"
    return Throttled(
        f"Request was throttled. Expected available in {seconds} {unit}.",
        pointer="/data/",
        meta={"retry_after": seconds},
    )
