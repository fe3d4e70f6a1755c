"""Durable steps: runs that wake from a delay, pass a split, and send to the inbox or end.

200,000 runs wait in a delay; half of their people have placed an order since, so that the split (an event count since
the flow's start, with a property of the person) sends half of them a message. Two workers work them off. A step is one
wake of one run: claim, its immediate actions, commit.

The baseline does the same wakes by one set-based SQL statement per batch of 1,000 over two connections: it locks due
runs, counts each one's orders, queues the message or not, writes the journal and the new state. It knows this one flow
by heart and renders nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.harness import Figure, Rounds, fresh_database
from headrace.clock import SystemClock, stopwatch
from headrace.ids import RandomIds
from headrace.model import Account
from headrace.storage import embedded, flows
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.resolve import Resolver
from headrace.storage.templates import NewTemplate, create_template

RUNS = 200_000
WORKERS = 2
BATCH = 1_000
HTML = "<html><body><p>Hello {{ person.first_name|default:'you' }}, your cart waits.</p></body></html>"

ORDERS = """
INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, properties)
SELECT bucket, account_id, profile_id, $2, $3, row_number() OVER (), 20, '{}'
FROM profile WHERE account_id = $1 AND hashtext(profile_id) % 2 = 0
"""

WAITING = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, action_id, resume_at, clock,
                 state, visited, steps, chain)
SELECT bucket, account_id, gen_random_uuid(), $2, profile_id, $3, $4, $5, $6, 0, 0, '{}', 1, 0
FROM profile WHERE account_id = $1
"""

WAKE = """
WITH due AS MATERIALIZED (
    SELECT bucket, account_id, run_id, profile_id, entered_at FROM run
    WHERE clock = 0 AND bucket = ANY($1) AND state = 0 AND resume_at <= $2
    LIMIT $3 FOR UPDATE SKIP LOCKED
),
decided AS MATERIALIZED (
    SELECT due.*, NOT EXISTS (
        SELECT FROM event e
        WHERE e.bucket = due.bucket AND e.account_id = due.account_id AND e.profile_id = due.profile_id
            AND e.metric_id = $4 AND e.occurred_at >= due.entered_at
    ) AS sends
    FROM due
),
queued AS (
    INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation,
                          profile_id, channel, format, state, clock, queued_at, due_at)
    SELECT bucket, account_id, gen_random_uuid(), run_id, $5, $6, $7, '', profile_id, 1, '', 0, 0, $2, $2
    FROM decided WHERE sends
),
noted AS (
    INSERT INTO journal (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
    SELECT bucket, account_id, run_id, $2, 1, $5, $8, 'branch', jsonb_build_object('branch', sends) FROM decided
)
UPDATE run SET state = 1, action_id = NULL, steps = 2, visited = ARRAY[$8::bigint]
FROM decided WHERE run.bucket = decided.bucket AND run.account_id = decided.account_id AND run.run_id = decided.run_id
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with people and a live flow; `split` and `send` are the ids of its actions."""

    database: Database
    account_id: str
    flow_id: str
    version: int
    split: int
    send: int
    message_id: str
    order_metric: str
    entered_at: datetime


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    rounds = 5 if full else 2
    async with fresh_database(server, "bench_steps") as database:
        stage = await _stage(database)
        ours, baseline, complete = [], [], []
        for _ in range(rounds):
            await _reset(stage)
            baseline.append(await _by_sql(stage))
            await _reset(stage)
            wakes, everything = await _by_workers(stage)
            ours.append(wakes)
            complete.append(everything)
    name = "one SQL statement per 1,000"
    base = Rounds(baseline)
    return [
        Figure("durable steps", "steps/s", Rounds(ours), base, name, 0.20),
        Figure("durable steps, every message in the inbox", "steps/s", Rounds(complete), base, name, 0.10),
    ]


async def _stage(database: Database) -> Stage:
    ids, clock = RandomIds(), SystemClock()
    account_id = (await create_account(database, ids, Account("", "Bench"), clock)).account_id
    metrics = await Metrics(database, clock, ids).ids(account_id, ["Added to Cart", "Placed Order"])
    entered_at = clock.now().replace(microsecond=0) - timedelta(hours=5)
    await Partitions(database, clock).ensure("event", [clock.now(), entered_at])
    await Partitions(database, clock).ensure("journal", [clock.now()])
    async with database.transaction() as transaction:
        for start in range(0, RUNS, 20_000):
            people = [
                IncomingProfile(email=f"person{number}@example.com", fields={"first_name": "Ann"})
                for number in range(start, start + 20_000)
            ]
            await Resolver(transaction, account_id, ids, entered_at).resolve(people)
        await transaction.execute(ORDERS, account_id, metrics["Placed Order"], entered_at + timedelta(hours=1))
        template_id = await create_template(transaction, account_id, ids, entered_at, NewTemplate("Cart", "CODE", HTML))
        definition = _definition(metrics, template_id)
        flow_id = await flows.create_flow(transaction, account_id, ids, entered_at, "Bench", definition)
        await flows.set_status(transaction, account_id, flow_id, "live", entered_at)
        stored = await flows.load_flow(transaction, account_id, flow_id)
    actions = {action["type"]: action for action in stored.definition["actions"]}
    return Stage(
        database=database,
        account_id=account_id,
        flow_id=flow_id,
        version=stored.version,
        split=int(actions["conditional-split"]["id"]),
        send=int(actions["send-email"]["id"]),
        message_id=actions["send-email"]["data"]["message"]["id"],
        order_metric=metrics["Placed Order"],
        entered_at=entered_at,
    )


def _definition(metrics: dict[str, str], template_id: str) -> dict[str, object]:
    condition = {
        "type": "profile-metric",
        "metric_id": metrics["Placed Order"],
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
        "metric_filters": None,
    }
    message = {
        "subject_line": "Your cart",
        "template_id": template_id,
        "smart_sending_enabled": False,
        "name": "Reminder",
    }
    return {
        "triggers": [{"type": "metric", "id": metrics["Added to Cart"], "trigger_filter": None}],
        "profile_filter": None,
        "entry_action_id": "wait",
        "actions": [
            {
                "temporary_id": "wait",
                "type": "time-delay",
                "links": {"next": "split"},
                "data": {"unit": "hours", "value": 4, "timezone": "profile"},
            },
            {
                "temporary_id": "split",
                "type": "conditional-split",
                "links": {"next_if_true": "send", "next_if_false": None},
                "data": {"profile_filter": {"condition_groups": [{"conditions": [condition]}]}},
            },
            {
                "temporary_id": "send",
                "type": "send-email",
                "links": {"next": None},
                "data": {"message": message, "status": "live"},
            },
        ],
    }


async def _reset(stage: Stage) -> None:
    """Let every run wait again; all are due."""
    database, now = stage.database, SystemClock().now()
    async with database.transaction() as transaction:
        for table in ("run", "journal", "delivery", "inbox_message", "interaction", "message_delta", "message_rollup"):
            await transaction.execute(f"TRUNCATE {table}")
        await transaction.execute(
            "DELETE FROM event WHERE account_id = $1 AND metric_id <> $2", stage.account_id, stage.order_metric
        )
        await transaction.execute("DELETE FROM event_key WHERE account_id = $1", stage.account_id)
        arguments = (stage.account_id, stage.flow_id, stage.version, stage.entered_at, stage.split, now)
        await transaction.execute(WAITING, *arguments)
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")


async def _by_sql(stage: Stage) -> float:
    """Wake every run by the statement that knows the flow by heart; return steps per second."""

    async def work(buckets: list[int]) -> int:
        done = 0
        for bucket in range(0, len(buckets), 8):
            share = buckets[bucket : bucket + 8]
            while True:
                async with stage.database.transaction() as transaction:
                    tag = await transaction.execute(
                        WAKE,
                        share,
                        SystemClock().now(),
                        BATCH,
                        stage.order_metric,
                        stage.flow_id,
                        stage.send,
                        stage.message_id,
                        stage.split,
                    )
                count = int(tag.rpartition(" ")[2])
                done += count
                if not count:
                    break
        return done

    began = stopwatch()
    done = sum(await asyncio.gather(work(list(range(0, 256, 2))), work(list(range(1, 256, 2)))))
    seconds = stopwatch() - began
    if done != RUNS:
        raise RuntimeError(f"the baseline woke {done} of {RUNS} runs")
    return RUNS / seconds


async def _by_workers(stage: Stage) -> tuple[float, float]:
    """Wake every run by two workers; return steps per second until all are awake, and until all is in the inbox."""
    environment = {**os.environ, "HEADRACE_DATABASE_URL": stage.database.dsn, "HEADRACE_SECRET_KEY": "benchmark-key-01"}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headrace", "work", env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        for _ in range(WORKERS)
    ]
    try:
        await _until(stage.database, "SELECT EXISTS (SELECT FROM run WHERE state <> 0)")
        began = stopwatch()
        await _until(stage.database, "SELECT NOT EXISTS (SELECT FROM run WHERE state = 0)")
        awake = stopwatch() - began
        await _until(stage.database, "SELECT NOT EXISTS (SELECT FROM delivery WHERE state IN (0, 1))")
        complete = stopwatch() - began
    finally:
        for process in processes:
            process.terminate()
            await process.wait()
    await _check(stage)
    return RUNS / awake, RUNS / complete


async def _until(database: Database, question: str) -> None:
    while not await database.fetch_value(question):  # noqa: ASYNC110 - other processes do the work
        await asyncio.sleep(0.05)


async def _check(stage: Stage) -> None:
    """Raise when the workers did not do what the baseline does."""
    finished = await stage.database.fetch_value("SELECT count(*) FROM run WHERE state = 1")
    sent = await stage.database.fetch_value("SELECT count(*) FROM delivery WHERE state = 2")
    orders = await stage.database.fetch_value("SELECT count(*) FROM event WHERE metric_id = $1", stage.order_metric)
    kept = await stage.database.fetch_value("SELECT count(*) FROM inbox_message")
    if (finished, sent, kept) != (RUNS, RUNS - orders, RUNS - orders):
        raise RuntimeError(f"{finished} runs finished, {sent} messages sent, {kept} kept; {RUNS - orders} expected")
