"""Which variation of an experiment wins, and how sure that is."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from headrace.reports.experiments import Arm, leader, overlap_of, verdict


def exact(one: Arm, other: Arm) -> float:
    """Return the chance that `other` has the higher rate, by the sum that holds for whole numbers."""

    def log_beta(a: int, b: int) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    a, b = 1 + one.successes, 1 + one.failures
    c, d = 1 + other.successes, 1 + other.failures
    return sum(
        math.exp(log_beta(a + i, b + d) - math.log(d + i) - log_beta(1 + i, d) - log_beta(a, b)) for i in range(c)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0, 0), (0, 0)),
        ((1, 0), (1, 1)),
        ((10, 3), (10, 6)),
        ((500, 50), (500, 75)),
        ((1000, 0), (1000, 3)),
        ((1000, 1000), (1000, 990)),
        ((50_000, 5_000), (600, 70)),
        ((1_000_000, 100_000), (1_000_000, 100_500)),
    ],
)
def test_the_chance_to_win_is_the_exact_one(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Of two variations it equals the closed sum, from no data to a million recipients."""
    arms = Arm("a", *one), Arm("b", *other)
    found = verdict(arms).probabilities
    assert pytest.approx(exact(*arms), abs=1e-4) == found[1]
    assert pytest.approx(1.0) == sum(found)


def test_twenty_five_equal_variations_have_equal_chances() -> None:
    """Nobody is favored by the order, and the chances sum to 1."""
    found = verdict([Arm(str(number), 800, 40) for number in range(25)])
    assert pytest.approx([0.04] * 25) == list(found.probabilities)
    assert (None, "0", False) == (found.winner, found.leader, found.significant)


def test_more_successes_never_lower_the_chance() -> None:
    """The chance grows with the successes, from none to all."""
    chances = [verdict([Arm("a", 200, 100), Arm("b", 200, won)]).probabilities[1] for won in range(0, 201, 10)]
    assert all(earlier <= later + 1e-9 for earlier, later in pairwise(chances))


def test_the_interval_holds_the_rate() -> None:
    """Of 100 successes among 1000 the middle 95 % of the posterior; without data nearly everything."""
    known, unknown = verdict([Arm("a", 1000, 100), Arm("b", 0, 0)]).intervals
    assert pytest.approx((0.0829, 0.1202), abs=5e-4) == known
    assert pytest.approx((0.025, 0.975), abs=1e-3) == unknown


def test_a_clear_result_is_significant() -> None:
    """Enough recipients, a high chance and intervals that hardly overlap make a winner."""
    found = verdict([Arm("a", 2000, 100), Arm("b", 2000, 200)])
    assert ("b", "b", True) == (found.winner, found.leader, found.significant)


@pytest.mark.parametrize(
    ("one", "other", "chance_is_high", "overlaps"),
    [
        pytest.param((499, 10), (5000, 900), True, False, id="too few recipients"),
        pytest.param((500, 50), (500, 52), False, True, id="too low a chance"),
        pytest.param((500, 50), (500, 72), True, True, id="overlapping intervals"),
    ],
)
def test_a_result_that_is_not_sure_names_no_winner(
    one: tuple[int, int], other: tuple[int, int], chance_is_high: bool, overlaps: bool
) -> None:
    """Each of the three conditions is needed; the leader is known all the same."""
    found = verdict([Arm("a", *one), Arm("b", *other)])
    assert (None, "b", False) == (found.winner, found.leader, found.significant)
    assert (chance_is_high, overlaps) == (found.probabilities[1] >= 0.9, found.overlap >= 0.1)


def test_the_conditions_can_be_set() -> None:
    """A lower certainty is reached sooner, a lower number of recipients too."""
    arms = [Arm("a", 100, 5), Arm("b", 100, 40)]
    assert None is verdict(arms).winner
    assert "b" == verdict(arms, least=100).winner


def test_a_tie_and_no_data_go_to_the_first() -> None:
    """Among the best it is the first in the order of the variations."""
    assert "a" == leader([Arm("a", 0, 0), Arm("b", 0, 0)])
    assert "b" == leader([Arm("a", 10, 1), Arm("b", 10, 5), Arm("c", 20, 10)])


def test_more_successes_than_recipients_are_everybody() -> None:
    """Figures that come in out of order break nothing."""
    assert 1.0 == Arm("a", 3, 5).rate
    assert "a" == verdict([Arm("a", 3, 5), Arm("b", 3, 0)]).leader


def test_overlap_is_a_share_of_the_narrower_interval() -> None:
    """Disjoint intervals have none, one inside the other has all."""
    assert 0.0 == overlap_of((0.1, 0.2), (0.3, 0.4))
    assert 1.0 == overlap_of((0.1, 0.4), (0.2, 0.3))
    assert pytest.approx(0.5) == overlap_of((0.1, 0.3), (0.25, 0.35))
