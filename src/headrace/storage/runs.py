"""Runs: claiming those that are due, starting new ones, writing down where a batch of them came to.

Every statement works on a batch. Claims happen under the bucket locks (`buckets.lock_buckets`), which is why no row is
locked. Source: DESIGN section 3.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from headrace.ids import BUCKETS
from headrace.storage.arrays import ids, moment, moments, numbers
from headrace.storage.database import Connection, Row
from headrace.storage.lanes import lanes, share
from headrace.storage.step_counts import FLOW, add_counts

COLUMNS = """bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
    entered_at, action_id, resume_at, clock, visited, steps, chain, source, target_on, awaits, outputs, waiting_in"""

_CLAIM = f"""
WITH RECURSIVE
{lanes("run", "SELECT $1::int AS clock, unnest($2::smallint[]) AS bucket", "state = 0")}
SELECT {COLUMNS} FROM (
    SELECT due.*, row_number() OVER (PARTITION BY due.account_id ORDER BY due.resume_at, due.run_id) AS turn
    FROM lane CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM run
        WHERE clock = $1 AND bucket = lane.bucket AND account_id = lane.account_id AND state = 0 AND resume_at <= $3
            {{in_order}}
        ORDER BY resume_at LIMIT $5
    ) AS due
) AS fair
ORDER BY turn, resume_at LIMIT $4
"""
_CLAIM_AT_ONCE = _CLAIM.format(in_order="")
_CLAIM_IN_ORDER = _CLAIM.format(
    in_order="""AND NOT EXISTS (
                SELECT FROM segment_due d WHERE d.bucket = run.bucket AND d.account_id = run.account_id
                    AND d.profile_id = run.profile_id AND d.clock = $1 AND d.due_at <= run.resume_at
            )"""
)

_ONE = f"SELECT {COLUMNS} FROM run WHERE bucket = $1 AND account_id = $2 AND run_id = $3 AND state = 0"

_INSERT = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
                 entered_at, action_id, resume_at, clock, state, error, chain, source, target_on, waiting_in, steps,
                 visited)
SELECT made.*, '{}'
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::text[],
            $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::timestamptz[], $13::int[], $14::smallint[],
            $15::text[], $16::smallint[], $17::smallint[], $18::date[], $19::bigint[], $20::int[])
    AS made (bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
             entered_at, action_id, resume_at, clock, state, error, chain, source, target_on, waiting_in, steps)
ON CONFLICT DO NOTHING
RETURNING run_id
"""

_UPDATE = f"""
UPDATE run SET action_id = moved.action_id, resume_at = {moment("moved.resume_at")}, state = moved.state,
    exit_reason = moved.exit_reason, error = moved.error, version = moved.version, steps = moved.steps,
    waiting_in = moved.waiting_in, visited = run.visited || moved.visited::bigint[]
FROM unnest($1::text::smallint[], string_to_array($2, ','), $3::uuid[], $4::text::bigint[], $5::text::bigint[],
            $6::text::smallint[], $7::text[], $8::text[], $9::text::int[], $10::text::int[], $11::text::bigint[],
            string_to_array($12, ';'))
    AS moved (bucket, account_id, run_id, action_id, resume_at, state, exit_reason, error, version, steps, waiting_in,
              visited)
WHERE run.bucket = moved.bucket AND run.account_id = moved.account_id AND run.run_id = moved.run_id
"""

_AWAIT = """
UPDATE run SET awaits = moved.awaits
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::uuid[]) AS moved (bucket, account_id, run_id, awaits)
WHERE run.bucket = moved.bucket AND run.account_id = moved.account_id AND run.run_id = moved.run_id
"""

_LAST_ENTRIES = """
SELECT asked.profile_id, asked.flow_id, last.entered_at
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS asked (bucket, account_id, profile_id, flow_id)
CROSS JOIN LATERAL (
    SELECT entered_at FROM run r
    WHERE r.bucket = asked.bucket AND r.account_id = asked.account_id AND r.profile_id = asked.profile_id
        AND r.flow_id = asked.flow_id
    ORDER BY entered_at DESC LIMIT 1
) AS last
"""

_RETRY = """
UPDATE run SET state = 0, error = NULL WHERE bucket = $1 AND account_id = $2 AND run_id = $3 AND state = 3
RETURNING flow_id
"""

_NEXT = f"""
SELECT min(first.at) FROM generate_series(0, {BUCKETS - 1}) AS b (number) CROSS JOIN LATERAL (
    SELECT resume_at AS at FROM run
    WHERE clock = $1 AND bucket = b.number::smallint AND account_id = $2 AND state = 0 AND resume_at > $3
    ORDER BY resume_at LIMIT 1
) AS first
"""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that begins. Its first step is due at `resume_at`, by default at once.

    `state` is PARKED where entering failed by a bug (`error`) and HELD where a user must confirm it. `source` is a
    `RunSource`; `target_on` the date that a date-based run leads to; `waiting_in` the delay in which it waits already;
    `steps` how many journal rows it has.
    """

    bucket: int
    account_id: str
    run_id: uuid.UUID
    flow_id: str
    profile_id: str
    version: int
    event_number: int | None
    event_metric_id: str | None
    event_at: datetime | None
    entered_at: datetime
    action_id: int | None
    clock: int
    chain: int
    state: int = 0
    error: str | None = None
    source: int = 0
    target_on: date | None = None
    resume_at: datetime | None = None
    waiting_in: int | None = None
    steps: int = 0


@dataclass(slots=True)
class RunUpdate:
    """Where a run came to; `visited` are the actions carried out by this wake, `waiting_in` is where it waits now."""

    bucket: int
    account_id: str
    run_id: uuid.UUID
    action_id: int | None
    resume_at: datetime
    state: int
    exit_reason: str | None
    error: str | None
    version: int
    steps: int
    waiting_in: int | None
    visited: Sequence[int]


async def claim_due(
    transaction: Connection, clock: int, buckets: Sequence[int], now: datetime, limit: int
) -> list[Row]:
    """Return at most `limit` due runs of locked buckets.

    Accounts take turns, so that none fills a batch while another waits; within an account the earliest come first. On
    a virtual clock those are left out before which a look at the same person's segments is due.
    """
    statement = _CLAIM_IN_ORDER if clock else _CLAIM_AT_ONCE
    return await transaction.fetch(statement, clock, list(buckets), now, limit, share(limit, len(buckets)))


async def reload_run(transaction: Connection, bucket: int, account_id: str, run_id: uuid.UUID) -> Row | None:
    """Return one run's present row, None when it no longer waits."""
    return await transaction.fetch_row(_ONE, bucket, account_id, run_id)


async def insert_runs(transaction: Connection, runs: Sequence[NewRun]) -> set[uuid.UUID]:
    """Start runs and return the ids of those that did not exist yet; the others stay as they are."""
    if not runs:
        return set()
    rows = await transaction.fetch(
        _INSERT,
        [one.bucket for one in runs],
        [one.account_id for one in runs],
        [one.run_id for one in runs],
        [one.flow_id for one in runs],
        [one.profile_id for one in runs],
        [one.version for one in runs],
        [one.event_number for one in runs],
        [one.event_metric_id for one in runs],
        [one.event_at for one in runs],
        [one.entered_at for one in runs],
        [one.action_id for one in runs],
        [one.resume_at or one.entered_at for one in runs],
        [one.clock for one in runs],
        [one.state for one in runs],
        [one.error for one in runs],
        [one.chain for one in runs],
        [one.source for one in runs],
        [one.target_on for one in runs],
        [one.waiting_in for one in runs],
        [one.steps for one in runs],
    )
    return {row["run_id"] for row in rows}


async def update_runs(transaction: Connection, moves: Sequence[RunUpdate]) -> None:
    """Write down where a batch of runs came to."""
    if not moves:
        return
    await transaction.execute(
        _UPDATE,
        numbers(move.bucket for move in moves),
        ids(move.account_id for move in moves),
        [move.run_id for move in moves],
        numbers(move.action_id for move in moves),
        moments(move.resume_at for move in moves),
        numbers(move.state for move in moves),
        [move.exit_reason for move in moves],
        [move.error for move in moves],
        numbers(move.version for move in moves),
        numbers(move.steps for move in moves),
        numbers(move.waiting_in for move in moves),
        ";".join(["{" + ",".join(map(str, move.visited)) + "}" for move in moves]),
    )


async def set_awaits(transaction: Connection, awaiting: Sequence[tuple[int, str, uuid.UUID, uuid.UUID | None]]) -> None:
    """Write down for which delivery's result each (bucket, account id, run id) waits, None for none any longer."""
    if awaiting:
        await transaction.execute(_AWAIT, *map(list, zip(*awaiting, strict=True)))


async def last_entries(
    transaction: Connection, asked: Sequence[tuple[int, str, str, str]]
) -> dict[tuple[str, str], datetime]:
    """Return (flow id, profile id) -> the last entry, for each (bucket, account, profile, flow) that has one."""
    if not asked:
        return {}
    rows = await transaction.fetch(_LAST_ENTRIES, *map(list, zip(*asked, strict=True)))
    return {(row["flow_id"], row["profile_id"]): row["entered_at"] for row in rows}


async def retry_parked(transaction: Connection, bucket: int, account_id: str, run_id: uuid.UUID) -> bool:
    """Let a parked run try its step again; return whether there was one."""
    flow_id = await transaction.fetch_value(_RETRY, bucket, account_id, run_id)
    if flow_id is not None:
        await add_counts(transaction, {(account_id, flow_id, FLOW, "parked", ""): -1})
    return flow_id is not None


async def next_resume(connection: Connection, clock: int, account_id: str, after: datetime) -> datetime | None:
    """Return when the next waiting run of an account's clock is due after a moment, None when none is."""
    moment: datetime | None = await connection.fetch_value(_NEXT, clock, account_id, after)
    return moment
