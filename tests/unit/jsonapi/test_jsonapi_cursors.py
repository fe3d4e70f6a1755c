"""Cursors that somebody forged: they are refused before the database is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Numeric, SmallInteger, Text, Uuid

from headrace.errors import Invalid
from headrace.jsonapi.cursor import Cursor, fits, read_cursor, texts_of, write_cursor

MOMENT = datetime(2026, 3, 2, 10, tzinfo=UTC)
FORGED = [Decimal("1E+999999"), Decimal("NaN"), datetime(2026, 3, 2), datetime(1, 1, 1, tzinfo=UTC), "a\x00b"]


@pytest.mark.parametrize("value", FORGED, ids=repr)
def test_a_value_that_is_never_written_is_not_read(value: Any) -> None:
    """Numbers without measure, moments without an offset or at the edge of time, and NUL are no cursor's."""
    with pytest.raises(Invalid, match="is not a cursor"):
        read_cursor(write_cursor(Cursor(value, "x"), "here"), "here")


@pytest.mark.parametrize("value", [MOMENT, Decimal("-12.50"), UUID(int=5), "x", 5, 1.5, True, None], ids=repr)
def test_a_value_that_rows_have_is_read_as_it_was(value: Any) -> None:
    """Writing and reading are each other's inverse."""
    assert Cursor(value, "x") == read_cursor(write_cursor(Cursor(value, "x"), "here"), "here")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Text(), ["", "x"], [5, None, MOMENT, True]),
        (DateTime(timezone=True), [MOMENT], ["2026-03-02", 5, None]),
        (Uuid(), [UUID(int=5)], ["x", 5]),
        (Boolean(), [True], [1, "true"]),
        (SmallInteger(), [32_767, -32_768], [32_768, "5", True]),
        (Integer(), [2**31 - 1], [2**31, 1.5, None]),
        (BigInteger(), [2**63 - 1, -(2**63)], [2**63, True]),
        (Numeric(), [Decimal(1), 5, 1.5], ["5", True]),
    ],
    ids=lambda one: repr(one) if not isinstance(one, list) else "",
)
def test_a_value_fits_the_columns_that_may_have_it(kind: Any, good: list[Any], bad: list[Any]) -> None:
    """Whatever the database could not compare with the column does not fit."""
    assert [True] * len(good) == [fits(one, kind) for one in good]
    assert [False] * len(bad) == [fits(one, kind) for one in bad]


@pytest.mark.parametrize("key", [5, None, "", "{", "5", "[1]", '{"a":1}', '"\\u0000"', '["a\\u0000"]'])
def test_a_key_that_holds_no_texts_is_refused(key: Any) -> None:
    """A report's cursor holds a text or a list of texts as JSON."""
    with pytest.raises(Invalid, match="is not a cursor"):
        texts_of(Cursor(None, key), "what was sent")


def test_a_key_that_holds_texts_is_read() -> None:
    """Both forms come back as they were."""
    assert ("a", ["a", ""]) == (texts_of(Cursor(None, '"a"'), ""), texts_of(Cursor(None, '["a",""]'), ""))
