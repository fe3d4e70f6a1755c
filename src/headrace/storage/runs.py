"""Runs: claiming those that are due, starting new ones, writing down where a batch of them came to.

Every statement works on a batch. Claims happen under the bucket locks (`buckets.lock_buckets`), which is why no row is
locked. Source: DESIGN section 3.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.storage.database import Connection, Row

COLUMNS = """bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
    entered_at, action_id, resume_at, clock, visited, steps, chain"""

_CLAIM = f"""
SELECT {COLUMNS} FROM (
    SELECT due.*, row_number() OVER (PARTITION BY account_id ORDER BY resume_at, run_id) AS turn
    FROM unnest($2::smallint[]) AS b (number) CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM run
        WHERE clock = $1 AND bucket = b.number AND state = 0 AND resume_at <= $3
        ORDER BY resume_at LIMIT $4
    ) AS due
) AS fair
ORDER BY turn, resume_at LIMIT $4
"""

_ONE = f"SELECT {COLUMNS} FROM run WHERE bucket = $1 AND account_id = $2 AND run_id = $3 AND state = 0"

_INSERT = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
                 entered_at, action_id, resume_at, clock, state, error, visited, steps, chain)
SELECT bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
       entered_at, action_id, entered_at, clock, state, error, '{}', 0, chain
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::text[],
            $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::int[], $13::smallint[], $14::text[],
            $15::smallint[])
    AS made (bucket, account_id, run_id, flow_id, profile_id, version, event_number, event_metric_id, event_at,
             entered_at, action_id, clock, state, error, chain)
ON CONFLICT DO NOTHING
"""

_UPDATE = """
UPDATE run SET action_id = moved.action_id, resume_at = moved.resume_at, state = moved.state,
    exit_reason = moved.exit_reason, error = moved.error, version = moved.version, steps = moved.steps,
    visited = run.visited || moved.visited::bigint[]
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::smallint[], $7::text[],
            $8::text[], $9::int[], $10::int[], $11::text[])
    AS moved (bucket, account_id, run_id, action_id, resume_at, state, exit_reason, error, version, steps, visited)
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
RETURNING run_id
"""

_NEXT = """
SELECT min(first.at) FROM generate_series(0, 255) AS b (number) CROSS JOIN LATERAL (
    SELECT resume_at AS at FROM run WHERE clock = $1 AND bucket = b.number::smallint AND state = 0 AND resume_at > $2
    ORDER BY resume_at LIMIT 1
) AS first
"""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that begins: its first step is due at once. `state` is PARKED where entering failed by a bug (`error`)."""

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


@dataclass(slots=True)
class RunUpdate:
    """Where a run came to; `visited` are the actions carried out by this wake."""

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
    visited: Sequence[int]


async def claim_due(
    transaction: Connection, clock: int, buckets: Sequence[int], now: datetime, limit: int
) -> list[Row]:
    """Return at most `limit` due runs of locked buckets.

    Accounts take turns, so that none fills a batch while another waits; within an account the earliest come first.
    """
    return await transaction.fetch(_CLAIM, clock, list(buckets), now, limit)


async def reload_run(transaction: Connection, bucket: int, account_id: str, run_id: uuid.UUID) -> Row | None:
    """Return one run's present row, None when it no longer waits."""
    return await transaction.fetch_row(_ONE, bucket, account_id, run_id)


async def insert_runs(transaction: Connection, runs: Sequence[NewRun]) -> None:
    """Start runs; one that exists already stays as it is."""
    if not runs:
        return
    names = [name for name in NewRun.__slots__ if name not in ("state", "error", "chain")]
    columns = [[getattr(run, name) for run in runs] for name in (*names, "state", "error", "chain")]
    await transaction.execute(_INSERT, *columns)


async def update_runs(transaction: Connection, moves: Sequence[RunUpdate]) -> None:
    """Write down where a batch of runs came to."""
    if not moves:
        return
    await transaction.execute(
        _UPDATE,
        [move.bucket for move in moves],
        [move.account_id for move in moves],
        [move.run_id for move in moves],
        [move.action_id for move in moves],
        [move.resume_at for move in moves],
        [move.state for move in moves],
        [move.exit_reason for move in moves],
        [move.error for move in moves],
        [move.version for move in moves],
        [move.steps for move in moves],
        ["{" + ",".join(map(str, move.visited)) + "}" for move in moves],
    )


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
    return await transaction.fetch_value(_RETRY, bucket, account_id, run_id) is not None


async def next_resume(connection: Connection, clock: int, after: datetime) -> datetime | None:
    """Return when the next waiting run of a clock is due after a moment, None when none is."""
    moment: datetime | None = await connection.fetch_value(_NEXT, clock, after)
    return moment
