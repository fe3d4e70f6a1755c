"""Event ingest by HTTP: single posts over 32 connections, and in bulk.

Beside single posts stands the bare application, which checks the same bodies on the same server and forgets them
(`bare_app`), by the models of the body, and once more by the quick reading that ours does. Beside both stand bare
inserts of the same rows as one would write them by hand: one statement that inserts event keys and, where they were
new, events from `unnest` arrays, 1,000 rows a transaction over two connections of one process, with the pool, codecs
and server that ours uses. The rows say the same - as many people, the same times, values and properties - and their
ids, numbers and times are ready in memory; turning them into arrays and sending these is measured. Ours parses,
authenticates, checks, finds the people, writes the same rows plus the queue of the consumer, commits, and only then
answers 202.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from benchmarks.api import bare_serving, post, serving
from benchmarks.bare_app import MODELS, QUICK
from benchmarks.harness import Bar, Figure, Rounds, fresh_database
from headrace.clock import SystemClock, stopwatch
from headrace.ids import RandomIds, bucket_of, event_number
from headrace.model import Account
from headrace.storage import embedded
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.keys import create_key
from headrace.storage.partitions import Partitions
from headrace.storage.resolve import Resolver
from headrace.storage.serials import Serials

PEOPLE = 20_000
CONNECTIONS = 32
"""Of single posts."""
BULK_CONNECTIONS = 8
"""Of bulk jobs: each process has work while the database writes, and the jobs at the end do not run alone for long."""
EVENTS = "/api/events"
BULK = 1_000
BATCH = 1_000
VALUE = 12.5

BARE_EVENTS = """
WITH incoming AS (
    SELECT * FROM unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[],
                         $8::jsonb[], $9::numeric[])
        AS e (bucket, profile_id, metric_id, unique_id, number, occurred_at, properties, value)
),
fresh AS (
    INSERT INTO event_key (bucket, account_id, profile_id, metric_id, unique_id)
    SELECT bucket, $1, profile_id, metric_id, unique_id FROM incoming
    ON CONFLICT DO NOTHING
    RETURNING bucket, profile_id, metric_id, unique_id
)
INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, properties)
SELECT bucket, $1, profile_id, metric_id, occurred_at, number, value, properties
FROM incoming JOIN fresh USING (bucket, profile_id, metric_id, unique_id)
"""
"""The baseline of whatever writes events: their keys and themselves, and nothing else."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with people, and API processes over it."""

    database: Database
    account_id: str
    people: list[str]
    port: int
    key: str


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures: single posts beside both baselines, their rate by itself, and bulk."""
    rounds, events = (5, 100_000) if full else (3, 40_000)
    async with (
        fresh_database(server, "bench_ingest") as database,
        _stage(database) as stage,
        bare_serving() as bare_port,
    ):
        beside = replace(stage, port=bare_port)
        bare, by_models, quickly, single, bulk = [], [], [], [], []
        for one, path in ((beside, MODELS), (stage, EVENTS)):  # processes that are still starting are not measured
            await _post(one, _single(500, f"warm-{one.port}"), path, 500)
        for number in range(rounds):
            bare.append(await _bare(stage, events, f"bare-{number}"))
            bodies = _single(events // 4, f"single-{number}")
            by_models.append(await _post(beside, bodies, MODELS, events // 4))
            single.append(await _post(stage, bodies, EVENTS, events // 4))
            quickly.append(await _post(beside, bodies, QUICK, events // 4))
            bodies = _bulk(events, f"bulk-{number}")
            bulk.append(await _post(stage, bodies, "/api/event-bulk-create-jobs", events))
    base, app, name = Rounds(bare), Rounds(by_models), "events/s"
    inserts, discarding = "bare unnest inserts", "bare application that validates and discards"
    return [
        Figure("event ingest, single posts", name, Rounds(single), app, discarding, Bar(0.15, 0.30)),
        Figure("event ingest, single posts", name, Rounds(single), Rounds(quickly), "the same, reading as ours does"),
        Figure(
            "event ingest, single posts, rate", name, Rounds(single), app, discarding, Bar(3_000, 5_000, value=True)
        ),
        Figure("event ingest, single posts", name, Rounds(single), base, inserts),
        Figure("event ingest, bulk", name, Rounds(bulk), base, inserts, Bar(0.60, 0.75)),
    ]


@asynccontextmanager
async def _stage(database: Database) -> AsyncIterator[Stage]:
    account = await create_account(database, RandomIds(), Account("", "Bench"), SystemClock())
    key, _ = await create_key(database, RandomIds(), SystemClock(), account.account_id, "bench", ["*"])
    async with database.transaction() as transaction:
        resolver = Resolver(transaction, account.account_id, RandomIds(), SystemClock().now())
        people = await resolver.resolve([IncomingProfile(email=_email(number)) for number in range(PEOPLE)])
    async with serving(database) as port:
        yield Stage(database, account.account_id, [str(one) for one in people], port, key)


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
    await Partitions(stage.database, clock).ensure("event", {clock.now(), *_times(3000)})
    numbers = await Serials(stage.database).take(count)
    times = _times(count)
    people = [stage.people[number % PEOPLE] for number in range(count)]
    rows = [
        (
            bucket_of(people[number]),
            people[number],
            "BAREXX",
            f"{mark}-{number}",
            event_number(times[number], numbers[number]),
            times[number],
            _properties(number),
            Decimal(str(VALUE)),
        )
        for number in range(count)
    ]
    batches = [rows[start : start + BATCH] for start in range(0, count, BATCH)]

    async def write(share: list[list[tuple[Any, ...]]]) -> None:
        for batch in share:
            columns = [list(column) for column in zip(*batch, strict=True)]
            async with stage.database.transaction() as transaction:
                await transaction.execute(BARE_EVENTS, stage.account_id, *columns)

    began = stopwatch()
    await asyncio.gather(write(batches[0::2]), write(batches[1::2]))
    return count / (stopwatch() - began)


def _single(count: int, mark: str) -> list[bytes]:
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
    return {"properties": _properties(number), "time": at.isoformat(), "unique_id": f"{mark}-{number}", "value": VALUE}


def _person(number: int) -> dict[str, object]:
    return {"type": "profile", "attributes": {"email": _email(number % PEOPLE)}}


async def _post(stage: Stage, bodies: list[bytes], path: str, events: int) -> float:
    """Post bodies and return events per second."""
    connections = BULK_CONNECTIONS if len(bodies) < events else CONNECTIONS
    return events / await post(stage.port, stage.key, path, bodies, connections)
