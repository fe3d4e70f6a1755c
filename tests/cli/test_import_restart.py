"""Imports that stop on the way go on, and those that are done are not repeated."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from commands import Commands, fetch_value
from import_files import PEOPLE, line, mistakes, profile, written

from headrace.clock import SystemClock
from headrace.storage.database import Database
from headrace.storage.import_files import FileKey, Progress, begin_import, move_import


def test_a_file_that_is_done_is_not_imported_twice(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """The second command says so; --restart begins anew, and so does another mapping."""
    path = written(tmp_path, "email,x\na@example.com,1\n")
    headrace.run("import-profiles", str(path))
    fetch_value(database_dsn, "UPDATE profile SET properties = '{}'")
    again = headrace.data("import-profiles", str(path))
    kept = profile(database_dsn, "a@example.com")["properties"]
    headrace.run("import-profiles", str(path), "--map", "x=properties.y")
    mapped = profile(database_dsn, "a@example.com")["properties"]
    headrace.run("import-profiles", str(path), "--restart")
    assert (True, {}, {"y": "1"}) == (again["was_done"], kept, mapped)
    assert {"x": "1", "y": "1"} == profile(database_dsn, "a@example.com")["properties"]


SLOWLY = """
import asyncio, sys
from headrace.cli import app
from headrace.engine import imports

imports.BATCH = 10
real, left = imports.move_import, int(sys.argv.pop(1))

async def moved(*arguments):
    global left
    left -= 1
    if left < 0:
        print("here", flush=True)
        await asyncio.sleep(3600)
    return await real(*arguments)

imports.move_import = moved
app(sys.argv[1:])
"""
"""The command, which stops for ever in the transaction that follows as many batches as its first argument says."""


def killed_within(headrace: Commands, batches: int, *arguments: str) -> None:
    """Run a command and kill it (SIGKILL) within the transaction that follows some batches."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(batches), *arguments],
        env={**os.environ, **headrace.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "here" == process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)


def test_a_killed_import_goes_on_where_it_stopped(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Nobody is lost or told of twice, nor is a mistake."""
    lines = [f"p{number}@example.com" if number % 7 else f"wrong{number}" for number in range(100)]
    path = written(tmp_path, "\n".join(["email", *lines]) + "\n")
    killed_within(headrace, 4, "import-profiles", str(path))
    assert 34 == fetch_value(database_dsn, PEOPLE)
    told = headrace.data("import-profiles", str(path))
    assert (85, 15, 41) == (told["taken"], told["refused"], told["resumed_after_row"])
    assert 85 == fetch_value(database_dsn, PEOPLE)
    assert [(str(number + 2), f"wrong{number}") for number in range(0, 100, 7)] == [
        (row, value) for row, _, value in mistakes(path)
    ]


def test_killed_events_are_counted_once(headrace: Commands, account: str, database_dsn: str, tmp_path: Path) -> None:
    """Going on neither loses nor doubles an event, though none has an id of its own."""
    events = [line(number) for number in range(100)]
    path = written(tmp_path, "\n".join(events), "events.jsonl")
    killed_within(headrace, 3, "import-events", str(path))
    before = fetch_value(database_dsn, "SELECT count(*) FROM event")
    told = headrace.data("import-events", str(path))
    assert (30, 100, 100, 30) == (
        before,
        fetch_value(database_dsn, "SELECT count(*) FROM event"),
        told["taken"],
        told["resumed_after_row"],
    )


def test_going_on_is_told(headrace: Commands, account: str, tmp_path: Path) -> None:
    """Whoever runs the command once more reads where it goes on, and how many that makes."""
    path = written(tmp_path, "\n".join(["email", *(f"p{number}@example.com" for number in range(30))]))
    killed_within(headrace, 1, "import-profiles", str(path))
    told = headrace.run("import-profiles", str(path))
    assert "goes on after row 11" in told
    assert "30 profiles imported" in told


def test_only_one_of_two_imports_of_a_file_moves_on(database_dsn: str) -> None:
    """Whoever finds that the file is further than it was when the batch began has to undo the batch."""

    async def both() -> tuple[bool, bool]:
        database = await Database.connect(database_dsn, size=1)
        key, now = FileKey("ACCNT1", "profiles", "digest"), SystemClock().now()
        before, after = Progress(10, 1), Progress(20, 2, taken=1)
        await begin_import(database, key, "people.csv", 30, before, now)
        async with database.transaction() as transaction:
            first = await move_import(transaction, key, before, after, now)
            second = await move_import(transaction, key, before, after, now)
        await database.close()
        return first, second

    assert (True, False) == asyncio.run(both())
