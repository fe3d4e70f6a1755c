"""Flows that lead to a date: reading a person's date, the next entry, and joining in the middle of the time line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flow_documents import (
    SAMPLE,
    KnownFacts,
    birthday,
    branch,
    branches,
    context,
    delay,
    email,
    other,
    split,
    stored,
)

from headrace.conditions.facts import Moment
from headrace.flows import CompiledFlow, compile_flow
from headrace.flows.step import Advance, Exit, Outcome, Send, Skip, Wait
from headrace.flows.triggers.date import Planned, date_of
from headrace.model import Profile

NEW_YORK = ZoneInfo("America/New_York")
ON = date(2024, 6, 20)
"""The date that runs lead to, a Thursday."""


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """Return a moment of June 2024 in New York."""
    return datetime(2024, 6, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def countdown(key: str, next_key: str | None, days: int, **data: Any) -> dict[str, Any]:
    """Return a countdown that ends so many days before the date, at nine."""
    data = {"unit": "days", "value": days, "delay_until_time": "09:00:00", **data}
    return other("countdown-delay", key, links={"next": next_key}, data=data)


def target(key: str, next_key: str | None) -> dict[str, Any]:
    """Return an anchor on the date itself, at nine."""
    return other("target-date", key, links={"next": next_key}, data={"target_time": "09:00:00"})


def flow(*actions: dict[str, Any], **fields: Any) -> CompiledFlow:
    """Compile a flow ten days before a birthday, whose actions are numbered 1, 2, ... in their order."""
    trigger = birthday(timedelta_value_before_date=10, **fields)
    return compile_flow("FLOW01", "Test", "live", 3, stored(*actions, triggers=[trigger]))


def step(compiled: CompiledFlow, number: int, now: datetime, entered_at: datetime | None = None) -> Outcome:
    """Return what comes of an action for a run that entered at a moment, by default just now."""
    moment = Moment(now, entered_at or now, NEW_YORK, "run-1")
    return compiled.actions[number].step(context(KnownFacts(moment=moment), now, NEW_YORK, ON))


def wholly() -> CompiledFlow:
    """Return a flow with messages 10, 7, 3 and 0 days before the date, and two after it."""
    return flow(
        email("a", "b"),  # 1: due on the 10th
        countdown("b", "c", 7),  # 2: until the 13th
        email("c", "d"),  # 3
        countdown("d", "e", 3),  # 4: until the 17th
        email("e", "f"),  # 5
        target("f", "g"),  # 6: until the 20th
        email("g", "h"),  # 7
        delay("h", "i", unit="days", value=1),  # 8: until the 21st
        email("i", "j"),  # 9
        delay("j", "k", unit="days", value=2, delay_until_time="12:00:00"),  # 10: until the 23rd at noon
        other("update-profile", "k", data={"profile_operations": [], "status": "live"}),  # 11
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2000-06-20", ON.replace(year=2000)),
        (" 2000-06-20 ", ON.replace(year=2000)),
        ("2000-06-20T00:00:00+00:00", ON.replace(year=2000)),
        ("2000-06-20T00:00:00Z", ON.replace(year=2000)),
        ("2000-06-20T03:00:00+00:00", date(2000, 6, 19)),
        ("2000-06-20T23:30:00", ON.replace(year=2000)),
        ("2000-06-20 23:30:00", ON.replace(year=2000)),
        ("2000-06-20T23:30:00-04:00", ON.replace(year=2000)),
        ("2000-06-21T02:00:00+02:00", date(2000, 6, 21)),
        ("2001-02-29", None),
        ("soon", None),
        ("", None),
        (961_459_200, None),
        (["2000-06-20"], None),
        (None, None),
        ("0001-01-01T03:00:00+14:00", None),
    ],
)
def test_the_day_of_a_date_is_read(value: Any, expected: date | None) -> None:
    """The clock time is ignored; the day is that of the person's zone, midnight in UTC stands for the day itself."""
    assert expected == date_of(Profile("01", properties={"birthday": value}), "birthday", NEW_YORK)


@pytest.mark.parametrize("name", ["birthday", "properties['birthday']", "created"])
def test_a_date_is_named_as_in_conditions(name: str) -> None:
    """A custom property, or one of the times that every profile has."""
    profile = Profile("01", properties={"birthday": "2000-06-19"}, created_at=datetime(2000, 6, 20, 2, tzinfo=UTC))
    assert date(2000, 6, 19) == date_of(profile, name, NEW_YORK)


def test_the_next_entry_is_planned() -> None:
    """Three days before the next birthday at nine in New York; strictly later than the moment asked about."""
    trigger = compile_flow("F", "n", "live", 1, stored(email("a"), triggers=[birthday()])).date_trigger
    assert trigger is not None
    born = Profile("01", properties={"birthday": "1980-06-20"})
    zone = timezone(timedelta(hours=9))
    assert trigger.next_entry(born, at(17, 8, 59), zone) == Planned(at(17), ON)
    assert trigger.next_entry(born, at(17), zone) == Planned(at(17).replace(year=2025), ON.replace(year=2025))
    assert trigger.next_entry(Profile("01"), at(17), zone) is None


def test_a_date_that_recurs_never_is_planned_once() -> None:
    """Not again after it."""
    found = birthday(recurrence_frequency="never", timezone="profile")
    trigger = compile_flow("F", "n", "live", 1, stored(email("a"), triggers=[found])).date_trigger
    assert trigger is not None
    profile = Profile("01", properties={"birthday": "2024-06-20"})
    assert trigger.next_entry(profile, at(1), NEW_YORK) == Planned(at(17), ON)
    assert trigger.next_entry(profile, at(18), NEW_YORK) is None


def test_who_enters_in_time_waits_for_every_anchor_and_gets_everything() -> None:
    """Countdowns end before the date, the target on it, delays run after it."""
    compiled, begun = wholly(), at(10)
    assert isinstance(step(compiled, 1, begun, begun), Send)
    assert step(compiled, 2, begun, begun) == Wait(at(13), 3)
    assert isinstance(step(compiled, 3, at(13), begun), Send)
    assert step(compiled, 4, at(13), begun) == Wait(at(17), 5)
    assert step(compiled, 6, at(17), begun) == Wait(at(20), 7)
    assert isinstance(step(compiled, 7, at(20), begun), Send)
    assert step(compiled, 8, at(20), begun) == Wait(at(21), 9)
    assert step(compiled, 10, at(21), begun) == Wait(at(23, 12), 11)


def test_who_joins_in_the_middle_gets_what_is_still_to_come() -> None:
    """Messages whose moment is past are skipped; the next anchor waits as ever."""
    compiled, now = wholly(), at(14)
    assert step(compiled, 1, now) == Skip("Past Due", 2)
    assert step(compiled, 2, now) == Advance(3)
    assert step(compiled, 3, now) == Skip("Past Due", 4)
    assert step(compiled, 4, now) == Wait(at(17), 5)
    assert isinstance(step(compiled, 5, at(17), now), Send)


def test_who_joins_after_the_date_waits_as_if_they_had_been_there() -> None:
    """A delay counts from where it would have begun; changes are skipped like messages."""
    compiled, now = wholly(), at(20, 15)
    assert step(compiled, 7, now) == Skip("Past Due", 8)
    assert step(compiled, 8, now) == Wait(at(21), 9)
    assert isinstance(step(compiled, 9, at(21), now), Send)
    late = at(24)
    assert step(compiled, 8, late) == Advance(9)
    assert step(compiled, 9, late) == Skip("Past Due", 10)
    assert step(compiled, 10, late) == Advance(11)
    assert step(compiled, 11, late) == Skip("Past Due", None)


@pytest.mark.parametrize(("minutes", "sent"), [(0, True), (60, True), (61, False)])
def test_an_hour_late_is_not_too_late(minutes: int, sent: bool) -> None:
    """What was due within the hour before the entry is still sent."""
    found = step(wholly(), 1, at(10) + timedelta(minutes=minutes))
    assert sent == isinstance(found, Send)


def test_a_worker_that_comes_late_skips_nothing() -> None:
    """What counts is when the person entered, not when the step is carried out."""
    assert isinstance(step(wholly(), 3, at(19), at(10)), Send)


def test_branches_that_come_together_keep_their_moment() -> None:
    """A split before the anchor changes nothing; ways of different length leave an action without a moment."""
    compiled = flow(
        branches("a", branch("x", "b", SAMPLE), branch("rest", "c")),
        email("b", "c"),
        email("c", "d"),
        split("d", "e", "f"),
        delay("e", "f"),
        email("f", "g"),
        target("g", "h"),
        email("h"),
    )
    now = at(21)
    found = {number: step(compiled, number, now) for number in (2, 3, 6, 8)}
    assert [number for number, one in found.items() if one == Skip("Past Due", {2: 3, 3: 4, 8: None}.get(number))] == [
        2,
        3,
        8,
    ]
    assert isinstance(found[6], Send)


@pytest.mark.parametrize("kind", ["countdown-delay", "target-date"])
def test_a_run_that_leads_to_no_date_passes_over_its_anchors(kind: str) -> None:
    """As in a flow with another trigger; where nothing follows it ends, as in every delay."""
    document = stored(other(kind, "a", links={"next": "b"}, data={}), email("b"), other(kind, "c", data={}))
    compiled = compile_flow("F", "n", "live", 1, document)
    assert compiled.actions[1].step(context()) == Advance(2)
    assert compiled.actions[3].step(context()) == Exit("nothing_follows")


def test_anchors_without_settings_have_their_defaults() -> None:
    """The date itself at midnight, in the person's zone."""
    compiled = flow(
        other("countdown-delay", "a", links={"next": "b"}, data={}),
        other("target-date", "b", links={"next": "c"}, data={}),
        email("c"),
    )
    assert [step(compiled, number, at(10)) for number in (1, 2)] == [Wait(at(20, 0), 2), Wait(at(20, 0), 3)]


def test_no_delay_of_a_flow_that_leads_to_a_date_is_surely_long() -> None:
    """Who joins late may find it nearly over."""
    assert flow(delay("a", "b", value=5), email("b")).shortest_delay() == timedelta(0)
    assert flow(email("a")).date_trigger is not None
    plain = compile_flow("F", "n", "live", 1, stored(delay("a", "b", value=5), email("b")))
    assert (plain.shortest_delay(), plain.date_trigger) == (timedelta(hours=5), None)
