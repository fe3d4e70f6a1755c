"""The cases of `dst_suite.yaml`: reading them, and asking the calendar what they ask.

A case asks in words: `delay 1 day until 02:30 on mon-fri`, `countdown 2 weeks until 09:00`, `target 09:00`,
`enter annually 1 week before at 09:00`, `quiet 21:00-08:00`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from headrace.flows.schedule import (
    EVERY_DAY,
    Countdown,
    DatePlan,
    Delay,
    Target,
    countdown_until,
    delay_until,
    next_occurrence,
    quiet_until,
    target_moment,
)

SUITE = Path(__file__).parent / "dst_suite.yaml"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORDS = re.compile(
    r"(?P<kind>delay|countdown|target|enter|quiet)"
    r"(?: (?P<recurrence>annually|monthly|weekly|never)(?: again)?)?"
    r"(?: (?P<value>\d+) (?P<unit>minute|hour|day|week|month)s?(?: before)?)?"
    r"(?:(?: until| at)? (?P<clock>\d\d:\d\d)(?:-(?P<end>\d\d:\d\d))?)?"
    r"(?: on (?P<days>[a-z-]+))?"
)


@dataclass(frozen=True)
class Case:
    """One case: what is asked, where, what is given, the expected answer, and its moment on the local clock."""

    asked: str
    zone: str
    given: str
    expected: str
    local: str

    @property
    def expected_at(self) -> datetime | None:
        """The expected moment."""
        return None if self.expected == "none" else utc(self.expected.partition(" for ")[0])


def groups() -> list[dict[str, Any]]:
    """Return the groups of the suite: title, text and cases."""
    loaded: list[dict[str, Any]] = yaml.load(SUITE.read_text(), yaml.BaseLoader)
    return [{**group, "cases": [Case(*case) for case in group["cases"]]} for group in loaded]


def cases() -> list[Case]:
    """Return every case."""
    return [case for group in groups() for case in group["cases"]]


def answer(case: Case) -> str:
    """Return what the calendar says, spelled as the suite spells it."""
    words = WORDS.fullmatch(case.asked)
    assert words is not None, f"{case.asked!r} is not asked in the words of the suite"
    return ANSWERS[words["kind"]](words, case.given, ZoneInfo(case.zone))


def _delay(words: re.Match[str], given: str, zone: ZoneInfo) -> str:
    clock = time.fromisoformat(words["clock"]) if words["clock"] else None
    delay = Delay(f"{words['unit']}s", int(words["value"]), until_time=clock, weekdays=_weekdays(words))
    return _spelled(delay_until(delay, utc(given), zone))


def _countdown(words: re.Match[str], given: str, zone: ZoneInfo) -> str:
    clock = time.fromisoformat(words["clock"]) if words["clock"] else None
    countdown = Countdown(_unit(words), int(words["value"]), None, clock, _weekdays(words))
    return _spelled(countdown_until(countdown, date.fromisoformat(given), zone))


def _target(words: re.Match[str], given: str, zone: ZoneInfo) -> str:
    target = Target(None, time.fromisoformat(words["clock"]), _weekdays(words))
    return _spelled(target_moment(target, date.fromisoformat(given), zone))


def _enter(words: re.Match[str], given: str, zone: ZoneInfo) -> str:
    value, _, after = given.partition(" after ")
    before = (int(words["value"]), _unit(words)) if words["value"] else (0, "days")
    plan = DatePlan(*before, words["recurrence"], time.fromisoformat(words["clock"]), _weekdays(words))
    found = next_occurrence(plan, date.fromisoformat(value), utc(after), zone)
    return f"{_spelled(found[0])} for {found[1].isoformat()}" if found else "none"


def _quiet(words: re.Match[str], given: str, zone: ZoneInfo) -> str:
    found = quiet_until(utc(given), time.fromisoformat(words["clock"]), time.fromisoformat(words["end"]), zone)
    return _spelled(found) if found else "none"


ANSWERS: dict[str, Callable[[re.Match[str], str, ZoneInfo], str]] = {
    "delay": _delay,
    "countdown": _countdown,
    "target": _target,
    "enter": _enter,
    "quiet": _quiet,
}


def _unit(words: re.Match[str]) -> Any:
    return f"{words['unit']}s"


def _weekdays(words: re.Match[str]) -> frozenset[int]:
    if not words["days"]:
        return EVERY_DAY
    first, _, last = words["days"].partition("-")
    return frozenset(range(DAYS.index(first), DAYS.index(last or first) + 1))


def utc(text: str) -> datetime:
    """Return the moment that the suite spells."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _spelled(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
