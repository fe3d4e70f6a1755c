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
from headrace.jsonapi.query import Pairs

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
        self._windows: dict[tuple[str, str, Tier], _Windows] = {}

    def admit(self, account_id: str, operation: Operation, asked: Pairs = ()) -> Mapping[str, str]:
        """Count a request and return the headers that tell of the minute's window; raises `Throttled`.

        `asked` are the query parameters. Requests that ask for something costly are counted apart from the others.
        """
        now = self._clock.now().timestamp()
        tier = tier_of(operation, asked)
        windows = self._windows.setdefault((account_id, operation.id, tier), _Windows())
        limits = _limits(tier)
        for length, limit in limits.items():
            if windows.count(length, now) >= limit:
                raise _throttled(max(1, ceil(length - now % length)))
        counts = {length: windows.add(length, now) for length in limits}
        return {
            "RateLimit-Limit": str(limits[MINUTE]),
            "RateLimit-Remaining": str(limits[MINUTE] - counts[MINUTE]),
            "RateLimit-Reset": str(max(1, ceil(MINUTE - now % MINUTE))),
        }


def tier_of(operation: Operation, asked: Pairs) -> Tier:
    """Return the tier of a request: the narrowest of what it asks for that is costly, else the operation's own."""
    if not operation.costly:
        return operation.tier
    names = (f"{name}={part.strip()}" for name, value in asked for part in value.split(","))
    costly = [operation.costly[one] for one in names if one in operation.costly]
    return min(costly, key=lambda tier: tier.steady, default=operation.tier)


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
