"""How values of odd types are read by filters: as text, number, boolean, date, list and phone number."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.conditions.filters.boolean import as_boolean
from headrace.conditions.filters.list import ListFilter
from headrace.conditions.filters.numeric import as_number
from headrace.conditions.filters.phone import country_of
from headrace.conditions.filters.reading import as_text, fold
from headrace.conditions.spans import parse_moment

NOW = datetime(2023, 6, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1.50, "1.5"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (-0.0, "0"),
        (Decimal("9.50"), "9.5"),
        (100, "100"),
        (True, "true"),
        ("", ""),
        (None, None),
        ([1], None),
        ({}, None),
    ],
)
def test_text_is_the_shortest_plain_spelling(value: Any, text: str | None) -> None:
    """However a number was written, it is compared as one text; what has no text is missing."""
    assert text == as_text(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (" 12.50\t", Decimal("12.50")),
        ("+1e3", Decimal(1000)),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        ("1_000", None),
        ("1,000", None),
        ("\u0661", None),
        ("\u00a01", None),
        ("Infinity", None),
        ("0x10", None),
        ("1e1000", None),
        (True, None),
    ],
)
def test_a_number_is_spelled_in_plain_digits(value: Any, number: Decimal | None) -> None:
    """ASCII digits, a point, an exponent; nothing that a language or a locale would add."""
    assert number == as_number(value)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2023-06-17", "2023-06-17T00:00:00+00:00"),
        (" 2023-06-17 10:30 ", "2023-06-17T10:30:00+00:00"),
        ("2023-06-17T10:30:00.1234567Z", "2023-06-17T10:30:00.123456+00:00"),
        ("2023-06-17T10:30:00+0530", "2023-06-17T05:00:00+00:00"),
        ("2023-06-17T23:30-02", "2023-06-18T01:30:00+00:00"),
        ("20230617", None),
        ("2023-W24-6", None),
        ("2023-02-29", None),
        ("0000-01-01", None),
        ("0001-01-01T00:00+01:00", None),
        ("9999-12-31T23:30-01:00", None),
        ("2023-06-17T10:30+16:00", None),
        ("2023-06-17T24:00", None),
        (20230617, None),
    ],
)
def test_a_date_is_spelled_in_the_extended_form(value: Any, moment: str | None) -> None:
    """Read in UTC unless it says otherwise; what cannot be or be expressed is no date."""
    found = parse_moment(value)
    assert moment == (found.isoformat() if found else None)


@pytest.mark.parametrize(
    ("value", "truth"),
    [(1.0, True), (" YES\n", True), ("F", False), (0, False), (2, None), ("\u212aes", None), ([], None)],
)
def test_a_boolean_has_its_spellings(value: Any, truth: bool | None) -> None:
    """In any case and with blanks around."""
    assert truth is as_boolean(value)


@pytest.mark.parametrize(("items", "found"), [([5.0], True), ([True], False), (["5"], False), (5, True), (None, False)])
def test_elements_are_equal_by_value(items: Any, found: bool) -> None:
    """5 is an element of [5.0], but neither true nor the text 5 is."""
    assert found is ListFilter("contains", 5).matches(items, NOW)


def test_only_letters_of_the_alphabet_are_folded() -> None:
    """No locale has a say."""
    assert fold("  ÄbC\u0130\t") == "Äbc\u0130"


@pytest.mark.parametrize(("number", "country"), [("+1 (416) 555-0123", "CA"), ("+\u0664\u0669 30", "GR"), ("49", None)])
def test_a_country_is_told_by_ascii_digits(number: str, country: str | None) -> None:
    """Everything else between them is passed over."""
    assert country == country_of(number)
