"""Steps taken, or not taken, in an order and in a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from known_facts import NOW

from headrace.conditions.profile_metric_funnel import passed

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("steps", "window", "expected"),
    [
        (["+: 1", "+: 2"], None, True),
        (["+: 2", "+: 1"], None, False),
        (["+: 1 3", "+: 2"], None, True),
        (["+: 1", "+: 3"], 2, True),
        (["+: 1", "+: 4"], 2, False),
        (["+: 1 3", "+: 4"], 2, True),
        (["+: 1 9", "+: 2 6", "+: 3 12"], 2, True),
        (["+: 1 9", "+: 6 10", "+: 3 12"], 2, False),
        (["+: 1", "-: 2", "+: 3"], None, False),
        (["+: 1", "-: 4", "+: 3"], None, True),
        (["+: 1", "-: 2", "+: 3", "+: 4"], None, False),
        (["+: 1 5", "-: 2", "+: 6"], None, True),
        (["+: 1", "-: 2"], None, False),
        (["+: 1", "-: 4"], 2, True),
        (["+: 1", "-: 3"], 2, False),
        (["+: 1", "-: "], 2, True),
        (["-: 1", "+: 2"], None, False),
        (["-: 3", "+: 2"], None, True),
        (["-: 1"], None, False),
        (["-: "], None, True),
        (["+: "], None, False),
        ([], None, True),
    ],
)
def test_steps_are_passed_in_order(steps: list[str], window: int | None, expected: bool) -> None:
    """Each step is given as taken or not, with the hours of its events; the window is in hours."""
    held = [
        (tuple((NOW + int(hour) * HOUR, int(hour)) for hour in step[2:].split()), step.startswith("+"))
        for step in steps
    ]
    assert expected is passed(held, None if window is None else window * HOUR)


def test_one_event_is_no_two_steps() -> None:
    """A metric that stands in both steps must have happened twice; at one moment the order is that of arrival."""
    once, twice = ((NOW, 1),), ((NOW, 1), (NOW, 2))
    assert (False, True) == (passed([(once, True), (once, True)], DAY), passed([(twice, True), (twice, True)], DAY))
