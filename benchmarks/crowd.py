"""A crowd that waits in a delay of one flow, and two ways to wake the part of it that is due.

Every second person has placed an order. What is here: the database with the crowd, making a part of it due, waking it
by two workers, and by the baseline: one set-based statement per batch of 1,000 over two connections, which knows the
one flow by heart. What is not: the flow and that statement (a `Plan`, in `journey` and `sends`), and what is measured
in which rounds (`steps`, `burst`, `lag`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.crew import Crew, crew, until
from benchmarks.harness import settle
from benchmarks.usage import Meter, postgres
from headrace.clock import SystemClock, stopwatch
from headrace.ids import BUCKETS, RandomIds, SeededIds, bucket_of
from headrace.model import Account
from headrace.storage import flows
from headrace.storage.accounts import create_account
from headrace.storage.buckets import lock_every_bucket
from headrace.storage.database import Connection, Database
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.templates import NewTemplate, create_template

BATCH = 1_000
CONNECTIONS = 2
"""Of the baseline, as many as there are workers."""
MOST_BATCHES = 4
"""Batches for which the buckets of one claim of the baseline hold due runs, so that nearly all batches are full."""
LATER = timedelta(days=30)
"""When the runs that are not due wake up."""
WAITED = timedelta(hours=5)
CHUNK = 50_000
REST = 0.02
"""Seconds between two looks, and that the baseline rests after it found nothing."""
HTML = "<html><body><p>Hello {{ person.first_name|default:'you' }}, your cart waits.</p></body></html>"
TRIGGER, ORDER = "Added to Cart", "Placed Order"

CROWD = """
CREATE UNLOGGED TABLE crowd (number int PRIMARY KEY, bucket smallint, profile_id text, run_id uuid, due_at timestamptz)
"""
"""The people, numbered; kept apart so that any part of them can be made to wait again."""

ADD_ORDERS = """
INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, properties)
SELECT bucket, $1, profile_id, $2, $3, number + 1, 20, '{"Items": ["Anvil"], "Currency": "USD"}'
FROM crowd WHERE number % 2 = 1
"""

ADD_RUNS = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, action_id, resume_at, clock,
                 state, visited, steps, chain)
SELECT bucket, $1, run_id, $2, profile_id, $3, $4, $5, $6, 0, 0, '{}', 1, 0 FROM crowd
"""

WAIT_AGAIN = """
UPDATE run SET state = 0, action_id = $2, resume_at = $3, visited = '{}', steps = 1 FROM crowd c
WHERE run.bucket = c.bucket AND run.account_id = $1 AND run.run_id = c.run_id AND run.state <> 0
    AND c.due_at IS NOT NULL
"""
FORGET = """
UPDATE profile p SET properties = $2 FROM crowd c
WHERE p.bucket = c.bucket AND p.account_id = $1 AND p.profile_id = c.profile_id AND p.properties <> $2
    AND c.due_at IS NOT NULL
"""
PLAN = """
UPDATE crowd SET due_at = CASE WHEN number < $1 THEN $2::timestamptz + number * $3::interval / $1 END
WHERE number < $1 OR due_at IS NOT NULL
"""
FALL_DUE = """
UPDATE run SET resume_at = c.due_at FROM crowd c
WHERE run.bucket = c.bucket AND run.account_id = $1 AND run.run_id = c.run_id AND c.due_at IS NOT NULL
"""
EMPTIED = (
    *("journal", "step_delta", "step_count", "pending", "delivery", "inbox_message", "interaction"),
    *("message_delta", "message_rollup"),
)
KEEP_ORDERS = "DELETE FROM event WHERE account_id = $1 AND metric_id <> $2"
FORGET_KEYS = "DELETE FROM event_key WHERE account_id = $1"
PROPERTIES = {"Plan": "free"}

STILL_DUE = """
SELECT EXISTS (
    SELECT FROM run WHERE clock = 0 AND bucket = $1 AND account_id = $2 AND state = 0 AND resume_at < $3
)
"""
AWAKE = "SELECT count(DISTINCT run_id) FROM journal"


@dataclass(frozen=True, slots=True)
class Woken:
    """What it took to wake runs: how many in how many seconds, and processor seconds.

    `idle` is the memory of the largest worker in MiB before there was anything to do, `memory` while it worked.
    `complete` is how many a second there were until nothing was left to do, messages included.
    """

    wakes: int
    seconds: float
    cpu: float
    idle: float = 0.0
    memory: float = 0.0
    complete: float = 0.0

    @property
    def rate(self) -> float:
        """Wakes per second."""
        return self.wakes / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of processor time per wake, PostgreSQL's included."""
        return self.cpu / self.wakes * 1e6


@dataclass(frozen=True, slots=True)
class Plan:
    """A flow and the statement that wakes its runs.

    `definition` is given metric ids by name and the id of a template. The runs wait before the action of the type
    `waits_at`. `wake` is given buckets, the moment, the batch's size and the account, then `arguments`. `finish` waits
    until what the woken runs asked for has been done. `check` raises unless so many runs were woken, and rightly.
    """

    definition: Callable[[Mapping[str, str], str], dict[str, object]]
    waits_at: str
    wake: str
    arguments: Callable[[Stage], tuple[object, ...]]
    finish: Callable[[Stage], Awaitable[None]]
    check: Callable[[Stage, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with a crowd in a live flow; `actions` are the stored ones by their types."""

    database: Database
    plan: Plan
    account_id: str
    flow_id: str
    version: int
    actions: Mapping[str, Mapping[str, Any]]
    order_metric: str
    people: int
    entered_at: datetime
    later: datetime

    def action_id(self, kind: str) -> int:
        """Return the id of the action of a type."""
        return int(self.actions[kind]["id"])


# --- the crowd ----------------------------------------------------------------------------------------------------


async def make_stage(database: Database, plan: Plan, people: int) -> Stage:
    """Fill a database with people who all wait, none of them due."""
    ids, clock = RandomIds(), SystemClock()
    account_id = (await create_account(database, ids, Account("", "Bench"), clock)).account_id
    metrics = await Metrics(database, clock, ids).ids(account_id, [TRIGGER, ORDER])
    entered_at = clock.now().replace(microsecond=0) - WAITED
    partitions = Partitions(database, clock)
    await partitions.ensure("event", [clock.now(), entered_at])
    await partitions.ensure("journal", [clock.now(), clock.now() + timedelta(hours=1)])
    async with database.transaction() as transaction:
        place = (transaction, account_id)
        template_id = await create_template(*place, ids, entered_at, NewTemplate("Cart", "CODE", HTML))
        definition = plan.definition(metrics, template_id)
        flow_id = await flows.create_flow(*place, ids, entered_at, "Bench", definition)
        await flows.set_status(*place, flow_id, "live", entered_at)
        stored = await flows.load_flow(*place, flow_id)
    actions = {action["type"]: action for action in stored.definition["actions"]}
    order, later = metrics[ORDER], clock.now() + LATER
    version = stored.version
    stage = Stage(database, plan, account_id, flow_id, version, actions, order, people, entered_at, later)
    await _gather(stage)
    await settle(database)
    return stage


async def _gather(stage: Stage) -> None:
    """Make the people, the orders of half of them, and their runs."""
    ids = SeededIds(3)
    async with stage.database.transaction() as transaction:
        await transaction.execute(CROWD)
        for start in range(0, stage.people, CHUNK):
            await _add_people(stage, transaction, ids, range(start, min(start + CHUNK, stage.people)))
        ordered_at = stage.entered_at + timedelta(hours=1)
        await transaction.execute(ADD_ORDERS, stage.account_id, stage.order_metric, ordered_at)
        place = (stage.flow_id, stage.version, stage.entered_at, stage.action_id(stage.plan.waits_at), stage.later)
        await transaction.execute(ADD_RUNS, stage.account_id, *place)


async def _add_people(stage: Stage, transaction: Connection, ids: SeededIds, numbers: range) -> None:
    columns = ["bucket", "account_id", "profile_id", "email", "first_name", "properties", "created_at", "updated_at"]
    at = stage.entered_at
    people = [(number, ids.ulid(at), ids.uuid()) for number in numbers]
    crowd = [(number, bucket_of(profile_id), profile_id, run_id) for number, profile_id, run_id in people]
    profiles = [
        (bucket, stage.account_id, profile_id, f"person{number}@example.com", "Ann", PROPERTIES, at, at)
        for number, bucket, profile_id, _ in crowd
    ]
    await _copy(transaction, "crowd", ["number", "bucket", "profile_id", "run_id"], crowd)
    await _copy(transaction, "profile", columns, profiles)


async def _copy(transaction: Connection, table: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    await transaction.raw.copy_records_to_table(table, columns=columns, records=rows)


async def all_wait(stage: Stage) -> None:
    """Let every run wait again, none of them due, as if nobody had been woken yet."""
    async with stage.database.transaction() as transaction:
        for table in EMPTIED:
            await transaction.execute(f"TRUNCATE {table}")
        await transaction.execute(KEEP_ORDERS, stage.account_id, stage.order_metric)
        await transaction.execute(FORGET_KEYS, stage.account_id)
        await transaction.execute(WAIT_AGAIN, stage.account_id, stage.action_id(stage.plan.waits_at), stage.later)
        await transaction.execute(FORGET, stage.account_id, PROPERTIES)


async def fall_due(stage: Stage, count: int, start: datetime, spread: timedelta = timedelta(0)) -> None:
    """Make the first `count` runs due, evenly spread over a time from `start`."""
    async with stage.database.transaction() as transaction:
        await transaction.execute(PLAN, count, start, spread)
        await transaction.execute(FALL_DUE, stage.account_id)


# --- two ways to wake it ------------------------------------------------------------------------------------------


async def by_sql(stage: Stage, count: int) -> Woken:
    """Wake `count` runs, all due now, by the statement that knows the flow by heart."""
    await all_wait(stage)
    await fall_due(stage, count, SystemClock().now() - timedelta(seconds=1))
    await settle(stage.database)
    meter = Meter([os.getpid(), await postgres(stage.database)])
    began = stopwatch()
    await sweep(stage, count)
    woken = Woken(count, stopwatch() - began, meter.read())
    await stage.plan.check(stage, count)
    return woken


async def sweep(stage: Stage, count: int) -> None:
    """Wake due runs by SQL over two connections, until `count` are awake."""
    due = Due(count)
    halves = [list(range(first, BUCKETS, CONNECTIONS)) for first in range(CONNECTIONS)]
    await asyncio.gather(*(_sweep_half(stage, half, due) for half in halves))


@dataclass(slots=True)
class Due:
    """How many runs are still to be woken by all connections together."""

    left: int


async def _sweep_half(stage: Stage, buckets: list[int], due: Due) -> None:
    share = max(1, min(len(buckets), MOST_BATCHES * BATCH * BUCKETS // due.left))
    rest = (stage.account_id, *stage.plan.arguments(stage))
    while due.left > 0:
        found = 0
        for first in range(0, len(buckets), share):
            woken = BATCH
            while woken == BATCH:
                async with stage.database.transaction() as transaction:
                    part = buckets[first : first + share]
                    tag = await transaction.execute(stage.plan.wake, part, SystemClock().now(), BATCH, *rest)
                woken = int(tag.rpartition(" ")[2])
                due.left -= woken
                found += woken
        if not found:
            await asyncio.sleep(REST)


async def by_workers(stage: Stage, count: int) -> Woken:
    """Wake `count` runs, all due now, by two workers that have started and are let go at once.

    The rate is counted from the first commit on, without what was done until then: idle workers rest up to a second
    between two looks, and a rate is not about that. Processor time is counted from when they are let go.
    """
    await all_wait(stage)
    await fall_due(stage, count, SystemClock().now() - timedelta(seconds=1))
    await settle(stage.database)
    server = await postgres(stage.database)
    async with AsyncExitStack() as hired:
        async with stage.database.transaction() as transaction:
            await lock_every_bucket(transaction)
            workers = await hired.enter_async_context(crew(stage.database))
            idle, meter = workers.memory(), Meter([server, *workers.process_ids])
        released = stopwatch()
        await until(stage.database, "SELECT EXISTS (SELECT FROM journal)")
        before, began = await stage.database.fetch_value(AWAKE), stopwatch()
        if before > count / 2:
            before, began = 0, released
        largest = await all_awake(stage, workers)
        counted, seconds, cpu = count - before, stopwatch() - began, meter.read()
        await stage.plan.finish(stage)
        complete = counted / (stopwatch() - began)
        woken = Woken(counted, seconds, cpu * counted / count, idle, largest, complete)
    await stage.plan.check(stage, count)
    return woken


async def all_awake(stage: Stage, workers: Crew) -> float:
    """Wait until no run is due any more; return the MiB that the largest worker had meanwhile.

    The buckets are asked one after the other, so that asking costs the server next to nothing.
    """
    largest = workers.memory()
    for bucket in range(BUCKETS):
        while await stage.database.fetch_value(STILL_DUE, bucket, stage.account_id, stage.later):
            largest = max(largest, workers.memory())
            await asyncio.sleep(REST)
    return largest
