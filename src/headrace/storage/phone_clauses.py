"""The country of a phone number in SQL: what `conditions.filters.phone` says, over a text expression."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, case, false, func, literal

from headrace.conditions.filters.phone import COUNTRIES

LONGEST_CODE = max(map(len, COUNTRIES))


def phone_clause(text: ColumnElement[Any], countries: Collection[str]) -> ColumnElement[bool]:
    """Return the clause that a phone number is of one of the countries; NULL for a missing number."""
    digits = func.regexp_replace(func.substr(text, 2, 19), "[^0-9]", "", "g")
    sizes = range(LONGEST_CODE, 0, -1)
    found = case(*((_among(digits, size, None), _among(digits, size, countries)) for size in sizes), else_=false())
    return and_(func.starts_with(text, "+"), found)


def _among(digits: ColumnElement[Any], size: int, countries: Collection[str] | None) -> ColumnElement[bool]:
    codes = [
        code for code, country in COUNTRIES.items() if len(code) == size and (countries is None or country in countries)
    ]
    return func.left(digits, size) == any_(literal(codes, ARRAY(Text)))
