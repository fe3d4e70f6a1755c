"""Columns of a batch as text."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.model import RunState
from headrace.storage.arrays import ids, lines, moment, moments, numbers, texts
from headrace.storage.database import Database

HERE = datetime(2026, 3, 2, 10, 30, 15, 123456, tzinfo=UTC)


async def test_what_goes_in_comes_out(database_dsn: str) -> None:
    """Numbers, enumerations, nothing, ids and moments of four centuries arrive as they were."""
    given = [HERE, datetime(1900, 1, 1, tzinfo=UTC), HERE + timedelta(days=80_000), HERE]
    query = f"""
        SELECT n, i, {moment("m")} AS at
        FROM unnest($1::text::int[], string_to_array($2, ','), $3::text::bigint[]) AS made (n, i, m)
    """
    database = await Database.connect(database_dsn, size=1)
    counted = numbers([1, None, RunState.PARKED, -7])
    rows = await database.fetch(query, counted, ids(["AbC123", "x-y_z", "01H", "q"]), moments(given))
    await database.close()

    assert [(1, "AbC123"), (None, "x-y_z"), (3, "01H"), (-7, "q")] == [(row["n"], row["i"]) for row in rows]
    assert given == [row["at"] for row in rows]


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["a", "b"],
        ['say "no"', "back\\slash", "{}", ",", "NULL", " ", "é\n☃"],
        ['","', "x"],
        ["a", None, 'q"', "\\"],
        [None],
    ],
    ids=str,
)
async def test_texts_arrive_whatever_they_hold(database_dsn: str, given: list[str | None]) -> None:
    """Quotes, backslashes, braces, commas, nothing and empty texts arrive as they were."""
    database = await Database.connect(database_dsn, size=1)
    rows = await database.fetch("SELECT t FROM unnest($1::text::text[]) AS t", texts(given))
    await database.close()

    assert given == [row["t"] for row in rows]


async def test_lines_arrive_one_by_one(database_dsn: str) -> None:
    """JSON, which has no line breaks of its own, arrives document by document."""
    given = ['{"a": "line\\nbreak"}', "[]", "null"]
    database = await Database.connect(database_dsn, size=1)
    rows = await database.fetch("SELECT t FROM unnest(string_to_array($1, E'\\n')) AS t", lines(given))
    await database.close()

    assert given == [row["t"] for row in rows]
