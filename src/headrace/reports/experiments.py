"""Experiments: which variation wins, and how sure that is.

What is here: pure arithmetic over what each variation brought. What is not: reading the figures and ending the
experiment (`headrace.engine.experiments`). Follows reference 2.4.

The rate of a variation with s successes among n recipients is Beta(1 + s, 1 + n - s). The probability that a variation
is the best is the integral of its density times the chance that every other one lies below, on a grid that holds all
but e^-40 of the density: no number is drawn, so the same figures always give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

CERTAINTY = 0.9
"""The win probability, a fraction 0-1, from which a result is significant. Source: reference 2.4."""
LEAST = 500
"""The recipients that every variation must have for that. Source: reference 2.4."""
MOST_OVERLAP = 0.1
"""The share by which the intervals of the winner and any other may overlap. Source: reference 2.4."""
INTERVAL = 0.95
"""The probability that a rate lies within its interval."""

POINTS = 1000
DEPTH = 40.0


@dataclass(frozen=True, slots=True)
class Arm:
    """A variation and what it brought: `successes` of its `recipients` did what the experiment counts."""

    id: str
    recipients: int
    successes: int

    @property
    def failures(self) -> int:
        """Recipients who did not; a success beyond the recipients counts as one of them."""
        return max(0, self.recipients - self.successes)

    @property
    def rate(self) -> float:
        """Successes per recipient, 0-1, 0 for none."""
        return min(1.0, self.successes / self.recipients) if self.recipients else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the figures of an experiment say; sequences lie parallel to the variations.

    `winner` is set where the result is significant, `leader` always. `probabilities` are the chances of being the best,
    which sum to 1; `intervals` hold the rate with a probability of 95 %; `overlap` is the largest share by which the
    leader's interval and another one lie over each other.
    """

    winner: str | None
    leader: str
    significant: bool
    probabilities: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    overlap: float


def verdict(variations: Sequence[Arm], certainty: float = CERTAINTY, least: int = LEAST) -> Verdict:
    """Judge at least one variation.

    A result is significant when every variation has `least` recipients, the leader's win probability reaches
    `certainty` (0-1) and its interval overlaps no other by a tenth. Source: reference 2.4.
    """
    curves = [_Curve.of(one) for one in variations]
    probabilities = _win_probabilities(curves)
    intervals = tuple(curve.interval() for curve in curves)
    ahead = leader(variations)
    place = next(number for number, one in enumerate(variations) if one.id == ahead)
    others = [interval for number, interval in enumerate(intervals) if number != place]
    overlap = max((overlap_of(intervals[place], other) for other in others), default=0.0)
    enough = all(one.recipients >= least for one in variations)
    sure = enough and probabilities[place] >= certainty and overlap < MOST_OVERLAP
    return Verdict(ahead if sure else None, ahead, sure, probabilities, intervals, overlap)


def leader(variations: Sequence[Arm]) -> str:
    """Return the id of the variation with the best rate; of several, or without any data, the first of them.

    Source: reference 2.4.
    """
    return max(variations, key=lambda one: one.rate).id


def overlap_of(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far two intervals lie over each other, as a share (0-1) of the narrower one.

    Our choice: the sources do not say of which.
    """
    common = min(one[1], other[1]) - max(one[0], other[0])
    narrower = min(one[1] - one[0], other[1] - other[0])
    return 0.0 if common <= 0 else min(1.0, common / narrower)


@dataclass(frozen=True, slots=True)
class _Curve:
    """A Beta density and its distribution on an even grid from `low` in steps of `step`."""

    low: float
    step: float
    density: tuple[float, ...]
    below: tuple[float, ...]

    @classmethod
    def of(cls, arm: Arm) -> _Curve:
        """Return the curve of a variation's rate; the density integrates to 1 on the grid."""
        log = _log_density(arm.successes, arm.failures)
        total = arm.successes + arm.failures
        mode = arm.successes / total if total else 0.5
        low, high = _reach(log, mode, 0.0), _reach(log, mode, 1.0)
        step = (high - low) / POINTS
        peak = log(mode)
        raw = [math.exp(log(low + number * step) - peak) for number in range(POINTS + 1)]
        below = [0.0]
        for left, right in pairwise(raw):
            below.append(below[-1] + (left + right) / 2 * step)
        mass = below[-1]
        return cls(low, step, tuple(one / mass for one in raw), tuple(one / mass for one in below))

    def chance_below(self, rate: float) -> float:
        """Return the probability that the rate lies below `rate`."""
        at = (rate - self.low) / self.step
        if at <= 0:
            return 0.0
        number = int(at)
        if number >= POINTS:
            return 1.0
        return self._between(number, at - number)

    def _between(self, number: int, part: float) -> float:
        """Return the distribution between two points of the grid, by the cubic that has the density as its slope."""
        left, right = self.below[number], self.below[number + 1]
        from_left, from_right = self.density[number] * self.step, self.density[number + 1] * self.step
        rest = 1 - part
        return (
            (1 + 2 * part) * rest * rest * left
            + part * rest * rest * from_left
            + part * part * (3 - 2 * part) * right
            - part * part * rest * from_right
        )

    def interval(self) -> tuple[float, float]:
        """Return the rates between which the middle 95 % lie."""
        tail = (1 - INTERVAL) / 2
        return self._quantile(tail), self._quantile(1 - tail)

    def _quantile(self, share: float) -> float:
        low, high = self.low, self.low + POINTS * self.step
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.chance_below(middle) < share else (low, middle)
        return (low + high) / 2


def _log_density(successes: int, failures: int) -> Callable[[float], float]:
    """Return the logarithm of Beta(1 + successes, 1 + failures) up to a constant, without its infinite ends."""

    def log(rate: float) -> float:
        won = successes * math.log(max(rate, 1e-300)) if successes else 0.0
        lost = failures * math.log(max(1 - rate, 1e-300)) if failures else 0.0
        return won + lost

    return log


def _reach(log: Callable[[float], float], mode: float, end: float) -> float:
    """Return how far from its mode towards an end of [0, 1] a density matters."""
    floor = log(mode) - DEPTH
    if log(end) >= floor:
        return end
    inside, outside = mode, end
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if log(middle) >= floor else (inside, middle)
    return outside


def _win_probabilities(curves: Sequence[_Curve]) -> tuple[float, ...]:
    """Return each curve's chance to be the highest; they are made to sum to 1, which they miss by rounding only."""
    found = [_wins(curve, [one for one in curves if one is not curve]) for curve in curves]
    total = sum(found)
    return tuple(one / total for one in found)


def _wins(curve: _Curve, others: Sequence[_Curve]) -> float:
    total = 0.0
    for number, density in enumerate(curve.density):
        rate = curve.low + number * curve.step
        weight = density * curve.step * (0.5 if number in (0, POINTS) else 1.0)
        for other in others:
            weight *= other.chance_below(rate)
        total += weight
    return total
