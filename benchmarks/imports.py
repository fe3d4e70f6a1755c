"""Importing people and events from files, against bare inserts of the same rows, and the memory that it takes.

The baseline is what one would write by hand: `unnest` arrays of rows that are ready in memory, 1,000 a transaction over
two connections - of profiles and their identifiers, and of event keys and events. Ours is the command in a process of
its own: it reads the file, checks each row as the API does, finds the people, writes the same rows, what follows from
them, and how far the file is done. Starting the process is not counted. Memory is the peak of that process when a tenth
of the file was done, and at the end: what grows with the file would show between the two.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.harness import Bar, Figure, Rounds, fresh_database, settle
from benchmarks.ingest import BARE_EVENTS
from benchmarks.usage import MEBIBYTE
from headrace.clock import SystemClock, stopwatch
from headrace.ids import RandomIds, bucket_of, event_number, identifier_bucket
from headrace.model import Account
from headrace.storage import embedded
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.identity import Kind
from headrace.storage.partitions import Partitions

BATCH = 1_000
CHUNK = 20_000
"""Rows of the baseline that are ready in memory at a time."""
BASELINE = 100_000
"""Rows of the baseline, at most: its rate does not hang on the size."""
TENTH = 0.1
STEADY = Bar(1.5, 1.1, at_most=True)
"""What the memory at the end may be of that after a tenth."""
LATEST = datetime(2026, 7, 1, tzinfo=UTC)

_DONE = "SELECT position::float8 / size FROM file_import WHERE name = $1"

_PEOPLE = """
WITH written AS (
    INSERT INTO profile (bucket, account_id, profile_id, email, first_name, location, properties, created_at,
                         updated_at)
    SELECT bucket, $1, profile_id, email, first_name, location, properties, $9, $9
    FROM unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])
        AS p (bucket, profile_id, email, first_name, location, properties)
)
INSERT INTO identifier (bucket, account_id, kind, value, profile_id)
SELECT bucket, $1, 1, email, profile_id
FROM unnest($8::smallint[], $4::text[], $3::text[]) AS i (bucket, email, profile_id)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One import: rows a second, and MiB at their peak after a tenth of the file and at the end."""

    rate: float
    early: float
    late: float


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return a rate and a memory for each command."""
    people, events = (1_000_000, 5_000_000) if full else (50_000, 100_000)
    async with fresh_database(server, "bench_imports") as database:
        account_id = (await create_account(database, RandomIds(), Account("", "Bench"), SystemClock())).account_id
        bare = await create_account(database, RandomIds(), Account("", "Bare"), SystemClock())
        with tempfile.TemporaryDirectory() as folder:
            base = await _bare_people(database, bare.account_id, min(people, BASELINE))
            path = _written(Path(folder) / "people.csv", _csv(people))
            first = await _imported(database, account_id, "import-profiles", path, people)
            path.unlink()
            await settle(database)
            ids = [row["profile_id"] for row in await database.fetch("SELECT profile_id FROM profile LIMIT 20000")]
            other = await _bare_events(database, bare.account_id, ids, min(events, BASELINE))
            path = _written(Path(folder) / "events.jsonl", _json(events, people))
            second = await _imported(database, account_id, "import-events", path, events)
    return [
        *_figures("import-profiles", f"{people:,} profiles", "profiles/s", first, base),
        *_figures("import-events", f"{events:,} events", "events/s", second, other),
    ]


def _figures(command: str, what: str, unit: str, found: Measured, base: float) -> list[Figure]:
    beside = Rounds([found.early])
    return [
        Figure(f"{command}, {what}", unit, Rounds([found.rate]), Rounds([base]), "bare unnest inserts", Bar(None, 0.3)),
        Figure(f"{command}, peak memory", "MiB", Rounds([found.late]), beside, "after a tenth", STEADY, as_times=True),
    ]


async def _imported(database: Database, account_id: str, command: str, path: Path, rows: int) -> Measured:
    """Run a command and return what it took; every row must be taken."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "headrace", command, str(path), "--account", account_id, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "HEADRACE_DATABASE_URL": database.dsn, "HEADRACE_SECRET_KEY": "benchmark-key-0123456789"},
    )
    watching = asyncio.create_task(_peaks(database, process.pid, path.name))
    output, _ = await process.communicate()
    early, late = await watching
    told = orjson.loads(output)
    if (told["taken"], told["refused"]) != (rows, 0):
        raise RuntimeError(f"{command} took {told['taken']} of {rows} rows")
    return Measured(rows / told["seconds"], early, late)


async def _peaks(database: Database, process_id: int, name: str) -> tuple[float, float]:
    """Return the peaks of a process's memory, in MiB, until a tenth of a file was done and until it ended."""
    process = psutil.Process(process_id)
    early = late = 0.0
    done = 0.0
    try:
        while process.status() != psutil.STATUS_ZOMBIE:
            late = max(late, process.memory_info().rss / MEBIBYTE)
            if done < TENTH:
                early = late
                done = await database.fetch_value(_DONE, name) or 0.0
            await asyncio.sleep(0.02)
    except psutil.NoSuchProcess:
        pass
    return early, late


def _written(path: Path, lines: Iterator[str]) -> Path:
    with path.open("w") as file:
        file.writelines(lines)
    return path


def _email(number: int) -> str:
    return f"person{number}@example.com"


def _csv(count: int) -> Iterator[str]:
    yield "Email,First Name,City,Country,Plan,Visits\n"
    for number in range(count):
        yield f"{_email(number)},Name{number % 500},City {number % 300},US,plan {number % 5},{number % 90}\n"


def _json(count: int, people: int) -> Iterator[str]:
    for number in range(count):
        told = {
            "metric": "Viewed Product",
            "profile": {"email": _email(number % people)},
            "time": _time(number).isoformat(),
            "unique_id": str(number),
            "value": 12.5,
            "properties": _properties(number),
        }
        yield orjson.dumps(told).decode() + "\n"


def _time(number: int) -> datetime:
    return LATEST - timedelta(seconds=number * 7919 % 7_776_000)


def _properties(number: int) -> dict[str, object]:
    return {"ProductName": f"Product {number % 50}", "Items": [{"SKU": f"S{number % 50}", "price": 12.5}], "step": 2}


async def _bare_people(database: Database, account_id: str, count: int) -> float:
    now, ids = SystemClock().now(), RandomIds()

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            profile_id, email = ids.ulid(now), _email(number)
            location = {"city": f"City {number % 300}", "country": "US"}
            properties = {"Plan": f"plan {number % 5}", "Visits": str(number % 90)}
            bucket = identifier_bucket(account_id, Kind.EMAIL, email)
            yield bucket_of(profile_id), profile_id, email, f"Name{number % 500}", location, properties, bucket

    return await _bare(database, rows(), count, _PEOPLE, account_id, now)


async def _bare_events(database: Database, account_id: str, people: list[str], count: int) -> float:
    await Partitions(database, SystemClock()).ensure("event", {_time(number) for number in range(count)})

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            person, at = people[number % len(people)], _time(number)
            key = (bucket_of(person), person, "BAREXX", str(number), event_number(at, number), at)
            yield *key, _properties(number), Decimal("12.5")

    return await _bare(database, rows(), count, BARE_EVENTS, account_id)


async def _bare(database: Database, rows: Iterator[tuple[Any, ...]], count: int, sql: str, *around: Any) -> float:
    """Insert rows with nothing around it and return rows per second; `around` are the first and last arguments."""
    seconds = 0.0
    while chunk := list(islice(rows, CHUNK)):
        batches = [chunk[start : start + BATCH] for start in range(0, len(chunk), BATCH)]
        began = stopwatch()
        await asyncio.gather(*(_write(database, batches[turn::2], sql, around) for turn in range(2)))
        seconds += stopwatch() - began
    return count / seconds


async def _write(database: Database, batches: list[list[tuple[Any, ...]]], sql: str, around: tuple[Any, ...]) -> None:
    for batch in batches:
        columns = [list(column) for column in zip(*batch, strict=True)]
        async with database.transaction() as transaction:
            await transaction.execute(sql, around[0], *columns, *around[1:])
