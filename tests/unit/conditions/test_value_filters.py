"""What each operator of each value filter says of a value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from known_facts import NOW

from headrace.conditions.filters import EventPropertyFilter, MetricPropertyFilter, ProfilePropertyFilter
from headrace.conditions.filters.pattern import compile_pattern, found
from headrace.conditions.parsing import Model, parse
from headrace.errors import Problems


class AnyFilter(Model):
    """One filter of each place where value filters stand."""

    profile: ProfilePropertyFilter | None = None
    event: EventPropertyFilter | None = None
    metric: MetricPropertyFilter | None = None


def matches(given: Any, place: str = "profile", /, **document: Any) -> bool:
    """Read a filter and test one value with it."""
    model = getattr(parse(AnyFilter, {place: document}), place)
    return bool(model.compile().matches(given, NOW))


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("equals", "red", "red", True),
        ("equals", "red", "Red", False),
        ("equals", "5", 5, True),
        ("equals", "true", True, True),
        ("equals", "red", None, False),
        ("equals", "red", ["red"], False),
        ("not-equals", "red", "blue", True),
        ("not-equals", "red", "red", False),
        ("not-equals", "red", None, True),
        ("equals", None, None, True),
        ("equals", None, "", False),
        ("not-equals", None, "red", True),
        ("not-equals", None, None, False),
        ("contains", None, "red", False),
        ("not-contains", None, "red", True),
        ("contains", "e", "red", True),
        ("contains", "E", "red", False),
        ("not-contains", "e", "red", False),
        ("not-contains", "e", None, True),
        ("starts-with", "r", "red", True),
        ("starts-with", "d", "red", False),
        ("not-starts-with", "d", "red", True),
        ("not-starts-with", "d", None, True),
        ("ends-with", "d", "red", True),
        ("not-ends-with", "d", "red", False),
        ("not-ends-with", "d", None, True),
        ("regex", "^r.d$", "red", True),
        ("regex", "^e", "red", False),
        ("nregex", "^e", "red", True),
        ("nregex", "^r", "red", False),
        ("nregex", "^r", None, True),
        ("in", ["red", "blue"], "blue", True),
        ("in", ["red", "blue"], "green", False),
        ("in", [], "green", False),
        ("not-in", ["red"], "green", True),
        ("not-in", ["red"], None, True),
        ("phone-country-code-in", ["US"], "+15005550006", True),
        ("phone-country-code-in", ["CA"], "+14165550006", True),
        ("phone-country-code-in", ["us"], "+14165550006", False),
        ("phone-country-code-in", ["GB", "FR"], "+33123456789", True),
        ("phone-country-code-in", ["KZ"], "+77012345678", True),
        ("phone-country-code-in", ["GB"], "0712345678", False),
        ("phone-country-code-not-in", ["GB"], "+33123456789", True),
        ("phone-country-code-not-in", ["FR"], "+33123456789", False),
        ("phone-country-code-not-in", ["FR"], None, True),
    ],
)
def test_string_operators(operator: str, operand: Any, value: Any, expected: bool) -> None:
    """Text is compared exactly; a missing value satisfies negative operators only."""
    assert expected == matches(value, type="string", operator=operator, value=operand)


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("equals", 3, 3, True),
        ("equals", 3, 3.0, True),
        ("equals", 3, "3", True),
        ("equals", 3, " 3.00 ", True),
        ("equals", 0.1, Decimal("0.1"), True),
        ("equals", 0.3, 0.1 + 0.2, False),
        ("equals", 1, True, False),
        ("equals", 3, "three", False),
        ("equals", 3, None, False),
        ("not-equals", 3, 4, True),
        ("not-equals", 3, 3, False),
        ("not-equals", 3, None, True),
        ("greater-than", 3, 4, True),
        ("greater-than", 3, 3, False),
        ("greater-than", 3, "NaN", False),
        ("greater-than", 3, "Infinity", False),
        ("greater-than-or-equal", 3, 3, True),
        ("greater-than-or-equal", 3, Decimal("2.99"), False),
        ("less-than", 3, 2, True),
        ("less-than", 3, 3, False),
        ("less-than", 3, None, False),
        ("less-than-or-equal", 3, 3, True),
        ("less-than-or-equal", 3, 3.01, False),
    ],
)
def test_numeric_operators(operator: str, operand: Any, value: Any, expected: bool) -> None:
    """Numbers are compared exactly, text that spells one among them."""
    assert expected == matches(value, type="numeric", operator=operator, value=operand)


@pytest.mark.parametrize(("value", "expected"), [(1, False), (2, True), (3.5, True), (5, True), (5.01, False)])
def test_a_numeric_range_includes_both_ends(value: float, expected: bool) -> None:
    """`between` exists for event properties."""
    assert expected == matches(value, "event", type="numeric", operator="between", start=2, end=5)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        *((value, True) for value in (True, 1, "1", "true", "True", "t", "yes", "y")),
        *((value, False) for value in (False, 0, "0", "false", "f", "no", "n")),
        *((value, None) for value in (None, "", "maybe", 2, [True])),
    ],
)
def test_boolean_spellings(value: Any, says: bool | None) -> None:
    """Every listed spelling is read; what says neither satisfies neither operand."""
    assert (says is True) == matches(value, type="boolean", operator="equals", value=True)
    assert (says is False) == matches(value, type="boolean", operator="equals", value=False)


@pytest.mark.parametrize(
    ("value", "is_set"), [("x", True), (0, True), (False, True), ([], True), ("", False), (None, False)]
)
def test_existence(value: Any, is_set: bool) -> None:
    """Null and the empty text count as not set."""
    assert is_set == matches(value, type="existence", operator="is-set")
    assert is_set != matches(value, type="existence", operator="not-set")


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("contains", "a", ["a", "b"], True),
        ("contains", "c", ["a", "b"], False),
        ("contains", 1, [1, 2], True),
        ("contains", 1, [True], False),
        ("contains", None, [None], True),
        ("contains", "a", "a", True),
        ("contains", "a", None, False),
        ("not-contains", "a", ["b"], True),
        ("not-contains", "a", ["a"], False),
        ("not-contains", "a", None, True),
        ("contains-any", ["a", "z"], ["a", "b"], True),
        ("contains-any", ["z"], ["a", "b"], False),
        ("contains-all", ["a", "b"], ["a", "b", "c"], True),
        ("contains-all", ["a", "z"], ["a", "b"], False),
        ("not-contains-any", ["z"], ["a", "b"], True),
        ("not-contains-any", ["a"], ["a", "b"], False),
        ("not-contains-all", ["a", "z"], ["a", "b"], True),
        ("not-contains-all", ["a"], None, True),
        ("contains-substring", "sho", ["shoes"], True),
        ("contains-substring", "hat", ["shoes"], False),
        ("not-contains-substring", "hat", ["shoes"], True),
        ("not-contains-substring", "sho", ["shoes"], False),
        ("length-equals", 2, ["a", "b"], True),
        ("length-equals", 0, None, False),
        ("length-greater-than", 1, ["a", "b"], True),
        ("length-greater-than-or-equal", 2, ["a", "b"], True),
        ("length-less-than", 2, ["a", "b"], False),
        ("length-less-than-or-equal", 2, ["a", "b"], True),
    ],
)
def test_list_operators(operator: str, operand: Any, value: Any, expected: bool) -> None:
    """Elements are compared exactly, with their type; a missing list satisfies negative operators only."""
    place = "profile" if operator in ("contains", "not-contains") else "metric"
    assert expected == matches(value, place, type="list", operator=operator, value=operand)


@pytest.mark.parametrize(
    ("document", "inside", "outside"),
    [
        ({"operator": "before", "date": "2023-06-10"}, ["2023-06-09", "1999-01-01"], ["2023-06-10"]),
        ({"operator": "after", "date": "2023-06-10"}, ["2023-06-11"], ["2023-06-10", "2023-06-10T23:59:59Z"]),
        (
            {"operator": "between-static", "start": "2023-06-10", "end": "2023-06-15"},
            ["2023-06-10", "2023-06-15T23:59:59Z"],
            ["2023-06-09T23:59:59Z", "2023-06-16"],
        ),
        ({"operator": "in-the-last", "quantity": 3, "unit": "day"}, ["2023-06-14", "2023-06-17"], ["2023-06-13"]),
        ({"operator": "in-the-last", "quantity": 1, "unit": "week"}, ["2023-06-10"], ["2023-06-09", "2023-06-18"]),
        (
            {"operator": "in-the-last", "quantity": 2, "unit": "hour"},
            ["2023-06-17T08:30:00Z", "2023-06-17T10:30:00+00:00"],
            ["2023-06-17T08:29:59Z", "2023-06-17T10:30:01Z"],
        ),
        ({"operator": "at-least", "quantity": 3, "unit": "day"}, ["2023-06-13"], ["2023-06-14"]),
        (
            {"operator": "between", "start": 3, "end": 5, "unit": "day"},
            ["2023-06-12", "2023-06-14"],
            ["2023-06-11", "2023-06-15"],
        ),
        ({"operator": "in-the-next", "quantity": 3, "unit": "day"}, ["2023-06-17", "2023-06-20"], ["2023-06-21"]),
        ({"operator": "calendar-month", "value": 6}, ["1980-06-01"], ["2023-07-01"]),
        ({"operator": "anniversary"}, ["1980-06-17"], ["1980-06-18", "1980-05-17"]),
        ({"operator": "anniversary-month"}, ["1980-06-30"], ["1980-07-17"]),
        ({"operator": "anniversary-last", "quantity": 3, "unit": "day"}, ["1980-06-14", "2024-06-17"], ["1980-06-18"]),
        ({"operator": "anniversary-next", "quantity": 3, "unit": "day"}, ["1980-06-20"], ["1980-06-21", "1980-06-16"]),
        ({"operator": "anniversary-next", "quantity": 60, "unit": "week"}, ["1980-06-16"], []),
    ],
)
def test_date_operators(document: dict[str, Any], inside: list[str], outside: list[str]) -> None:
    """Days are UTC days and the figures are those of the reference's table for 17 June 2023."""
    for value in inside:
        assert matches(value, type="date", **document), value
    for value in [*outside, None, "not a date", 5]:
        assert not matches(value, type="date", **document), value


@pytest.mark.parametrize(
    ("document", "pointer", "words"),
    [
        ({"type": "string", "operator": "like", "value": "x"}, "/profile", "must be one of: "),
        ({"type": "string", "operator": "equals"}, "/profile/value", "'value' is required"),
        ({"type": "string", "operator": "regex", "value": "("}, "/profile/value", "not a regular expression"),
        ({"type": "numeric", "operator": "equals", "value": "3"}, "/profile/value", "must be a number"),
        ({"type": "numeric", "operator": "between", "start": 1, "end": 2}, "/profile", "must be one of: "),
        ({"type": "date", "operator": "before", "date": "soon"}, "/profile/date", "ISO 8601"),
        ({"type": "date", "operator": "calendar-month", "value": 13}, "/profile/value", "13"),
        ({"type": "existence", "operator": "is-set", "value": 1}, "/profile/value", "not a field"),
        ("is-set", "/profile", "must be an object"),
    ],
)
def test_a_wrong_filter_is_refused_where_it_is_wrong(document: Any, pointer: str, words: str) -> None:
    """The problem points at the field and names the value and the rule."""
    with pytest.raises(Problems) as refused:
        parse(AnyFilter, {"profile": document})
    (problem,) = refused.value.problems
    assert pointer == problem.pointer
    assert words in problem.detail


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|ab)+$", "(a*)*b", "(x+x+)+y", ".*a.*a.*a.*a.*a.*ab"])
def test_no_regular_expression_takes_forever(pattern: str) -> None:
    """Patterns that other engines try in more ways than there are atoms are decided at once."""
    compiled = compile_pattern(pattern)
    assert not found(compiled, "a" * 5000 + "!")


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "x" * 501])
def test_a_regular_expression_that_does_not_run_is_refused(pattern: str) -> None:
    """Malformed ones, look-around, back-references and overlong ones are told as such."""
    with pytest.raises(ValueError, match="regular expression"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[\w.+-]+@[\w-]+\.[\w.]+$", "ana.b@shop.example.com"),
        (r"^https?://(www\.)?shop\.(com|de)/.*$", "https://shop.de/p/1"),
        (r"(\d{1,3}\.){3}\d{1,3}", "at 10.0.12.255"),
        (".*utm_source=.*", "https://shop.example/?a=1&utm_source=mail"),
        ("(?i)gold|silver", "GOLD"),
    ],
)
def test_usual_regular_expressions_are_taken(pattern: str, text: str) -> None:
    """Addresses, links and words are found."""
    assert found(compile_pattern(pattern), text)
