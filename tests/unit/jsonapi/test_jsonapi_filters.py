"""The filter language and its allow-lists: what is read, what is refused and in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from headrace.errors import Invalid
from headrace.jsonapi import clauses
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable, check_filter
from headrace.jsonapi.filters import Comparison, parse_filter, print_filter

NOON = datetime(2024, 2, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("   ", None),
        ("equals(a,'it\\'s')", "it's"),
        ('equals(a,"say \\"x\\"")', 'say "x"'),
        ("equals(a,'c:\\\\d')", "c:\\d"),
        ("equals(a,'c:\\d')", "c:\\d"),
        ("equals(a,'a,b)')", "a,b)"),
        ("equals(a,true)", True),
        ("equals(a,false)", False),
        ("equals(a,-12)", -12),
        ("equals(a,1.5)", 1.5),
        ("equals( a , [ 1 , 'x' ] )", (1, "x")),
        ("any(a,[])", ()),
        ("equals(a,2024-02-22)", date(2024, 2, 22)),
        ("equals(a,2024-02-22T12:00:00Z)", NOON),
        ("equals(a,2024-02-22T12:00:00)", NOON),
        ("equals(a,2024-02-22T12:00)", NOON),
        ("equals(a,2024-02-22T12:00:00.000000000Z)", NOON),
        ("equals(a,2024-02-22T12:00:00+00:00)", NOON),
        ("equals(a,2024-02-22T12:00:00 00:00)", NOON),
        ("equals(a,2024-02-22T12:00:00 0000)", NOON),
        ("equals(a,2024-02-22 12:00:00+0000)", NOON),
        ("equals(a,2024-02-22T07:00:00-05:00)", NOON),
    ],
)
def test_a_value_is_read(text: str, expected: Any) -> None:
    """Each spelling of a value is read as what it means."""
    parsed = parse_filter(text)
    assert expected == (parsed[0].value if parsed else None)


def test_and_is_flat_and_takes_one_argument() -> None:
    """Nested and(...) and top-level commas are one list of comparisons."""
    expected = (Comparison("equals", "a", 1), Comparison("has", "b"), Comparison("any", "c", ("x",)))
    assert expected == parse_filter("and(and(equals(a,1)),has(b)),any(c,['x'])")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            'and(equals(trigger_type,"Added to List")',
            'Unbalanced parenthesis: "and(" at character 1 of the filter has no closing ")".',
        ),
        ("equals(a,1", 'Unbalanced parenthesis: "equals(" at character 1 of the filter has no closing ")".'),
        ("any(a,[1,2)", 'Expected "," or "]" at character 11, found ")".'),
        ("any(a,[1,2", 'Unbalanced parenthesis: "[" at character 7 of the filter has no closing "]".'),
        ("equals(a,1))", 'The ")" at character 12 of the filter closes nothing.'),
        ("equals(a,'x", "The text that a quote opens at character 10 of the filter is never closed."),
        ("equals(a,live)", '"live" is not a number, a date, true, false or null; text needs quotes (character 10'),
        ("like(a,1)", '"like" at character 1 of the filter is not an operator; operators are equals, less-than'),
        ("or(equals(a,1),equals(a,2))", '"or" at character 1 of the filter is not offered; use "and".'),
        ("not(equals(a,1))", '"not" at character 1 of the filter is not offered; use "and".'),
        ("equals(a,1) equals(b,2)", 'Expected "," at character 13 of the filter, found "equals".'),
        ("equals(a,1),", 'Nothing follows the "," at character 12 of the filter.'),
        ("equals(a)", 'Expected "," after "equals" at character 9 of the filter, found ")".'),
        ("equals(a,1,2)", 'Too many arguments of "equals(" at character 1 of the filter.'),
        ("equals a,1", '"equals a" at character 1 of the filter is not an operator'),
        ("equals", 'Expected "(" after "equals" at character 7 of the filter, found the end.'),
        ("'x'", 'Expected an operator at character 1 of the filter, found "x".'),
        ("equals('a',1)", 'Expected a field at character 8 of the filter, found "a".'),
        ("equals(a,(1))", 'Expected a value at character 10 of the filter, found "(".'),
        ("and()", 'Expected an operator at character 5 of the filter, found ")".'),
        ("equals(a,2024-02-30)", '"2024-02-30" is not a date that exists'),
        ("equals(a,1e999)", '"1e999" is too large for a number'),
        (f"equals(a,{'9' * 50})", "is too long for a number"),
        ("equals(a,'\x00')", "The filter has a NUL character at character 11."),
        ("and(" * 9 + "equals(a,1)" + ")" * 9, "The filter nests more than 8 levels at character 29."),
        (f"any(a,[{','.join('1' * 1001)}])", "The list at character 7 has more than 1000 items."),
        (",".join(["equals(a,1)"] * 51), "The filter has more than 50 comparisons."),
        ("x" * 40_000, "The filter has 40000 characters; at most 32768 are allowed."),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, detail: str) -> None:
    """Every mistake of grammar is an `Invalid` that says what is wrong and where."""
    with pytest.raises(Invalid) as caught:
        parse_filter(text)
    assert detail in caught.value.detail
    assert caught.value.parameter == "filter"


def test_a_filter_in_a_body_is_refused_with_a_pointer() -> None:
    """A filter that came in a body, as reports' do, is refused with the pointer and no parameter."""
    with pytest.raises(Invalid) as caught:
        parse_filter("x", pointer="/data/attributes/filter")
    assert (caught.value.pointer, caught.value.parameter) == ("/data/attributes/filter", None)


column: sa.ColumnElement[Any] = sa.column("c", sa.Text)
RULES = {
    "name": Filterable("string", ("equals", "contains", "contains-any"), column, once=True, max_items=2),
    "status": Filterable("enum", ("equals",), column, values=("draft", "live")),
    "archived": Filterable("bool", ("equals",), column),
    "created": Filterable("datetime", DATE_OPERATORS, column),
    "timestamp": Filterable("int", ("less-than",), column),
    "price": Filterable("number", ("less-than",), column),
    "code": Filterable("string", ("equals",), column, convert=lambda text: int(text, 16)),
    "note": Filterable("string", ("equals",), column, nullable=True),
}


@pytest.mark.parametrize(("listed", "alone"), [("name,['a']", "name,'a'"), ("archived,[true]", "archived,true")])
def test_a_list_of_one_stands_for_its_value(listed: str, alone: str) -> None:
    """An operator that takes one value takes it in brackets, too, as the published examples write it."""
    found = check_filter(parse_filter(f"equals({listed})"), RULES)
    assert found == check_filter(parse_filter(f"equals({alone})"), RULES)
    assert found[1] == []


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("equals(nope,1)", '"nope" is not a filterable field here; allowed fields: archived, code, created'),
        ("has(name)", '"has" is not a filter operator of the field "name"; allowed operators: contains, contains-any'),
        ("equals(name,1)", '1 is not a value of the field "name": it must be text in quotes.'),
        ("equals(name,['a','b'])", '"equals" of the field "name" takes one value, not a list of 2.'),
        ("equals(name,[])", '"equals" of the field "name" takes one value, not a list of 0.'),
        ("equals(name,[null])", '"equals" of the field "name" does not take null.'),
        ("less-than(created,[2024-02-23])", 'The upper bound 2024-02-23 of "created" lies in the future.'),
        ("equals(name,null)", '"equals" of the field "name" does not take null.'),
        ("equals(name,'a'),contains(name,'b')", '"name" is filtered twice; only one filter of this field is allowed.'),
        ("contains-any(name,['a','b','c'])", "was given 3 values; at most 2 are allowed."),
        ("contains-any(name,[])", "was given an empty list."),
        ("equals(status,'on')", '"on" is not a value of the field "status": it must be one of draft, live.'),
        ("equals(archived,'true')", "it must be true or false, without quotes."),
        ("equals(archived,1)", "it must be true or false, without quotes."),
        ("equals(created,'soon')", "it must be an RFC 3339 date, like 2024-02-22T20:24:32Z."),
        ("equals(created,5)", "it must be an RFC 3339 date"),
        ("equals(created,0001-01-01T00:00:00+14:00)", "it lies outside the years 1 to 9999."),
        ("less-than(timestamp,1.5)", "it must be a whole number, without quotes."),
        ("less-than(timestamp,true)", "it must be a whole number, without quotes."),
        ("less-than(timestamp,9223372036854775808)", "it must fit into 64 bits."),
        ("less-than(price,'1')", "it must be a number, without quotes."),
        ("equals(code,'zz')", '"zz" is not a value of the field "code"'),
        ("less-than(created,2024-02-23)", 'The upper bound 2024-02-23 of "created" lies in the future.'),
    ],
)
def test_the_allow_list_refuses(text: str, detail: str) -> None:
    """A field, operator or value that the row does not take is refused with what it takes."""
    kept, problems = check_filter(parse_filter(text), RULES, now=NOON)
    assert [detail in one.detail for one in problems] == [True], problems
    assert len(kept) == len(parse_filter(text)) - 1


def test_every_refused_comparison_is_told() -> None:
    """Two mistakes in one filter are two problems, and the rest is kept."""
    kept, problems = check_filter(parse_filter("equals(x,1),equals(y,2),equals(code,'ff')"), RULES, pointer="/p")
    assert [Comparison("equals", "code", 255)] == list(kept)
    assert [one.pointer for one in problems] == ["/p", "/p"]


def test_values_become_what_columns_store() -> None:
    """Dates become aware moments in UTC, quoted or not; null stays."""
    text = "equals(created,2024-02-22),equals(created,'2024-02-22T13:00:00+01:00'),equals(note,null)"
    kept, problems = check_filter(parse_filter(text), RULES)
    assert problems == []
    assert [NOON.replace(hour=0), NOON, None] == [one.value for one in kept]


def test_an_offset_is_kept_by_the_language() -> None:
    """The language itself keeps an offset; only the allow-list turns it into UTC."""
    moment = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert print_filter([Comparison("equals", "a", moment)]) == "equals(a,2024-02-22T07:00:00-05:00)"


def compiled(condition: sa.ColumnElement[bool]) -> str:
    """Return a condition as PostgreSQL reads it, values written out."""
    return str(condition.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


def test_patterns_are_escaped() -> None:
    """Percent signs and underscores of a value are letters, not wildcards."""
    text = compiled(clauses.clause(Comparison("contains", "name", "50%_"), RULES["name"]))
    assert text == "c LIKE '%%' || '50/%%/_' || '%%' ESCAPE '/'"


def test_a_clause_of_its_own_receives_the_context() -> None:
    """A row may build its condition itself, from the request's context and the comparison."""
    rule = Filterable("string", ("equals",), clause=lambda ctx, one: sa.column(ctx) == one.value)
    assert compiled(clauses.clause(Comparison("equals", "x", "v"), rule, "account")) == "account = 'v'"


def test_a_row_that_cannot_become_sql_is_found() -> None:
    """An operator that neither a column nor a clause can carry out is seen before anything is served."""
    assert not clauses.understood(Filterable("string", ("contains-all",), column))
    assert not clauses.understood(Filterable("string", ("equals",)))
    assert clauses.understood(RULES["name"])
