"""`headrace segment`."""

from __future__ import annotations

import asyncio
import json

from commands import Commands
from typer.testing import CliRunner

from engine_shop import EngineShop, has, segment_of
from headrace.cli import app
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile


def run(headrace: Commands, *arguments: str) -> tuple[int, str]:
    """Return the exit status of a command and what it printed."""
    result = CliRunner().invoke(app, ["segment", *arguments], env=headrace.environment)
    return result.exit_code, result.output


def make(dsn: str, statement: str | None = None) -> str:
    """Make a shop with a segment that holds one person, work it out, and change rows behind the engine's back."""

    async def work() -> str:
        database = await Database.connect(dsn, size=4)
        shop = await EngineShop.open(database)
        group_id = await shop.made_segment("Gold", segment_of([has("tier", "gold")]))
        await shop.person("ana", IncomingProfile(email="ana@example.com", properties={"tier": "gold"}))
        await shop.drain()
        if statement:
            async with database.transaction() as transaction:
                await transaction.execute(statement)
        await database.close()
        return group_id

    return asyncio.run(work())


def test_segments_are_listed_and_shown(headrace: Commands, database_dsn: str) -> None:
    """By id or name, with how many members they have."""
    group_id = make(database_dsn)
    (row,) = json.loads(run(headrace, "list", "--json")[1])
    assert (group_id, "Gold", 1, False) == (row["id"], row["name"], row["members"], row["processing"])
    shown = json.loads(run(headrace, "show", "Gold")[1])
    assert segment_of([has("tier", "gold")]) == shown["definition"]


def test_a_segment_that_asks_about_what_is_gone_is_told(headrace: Commands, database_dsn: str) -> None:
    """Where there is such a segment the list has a column for it, with the ids; otherwise it has none."""
    make(database_dsn)
    before = run(headrace, "list")[1]
    make_gone = "UPDATE profile_group SET topics = '{group:GONE01,metric:M}' WHERE name = 'Gold'"

    async def change() -> None:
        database = await Database.connect(database_dsn, size=2)
        await database.fetch(make_gone)
        await database.close()

    asyncio.run(change())
    assert ("asks about gone" in before, "GONE01" in before) == (False, False)
    after = run(headrace, "list")[1]
    assert ("asks about gone" in after, "GONE01" in after) == (True, True)
    assert [["GONE01"]] == [row["asks_about_gone"] for row in json.loads(run(headrace, "list", "--json")[1])]


def test_a_check_tells_what_differs_and_repairs_it(headrace: Commands, database_dsn: str) -> None:
    """Exit status 1 while something differs, 0 once it is repaired."""
    group_id = make(database_dsn, "DELETE FROM membership")
    status, printed = run(headrace, "check", "--json")
    (told,) = json.loads(printed)["segments"]
    assert (1, group_id, 1) == (status, told["segment_id"], len(told["missing"]))
    assert 0 == run(headrace, "check", "--segment", "Gold", "--repair")[0]
    assert 0 == run(headrace, "check")[0]


def test_a_segment_is_worked_out_anew(headrace: Commands, database_dsn: str) -> None:
    """The command tells how many are in it then."""
    group_id = make(database_dsn, "DELETE FROM membership")
    assert (0, f"Segment {group_id} has 1 members.\n") == run(headrace, "evaluate", "Gold")


def test_a_segment_that_is_not_there_is_an_error(headrace: Commands, database_dsn: str) -> None:
    """The error names it."""
    make(database_dsn)
    result = CliRunner().invoke(app, ["segment", "show", "Silver"], env=headrace.environment)
    assert "has no segment 'Silver'" in str(result.exception)
