"""Query strings and cursors against one operation's row."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
import toy_api as toy

from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.cursor import Cursor, binding, read_cursor, write_cursor
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.query import Query, parse_query

HERE = binding("/api/flows", "", "id")


def parse(text: str, operation: Operation = toy.LIST_FLOWS) -> Query:
    """Return the query of a query string on the toy's list of flows."""
    return parse_query(operation, toy.RESOURCES, parse_qsl(text, keep_blank_values=True), path="/api/flows")


def refused(text: str, operation: Operation = toy.LIST_FLOWS) -> list[Problem]:
    """Return the problems of a query string."""
    with pytest.raises(Problems) as caught:
        parse(text, operation)
    return caught.value.problems


def test_nothing_asked_means_the_defaults() -> None:
    """Without parameters a list has its default size, its default order and nothing included."""
    query = parse("")
    assert (query.filter, query.sort, query.include, query.size) == ((), None, None, 3)
    sorted_by_default = parse("", toy.listing_with(default_sort="-created"))
    assert (sorted_by_default.sort, sorted_by_default.descending) == ("created", True)


@pytest.mark.parametrize(
    "text", ["filter=", "sort=", "include=", "page[size]=", "page[cursor]=", "include=,", "fields[flow]=name,"]
)
def test_empty_values_are_met_kindly(text: str) -> None:
    """A parameter without a value, or with an empty name at its end, asks for nothing."""
    assert parse(text).include is None


def test_repeated_parameters() -> None:
    """Lists are joined, filters too; the same single value twice is that value."""
    query = parse("include=flow-action&include=flow-actions&filter=has(score)&filter=any(id,['a'])&sort=id&sort=id")
    assert query.include == ("flow-actions",)
    assert [one.operator for one in query.filter] == ["has", "any"]
    assert query.sort == "id"
    assert refused("sort=id&sort=name")[0].detail == '"sort" is given 2 times with different values; give it once.'


@pytest.mark.parametrize(
    ("text", "parameter", "detail"),
    [
        (
            "nope=1",
            "nope",
            '"nope" is not a query parameter here; allowed parameters: fields[flow], fields[flow-action]',
        ),
        ("fields[list]=name", "fields[list]", '"fields[list]" is not a query parameter here'),
        ("additional-fields[flow]=definition", "additional-fields[flow]", "is not a query parameter here"),
        ("fields[flow]=definition", "fields[flow]", '"definition" is not a field that fields[flow] offers; allowed:'),
        ("include=tags", "include", '"tags" cannot be included here; allowed: flow-actions.'),
        ("sort=color", "sort", '"color" is not a sort key here; allowed keys: created, -created, id, -id, name'),
        ("sort=--id", "sort", '"--id" is not a sort key here'),
        ("sort=id,name", "sort", '"id,name" is not a sort key here'),
        ("page[size]=0", "page[size]", 'page[size] is "0"; it must be a whole number from 1 to 5.'),
        ("page[size]=6", "page[size]", "it must be a whole number from 1 to 5."),
        ("page[size]=x", "page[size]", "it must be a whole number from 1 to 5."),
        ("page[size]=１", "page[size]", "it must be a whole number from 1 to 5."),
        ("page[cursor]=zzz", "page[cursor]", 'page[cursor] "zzz" is not a cursor; use one from links.next'),
        ("filter=equals(x,1)", "filter", '"x" is not a filterable field here'),
        ("filter=equals(x", "filter", "Unbalanced parenthesis"),
        ("filter=\x00", "filter", "A query parameter must not contain a NUL character."),
    ],
)
def test_what_is_not_offered_is_refused(text: str, parameter: str, detail: str) -> None:
    """Whatever the row does not offer is one problem that names the parameter and what is allowed."""
    problems = refused(text)
    assert [one.parameter for one in problems] == [parameter]
    assert detail in problems[0].detail


def test_an_operation_without_lists_offers_no_parameters() -> None:
    """Paging, sorting and filters of an operation that has none are unknown parameters."""
    bare = toy.listing_with(page=None, sorts={}, filters={}, includes=(), sparse=())
    text = "page[size]=1&sort=id&filter=has(x)&include=y"
    assert [one.parameter for one in refused(text, bare)] == ["page[size]", "sort", "filter", "include"]
    assert refused(text, bare)[0].detail.endswith("allowed parameters: none.")


def test_a_date_bounded_list_is_sorted_by_that_date_only() -> None:
    """A bound on a date allows sorting by that date, or not at all."""
    bound = "filter=greater-than(created,2024-01-01)"
    assert parse(f"{bound}&sort=-created").descending
    assert parse(bound).sort is None
    assert parse("filter=equals(created,2024-01-01)&sort=name").sort == "name"
    problem = refused(f"{bound}&sort=name")[0]
    assert problem.parameter == "sort"
    assert 'filtered by the date "created" and sorted by "name"' in problem.detail


@pytest.mark.parametrize(
    "value", [None, 7, 1.5, True, "é", datetime(2024, 1, 1, 0, 0, 0, 123456, tzinfo=UTC), UUID(int=5), Decimal("1.10")]
)
def test_a_cursor_reads_as_written(value: Any) -> None:
    """A cursor holds any kind of sort value exactly, in letters that a URL needs not escape."""
    cursor = Cursor(value, "F1", backward=True)
    text = write_cursor(cursor, HERE)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert cursor == read_cursor(text, HERE)


def test_a_cursor_is_met_kindly() -> None:
    """A leading `=`, padding, and a whole link around the cursor do not matter."""
    text = write_cursor(Cursor(1, 2), HERE)
    for spelled in (f"={text}", f"{text}==", f"https://x/api/flows?a=b&page%5Bcursor%5D={text}", f" {text} "):
        assert Cursor(1, 2) == read_cursor(spelled, HERE)


@pytest.mark.parametrize("garbled", ["x", "é", "!!!!", "A" * 5000, "https://x/api/flows", "W10", "AAAAAAAAW10"])
def test_a_garbled_cursor_is_refused(garbled: str) -> None:
    """What no list ever gave is refused by name."""
    with pytest.raises(Invalid) as caught:
        read_cursor(garbled, HERE)
    assert caught.value.parameter == "page[cursor]"


def test_a_changed_letter_is_noticed() -> None:
    """A cursor with any one letter changed is refused."""
    text = write_cursor(Cursor("value", "key"), HERE)
    for at in range(len(text)):
        changed = text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]
        with pytest.raises(Invalid):
            read_cursor(changed, HERE)


def test_a_foreign_cursor_is_refused() -> None:
    """A cursor of a list with another path, filter or sort says so."""
    text = write_cursor(Cursor(1, 2), HERE)
    for elsewhere in (
        binding("/api/lists", "", "id"),
        binding("/api/flows", "x", "id"),
        binding("/api/flows", "", "-id"),
    ):
        with pytest.raises(Invalid, match="belongs to a list with another path, filter or sort"):
            read_cursor(text, elsewhere)


def test_a_cursor_of_another_form_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor written by another version of its form is refused as expired."""
    monkeypatch.setattr("headrace.jsonapi.cursor.VERSION", 2)
    text = write_cursor(Cursor(1, 2), HERE)
    monkeypatch.undo()
    with pytest.raises(Invalid, match="has expired"):
        read_cursor(text, HERE)
