"""The published suite of local times: every wait ends where the zone's rules say, and the suite itself is sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dst_cases import Case, answer, cases, groups


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.asked} | {case.zone} | {case.given}")
def test_the_calendar_answers_as_published(case: Case) -> None:
    """The answer is the moment that was worked out from the zone's rules by hand."""
    assert case.expected == answer(case)


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.asked} | {case.zone} | {case.given}")
def test_the_expected_moment_reads_as_told_on_the_local_clock(case: Case) -> None:
    """Each case tells its moment twice, in UTC and with the zone's offset; the zone's rules say that both are one."""
    expected = case.expected_at
    shown = expected.astimezone(ZoneInfo(case.zone)).isoformat(" ", "minutes") if expected else ""
    assert case.local == f"{shown[:16]} {shown[16:]}".strip()


def test_every_kind_of_wait_is_in_the_suite() -> None:
    """Delays, countdowns, target dates, entries and quiet hours, in no fewer than 120 cases."""
    kinds = {case.asked.split()[0] for case in cases()}
    assert {"delay", "countdown", "target", "enter", "quiet"} == kinds
    assert len(cases()) >= 120


def test_no_case_is_told_twice() -> None:
    """What is asked, where and when names a case."""
    names = [(case.asked, case.zone, case.given) for group in groups() for case in group["cases"]]
    assert sorted(set(names)) == sorted(names)


def test_the_page_shows_the_suite() -> None:
    """`make docs` has been run since the suite last changed."""
    script = Path(__file__).parents[3] / "scripts" / "dst_page.py"
    checked = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert ("", 0) == (checked.stderr, checked.returncode)
