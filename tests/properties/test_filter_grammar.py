"""The law of the filter language: what is printed parses to the same comparisons, and nothing else is ever raised."""

from __future__ import annotations

from datetime import timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Invalid
from headrace.jsonapi.filters import OPERATORS, Comparison, parse_filter, print_filter

text = st.text(alphabet=st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), max_size=30)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(timezones=offsets),
    text,
)
values = st.one_of(scalars, st.lists(scalars, max_size=8).map(tuple))
fields = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,20}( [A-Za-z]{1,5})?", fullmatch=True)
tests = st.builds(Comparison, st.sampled_from([one for one in OPERATORS if one != "has"]), fields, values)
comparisons = st.one_of(tests, st.builds(lambda field: Comparison("has", field), fields))


@given(st.lists(comparisons, max_size=10).map(tuple))
def test_a_printed_filter_parses_to_itself(parsed: tuple[Comparison, ...]) -> None:
    """Printing and parsing are each other's inverse."""
    assert parsed == parse_filter(print_filter(parsed))


@given(st.lists(comparisons, min_size=1, max_size=5).map(tuple))
def test_a_plus_that_became_a_space_changes_nothing(parsed: tuple[Comparison, ...]) -> None:
    """A query string whose `+` was not escaped still means the same, as long as no text holds one."""
    printed = print_filter(parsed)
    if "+" not in str([one.value for one in parsed if isinstance(one.value, str | tuple)]) and "e+" not in printed:
        assert parsed == parse_filter(printed.replace("+", " "))


@given(st.text(alphabet="and()equals,[]\"'\\ 0123-:TZtrue.+any\x00é", max_size=60))
def test_any_text_parses_or_is_refused(anything: str) -> None:
    """Whatever the text, the outcome is comparisons that print and parse again, or an `Invalid` that names it."""
    parsed, named = outcome(anything)
    assert named in (None, "filter")
    assert parsed == parse_filter(print_filter(parsed))


def outcome(anything: str) -> tuple[tuple[Comparison, ...], str | None]:
    """Return the comparisons of a text, and the parameter that its refusal names."""
    try:
        return parse_filter(anything), None
    except Invalid as problem:
        return (), problem.parameter or "nothing"
