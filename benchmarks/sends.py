"""Messages: runs that wake from a delay, pass a split, and send to the inbox or end.

The flow of `journey` with an e-mail in place of the change. Two figures: the wakes alone, and the same wakes until
every message is in the inbox. The baseline does the wakes and queues the messages; it renders and delivers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.crew import until
from benchmarks.crowd import Plan, Stage, by_sql, by_workers, make_stage
from benchmarks.harness import Bar, Figure, Rounds, fresh_database
from benchmarks.journey import after_a_delay
from headrace.storage import embedded

FULL, SHORT = (100_000, 3), (20_000, 1)
"""Runs that wait and are all due, and rounds."""

WAKE = """
WITH due AS MATERIALIZED (
    SELECT bucket, account_id, run_id, profile_id, entered_at FROM run
    WHERE clock = 0 AND bucket = ANY($1) AND account_id = $4 AND state = 0 AND resume_at <= $2
    LIMIT $3 FOR UPDATE SKIP LOCKED
),
decided AS MATERIALIZED (
    SELECT due.*, NOT EXISTS (
        SELECT FROM event e
        WHERE e.bucket = due.bucket AND e.account_id = due.account_id AND e.profile_id = due.profile_id
            AND e.metric_id = $5 AND e.occurred_at >= due.entered_at
    ) AS sends
    FROM due
),
queued AS (
    INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation,
                          profile_id, channel, format, state, clock, queued_at, due_at)
    SELECT bucket, account_id, gen_random_uuid(), run_id, $6, $7, $8, '', profile_id, 1, '', 0, 0, $2, $2
    FROM decided WHERE sends
),
noted AS (
    INSERT INTO journal (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
    SELECT bucket, account_id, run_id, $2, 1, $6, $9, 'branch', jsonb_build_object('branch', sends) FROM decided
)
UPDATE run SET state = 1, action_id = NULL, steps = 2, visited = ARRAY[$9::bigint]
FROM decided WHERE run.bucket = decided.bucket AND run.account_id = decided.account_id AND run.run_id = decided.run_id
"""


async def run(server: embedded.Server, *, full: bool) -> list[Figure]:
    """Measure and return the figures."""
    return await measure(server, *(FULL if full else SHORT))


async def measure(server: embedded.Server, people: int, rounds: int) -> list[Figure]:
    """Measure with chosen sizes."""
    async with fresh_database(server, "bench_sends") as database:
        stage = await make_stage(database, SENDING, people)
        pairs = [(await by_sql(stage, people), await by_workers(stage, people)) for _ in range(rounds)]
    base = Rounds([one.rate for one, _ in pairs])
    name = "one SQL statement per 1,000"
    wakes, complete = Rounds([one.rate for _, one in pairs]), Rounds([one.complete for _, one in pairs])
    return [
        Figure("durable steps that send", "steps/s", wakes, base, name, Bar(None, 0.20)),
        Figure("durable steps, every message in the inbox", "steps/s", complete, base, name, Bar(None, 0.10)),
    ]


def _definition(metrics: Mapping[str, str], template_id: str) -> dict[str, object]:
    content = {"subject_line": "Your cart", "template_id": template_id, "smart_sending_enabled": False}
    data = {"message": {**content, "name": "Reminder"}, "status": "live"}
    return after_a_delay(metrics, {"type": "send-email", "data": data})


def _arguments(stage: Stage) -> tuple[object, ...]:
    email = stage.actions["send-email"]
    message_id = email["data"]["message"]["id"]
    return stage.order_metric, stage.flow_id, int(email["id"]), message_id, stage.action_id("conditional-split")


async def _finish(stage: Stage) -> None:
    await until(stage.database, "SELECT NOT EXISTS (SELECT FROM delivery WHERE state IN (0, 1))")


async def _check(stage: Stage, count: int) -> None:
    """Raise when the due runs are not all finished, or the wrong number of messages was queued, sent or kept."""
    finished = await stage.database.fetch_value("SELECT count(*) FROM run WHERE state = 1")
    expected = count - count // 2
    states = await stage.database.fetch("SELECT state, count(*) AS found FROM delivery GROUP BY state")
    messages = [(row["state"], row["found"]) for row in states]
    kept = await stage.database.fetch_value("SELECT count(*) FROM inbox_message")
    if finished != count or messages not in ([(0, expected)], [(2, expected)]) or kept not in (0, expected):
        raise RuntimeError(f"{finished} of {count} runs finished, deliveries by state {messages}, {kept} messages kept")


SENDING = Plan(_definition, "conditional-split", WAKE, _arguments, _finish, _check)
