"""Reading a request for the aggregates of a metric: spans, tests of dimensions, and what each mistake is told."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Invalid, Problem, Problems
from headrace.reports.aggregate_filters import MAX_FILTERS, filters_schema, read_filters
from headrace.reports.aggregate_request import AggregateRequest, read_aggregate_request
from headrace.storage.event_dimensions import DIMENSIONS
from headrace.storage.metric_aggregates import DimensionTest, Order
from headrace.storage.slots import Span

NEW_YORK = ZoneInfo("America/New_York")
BOUNDS = ["greater-or-equal(datetime,2026-11-01T00:00:00)", "less-than(datetime,2026-11-02T00:00:00)"]
LEGAL: dict[str, Any] = {"metric_id": "RESQ6t", "measurements": ["count"], "filter": BOUNDS}


def read(*filters: Any, zone: ZoneInfo = NEW_YORK) -> tuple[Span, tuple[DimensionTest, ...]]:
    """Return what a list of legal filters says."""
    mistakes: list[Problem] = []
    found = read_filters(list(filters), zone, mistakes)
    assert [] == mistakes
    return found


def test_a_day_on_which_clocks_change_is_longer() -> None:
    """Moments without an offset are on the clocks of the zone."""
    span, _ = read(*BOUNDS)
    assert Span(datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC)) == span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("2026-11-01T00:00", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("2026-11-01 00:00:00.123456", datetime(2026, 11, 1, 4, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-01T00:00:00Z", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T00:00:00 00:00", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T00:00:00+02:00", datetime(2026, 10, 31, 22, tzinfo=UTC)),
        ("2026-11-01T00:00:00-0200", datetime(2026, 11, 1, 2, tzinfo=UTC)),
        ("2026-11-01T00:00:00.5Z", datetime(2026, 11, 1, 0, 0, 0, 500000, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_they_are_written(text: str, expected: datetime) -> None:
    """With an offset or without, and to the millionth of a second."""
    span, _ = read(f"greater-or-equal(datetime,{text})", "less-than(datetime,2026-11-20)")
    assert expected == span.start


def test_only_the_bounds_are_taken_for_moments() -> None:
    """A text that looks like a bound stays what it is."""
    _, tests = read(*BOUNDS, 'equals(Subject,"datetime,2026-01-01")', "equals(List,2026)")
    assert (DimensionTest("Subject", ("datetime,2026-01-01",)), DimensionTest("List", ("2026",))) == tests


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("equals($flow,'a')", DimensionTest("$flow", ("a",))),
        ("any(Campaign Name,['a','b'])", DimensionTest("Campaign Name", ("a", "b"))),
        ("any($flow,'a')", DimensionTest("$flow", ("a",))),
        ('not(equals($attributed_flow,""))', DimensionTest("$attributed_flow", ("",), negated=True)),
        (" not ( any(URL,['a)','b']) ) ", DimensionTest("URL", ("a)", "b"), negated=True)),
        ("equals(Bot Click,false)", DimensionTest("Bot Click", ("false",))),
        ("equals(Segment Count,2)", DimensionTest("Segment Count", ("2",))),
    ],
)
def test_a_filter_tests_a_dimension(text: str, expected: DimensionTest) -> None:
    """`equals` and `any`, alone or inside `not(...)`."""
    assert (expected,) == read(*BOUNDS, text)[1]


def test_a_request_has_defaults() -> None:
    """Days in UTC, 500 rows, no dimensions, no order; null counts as left out."""
    expected = AggregateRequest(
        "RESQ6t",
        ("count",),
        Span(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        ZoneInfo("UTC"),
    )
    assert expected == read_aggregate_request(LEGAL)
    nothing = dict.fromkeys(("by", "interval", "page_cursor", "page_size", "return_fields", "sort", "timezone"))
    assert expected == read_aggregate_request({**LEGAL, **nothing})


@pytest.mark.parametrize("filters", [[",".join(BOUNDS)], [f"and({','.join(BOUNDS)})"]])
def test_one_filter_may_hold_both_bounds(filters: list[str]) -> None:
    """As the two, and as the schema says."""
    request = read_aggregate_request({**LEGAL, "filter": filters})
    assert read_aggregate_request({**LEGAL, "filter": BOUNDS}).span == request.span
    assert len(filters) >= filters_schema()["minItems"]


@pytest.mark.parametrize("name", sorted(DIMENSIONS))
def test_every_dimension_groups_sorts_and_filters(name: str) -> None:
    """All 36 that are published."""
    filters = [*BOUNDS, f"equals({name},'x')"]
    request = read_aggregate_request({**LEGAL, "by": [name, name], "sort": f"-{name}", "filter": filters})
    assert ((name,), Order(name, descending=True), (DimensionTest(name, ("x",)),)) == (
        request.by,
        request.order,
        request.tests,
    )
    assert 36 == len(DIMENSIONS)


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ([], "filter is required: a list that holds greater-or-equal(datetime,...) and less-than(datetime,...)."),
        (BOUNDS[0], f"filter is '{BOUNDS[0]}'; it must be a list that holds greater-or-equal(datetime,...) and less-"),
        (BOUNDS[:1], "filter lacks less-than(datetime,...)."),
        ([*BOUNDS, BOUNDS[0]], "greater-or-equal(datetime,...) is given twice."),
        (BOUNDS * MAX_FILTERS, "filter holds 100 filters; at most 50 are allowed."),
        ([BOUNDS[0], "less-than(datetime,2027-11-01T00:00:01)"], "it may span one year at most."),
        ([BOUNDS[0], "less-than(datetime,2026-11-01)"], "which does not lie before its end 2026-11-01T00:00:00."),
        ([BOUNDS[0], "less-than(datetime,soon)"], '"soon" is not a moment; datetime takes a date and time like 2022'),
        ([*BOUNDS, "equals(Brand,'Acme')"], '"Brand" is not a field that events are filtered by'),
        ([*BOUNDS, "starts-with(URL,'a')"], '"starts-with" is not an operator of "URL"; operators are any, equals.'),
        ([*BOUNDS, "or(equals(URL,'a'))"], '"or" at character 1'),
        ([*BOUNDS, "not(has(URL))"], '"has" is not an operator of "URL"'),
    ],
)
def test_a_mistake_is_told(filters: list[str] | str, says: str) -> None:
    """With the thing, the value and the rule."""
    mistakes: list[Problem] = []
    read_filters(filters, NEW_YORK, mistakes)
    [one] = mistakes
    assert says in one.detail


WORDS = st.sampled_from(
    ["not(", "equals(", "any(", "datetime", "URL", ",", ")", "[", "]", "'a'", "2026-01-01", '"', "\\"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.one_of(st.lists(WORDS, max_size=12).map("".join), st.text(max_size=30), JSON), max_size=4))
def test_any_list_of_filters_is_read_or_refused(filters: list[Any]) -> None:
    """Nothing else is raised, and every mistake has a pointer."""
    mistakes: list[Problem] = []
    read_filters([*BOUNDS, *filters], NEW_YORK, mistakes)
    assert all(one.pointer and one.pointer.startswith("/data/attributes/filter") for one in mistakes)


@given(st.dictionaries(st.sampled_from((*LEGAL, "by", "interval", "page_size", "sort", "timezone", "x")), JSON))
def test_any_body_is_read_or_refused(changes: dict[str, Any]) -> None:
    """Nothing but problems of the caller's is raised."""
    with suppress(Invalid, Problems):
        read_aggregate_request({**LEGAL, **changes})
