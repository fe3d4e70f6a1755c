"""Event ingest by HTTP, single posts over 32 connections and in bulk, against bare inserts of the same rows.

The baseline writes what is unavoidable - event keys and events, by `unnest` in batches of 1,000 over two connections,
keys, ids and times ready in memory - with nothing between it and PostgreSQL. Ours parses, authenticates, checks, finds
the people, writes the same rows plus the queue of the consumer, commits, and only then answers 202.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from benchmarks.harness import Figure, Rounds, fresh_database
from headrace.cli.serve import listen
from headrace.clock import SystemClock, stopwatch
from headrace.ids import RandomIds, bucket_of
from headrace.model import Account
from headrace.storage import embedded
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.events import NewEvent, insert_quietly
from headrace.storage.identity import IncomingProfile
from headrace.storage.keys import create_key
from headrace.storage.partitions import Partitions
from headrace.storage.resolve import Resolver
from headrace.storage.serials import Serials

PEOPLE = 20_000
CONNECTIONS = 32
BULK = 1_000
API_PROCESSES = 2
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with people, and API processes over it."""

    database: Database
    account_id: str
    people: list[str]
    port: int
    key: str


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return two figures: single posts, and bulk."""
    rounds, events = (5, 100_000) if full else (3, 20_000)
    async with fresh_database(server, "bench_ingest") as database, _stage(database) as stage:
        bare, single, bulk = [], [], []
        for number in range(rounds):
            bare.append(await _bare(stage, events, f"bare-{number}"))
            single.append(
                await _post(stage, _single(stage, events // 4, f"single-{number}"), "/api/events", events // 4)
            )
            bodies = _bulk(events, f"bulk-{number}")
            bulk.append(await _post(stage, bodies, "/api/event-bulk-create-jobs", events))
    base = Rounds(bare)
    name = "bare unnest inserts"
    return [
        Figure("event ingest, single posts", "events/s", Rounds(single), base, name, 0.10),
        Figure("event ingest, bulk", "events/s", Rounds(bulk), base, name, 0.50),
    ]


@asynccontextmanager
async def _stage(database: Database) -> AsyncIterator[Stage]:
    account = await create_account(database, RandomIds(), Account("", "Bench"), SystemClock())
    key, _ = await create_key(database, RandomIds(), SystemClock(), account.account_id, "bench", ["*"])
    async with database.transaction() as transaction:
        resolver = Resolver(transaction, account.account_id, RandomIds(), SystemClock().now())
        people = await resolver.resolve([IncomingProfile(email=_email(number)) for number in range(PEOPLE)])
    listener = listen("127.0.0.1", 0)
    environment = {
        **os.environ,
        "HEADRACE_DATABASE_URL": database.dsn,
        "HEADRACE_SECRET_KEY": "benchmark-key-0123456789",
    }
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "headrace", "serve", "--fd", str(listener.fileno())),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env=environment,
        )
        for _ in range(API_PROCESSES)
    ]
    try:
        yield Stage(database, account.account_id, [str(one) for one in people], listener.getsockname()[1], key)
    finally:
        for process in processes:
            process.terminate()
            await process.wait()
        listener.close()


def _email(number: int) -> str:
    return f"person{number}@example.com"


def _times(count: int) -> list[datetime]:
    now = SystemClock().now().replace(microsecond=0)
    return [now - timedelta(seconds=number % 3000) for number in range(count)]


def _properties(number: int) -> dict[str, object]:
    return {"ProductName": f"Product {number % 50}", "Items": [{"SKU": f"S{number % 50}", "price": 12.5}], "step": 2}


async def _bare(stage: Stage, count: int, mark: str) -> float:
    """Insert rows with nothing around it and return events per second."""
    clock = SystemClock()
    await Partitions(stage.database, clock).ensure("event", {datetime.now(UTC), *_times(3000)})
    numbers = await Serials(stage.database).take(count)
    times = _times(count)
    rows = [
        NewEvent(
            bucket=bucket_of(stage.people[number % PEOPLE]),
            profile_id=stage.people[number % PEOPLE],
            metric_id="BAREXX",
            unique_id=f"{mark}-{number}",
            number=numbers[number],
            occurred_at=times[number],
            properties=_properties(number),
        )
        for number in range(count)
    ]
    batches = [rows[start : start + BATCH] for start in range(0, count, BATCH)]

    async def write(share: list[list[NewEvent]]) -> None:
        for batch in share:
            async with stage.database.transaction() as transaction:
                await insert_quietly(transaction, stage.account_id, batch)

    began = stopwatch()
    await asyncio.gather(write(batches[0::2]), write(batches[1::2]))
    return count / (stopwatch() - began)


def _single(stage: Stage, count: int, mark: str) -> list[bytes]:
    times = _times(count)
    return [
        orjson.dumps(
            {
                "data": {
                    "type": "event",
                    "attributes": {
                        **_event(number, times[number], mark),
                        "metric": {"data": {"type": "metric", "attributes": {"name": "Viewed Product"}}},
                        "profile": {"data": _person(number)},
                    },
                }
            }
        )
        for number in range(count)
    ]


def _bulk(count: int, mark: str) -> list[bytes]:
    times = _times(count)
    metric = {"data": {"type": "metric", "attributes": {"name": "Viewed Product"}}}

    def row(number: int) -> dict[str, object]:
        event = {"type": "event", "attributes": {**_event(number, times[number], mark), "metric": metric}}
        attributes = {"profile": {"data": _person(number)}, "events": {"data": [event]}}
        return {"type": "event-bulk-create", "attributes": attributes}

    return [
        orjson.dumps(
            {
                "data": {
                    "type": "event-bulk-create-job",
                    "attributes": {"events-bulk-create": {"data": [row(n) for n in range(start, start + BULK)]}},
                }
            }
        )
        for start in range(0, count, BULK)
    ]


def _event(number: int, at: datetime, mark: str) -> dict[str, object]:
    return {"properties": _properties(number), "time": at.isoformat(), "unique_id": f"{mark}-{number}", "value": 12.5}


def _person(number: int) -> dict[str, object]:
    return {"type": "profile", "attributes": {"email": _email(number % PEOPLE)}}


async def _post(stage: Stage, bodies: list[bytes], path: str, events: int) -> float:
    """Post bodies from a process of their own and return events per second; every one must be accepted."""
    with tempfile.NamedTemporaryFile() as file:
        await asyncio.to_thread(Path(file.name).write_bytes, b"\n".join(bodies))
        arguments = ("127.0.0.1", str(stage.port), str(min(CONNECTIONS, len(bodies))), file.name, path, stage.key)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.load", *arguments, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    seconds, accepted, sent = output.split()
    if accepted != sent:
        raise RuntimeError(f"{path}: {accepted.decode()} of {sent.decode()} requests were accepted")
    return events / float(seconds)
