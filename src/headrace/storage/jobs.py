"""Jobs: longer work on one account that goes on in the background, slice by slice, and survives restarts.

What is here: the queue over the table `job`. What is not: what the kinds of job do (`engine.jobs`). Whoever claims a
job works off one slice of it and saves how far it came; a lease that lapses lets somebody else repeat that slice, so
that every slice must do no harm when it is done twice. All times are system time.

queued ──(claimed)──> running ──> complete
                         └──(failed too often)──> failed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from headrace.errors import NotFound
from headrace.ids import IdSource
from headrace.storage.database import Connection, Database, Row


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


LEASE = timedelta(minutes=1)
"""How long a slice may take before somebody else repeats it."""
MOST_FAILURES = 5
"""Our choice: slices that may fail in a row before the job is given up."""
RETRY_AFTER = timedelta(seconds=10)
LONGEST_ERROR = 2_000

FLOW = "flow_id"
"""The argument that names the flow that a job works on."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it is to do (`arguments`), and how far it has come (`progress`)."""

    job_id: str
    account_id: str
    kind: str
    state: JobState
    arguments: Mapping[str, Any]
    progress: Mapping[str, Any]
    error: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


_COLUMNS = "job_id, account_id, kind, state, arguments, progress, error, created_at, updated_at, finished_at"

_INSERT = """
INSERT INTO job (job_id, account_id, kind, state, arguments, created_at, updated_at)
VALUES ($1, $2, $3, 'queued', $4, $5, $5)
"""

_CLAIM = f"""
UPDATE job SET state = 'running', lease_until = $2, updated_at = $1 WHERE job_id = (
    SELECT job_id FROM job
    WHERE state IN ('queued', 'running') AND (lease_until IS NULL OR lease_until <= $1)
        AND ($3::text IS NULL OR job_id = $3) AND ($4::text IS NULL OR account_id = $4)
    ORDER BY updated_at, job_id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {_COLUMNS}
"""

_OURS = "job_id = $1 AND state = 'running' AND updated_at = $2"
"""Holds as long as nobody else has claimed the job since: whoever does writes another time."""
_SAVE = f"UPDATE job SET progress = $3, updated_at = $4, lease_until = $5 WHERE {_OURS}"
_HOLD = f"UPDATE job SET progress = $3, lease_until = $4 WHERE {_OURS}"
_KEEP = "UPDATE job SET progress = $2 WHERE job_id = $1 AND state = 'running' AND progress = $3"
_END = """
UPDATE job SET state = $2, progress = coalesce($3, progress), error = $4, updated_at = $5, finished_at = $5,
    lease_until = NULL
WHERE job_id = $1 AND state IN ('queued', 'running')
"""
_RETRY = f"""
UPDATE job SET progress = progress || $3, error = $4, updated_at = $5, lease_until = $6 WHERE {_OURS}
"""
_GIVE_UP = f"""
UPDATE job SET state = 'failed', progress = progress || $3, error = $4, updated_at = $5, finished_at = $5,
    lease_until = NULL
WHERE {_OURS}
"""
_ONE = f"SELECT {_COLUMNS} FROM job WHERE account_id = $1 AND job_id = $2"
_OPEN = f"""
SELECT {_COLUMNS} FROM job
WHERE account_id = $1 AND kind = ANY($2) AND arguments->>'flow_id' = $3 AND state IN ('queued', 'running')
ORDER BY created_at LIMIT 1
"""


async def enqueue(
    connection: Connection, account_id: str, ids: IdSource, kind: str, arguments: Mapping[str, Any], now: datetime
) -> str:
    """Put a job in the queue, in the caller's transaction, and return its id."""
    job_id = ids.uuid()
    await connection.execute(_INSERT, job_id, account_id, kind, dict(arguments), now)
    return job_id


async def claim(
    connection: Connection, now: datetime, job_id: str | None = None, account_id: str | None = None
) -> Job | None:
    """Claim the job that has waited longest, or a certain one, for one slice; None where there is none to claim.

    With an `account_id` only jobs of that account are claimed.
    """
    row = await connection.fetch_row(_CLAIM, now, now + LEASE, job_id, account_id)
    return _job(row) if row else None


async def save_progress(
    connection: Connection, job: Job, progress: Mapping[str, Any], now: datetime, not_before: datetime | None = None
) -> None:
    """Write down how far a claimed job has come and let anybody go on with it, at once or after a rest.

    Nothing is written where the lease lapsed and somebody else has claimed the job: it may have come further.
    """
    await connection.execute(_SAVE, job.job_id, job.updated_at, dict(progress), now, not_before)


async def hold(transaction: Connection, job: Job, progress: Mapping[str, Any], until: datetime) -> bool:
    """Write down how far a slice has come and hold the claim until a moment, in the slice's own transaction.

    False where somebody else has claimed the job since, and then the slice must end. Nobody claims it before the
    transaction ends.
    """
    tag = await transaction.execute(_HOLD, job.job_id, job.updated_at, dict(progress), until)
    return tag.endswith(" 1")


async def keep_progress(transaction: Connection, job: Job, progress: Mapping[str, Any]) -> bool:
    """Write down how far a slice has come, in the slice's own transaction, and keep the claim.

    So that a slice counts once: False when somebody else did it meanwhile, and then the slice must be rolled back.
    """
    tag = await transaction.execute(_KEEP, job.job_id, dict(progress), dict(job.progress))
    return tag.endswith(" 1")


async def forget_argument(transaction: Connection, job_id: str, name: str) -> None:
    """Remove what a job no longer needs to know, such as people's addresses."""
    await transaction.execute("UPDATE job SET arguments = arguments - $2::text WHERE job_id = $1", job_id, name)


async def finish(connection: Connection, job_id: str, progress: Mapping[str, Any], now: datetime) -> None:
    """Mark a job complete."""
    await connection.execute(_END, job_id, JobState.COMPLETE.value, dict(progress), None, now)


async def fail(connection: Connection, job: Job, error: str, now: datetime) -> None:
    """Note that a slice failed: it is tried again after a rest, and the job given up after `MOST_FAILURES` in a row.

    What the slice wrote down before it failed stays (`keep_progress`), and so does all where somebody else has claimed
    the job since.
    """
    failures = job.progress.get("failures", 0) + 1
    told = (job.job_id, job.updated_at, {"failures": failures}, error[:LONGEST_ERROR], now)
    if failures >= MOST_FAILURES:
        await connection.execute(_GIVE_UP, *told)
    else:
        await connection.execute(_RETRY, *told, now + RETRY_AFTER)


async def get_job(database: Database | Connection, account_id: str, job_id: str) -> Job:
    """Return a job; raises `NotFound` when the account has none with this id."""
    row = await database.fetch_row(_ONE, account_id, job_id)
    if row is None:
        raise NotFound(f'A job with id "{job_id}" does not exist.')
    return _job(row)


async def open_job(
    database: Database | Connection, account_id: str, kinds: tuple[str, ...], flow_id: str
) -> Job | None:
    """Return the oldest job of some kinds that has not ended yet and works on a flow, None where there is none."""
    row = await database.fetch_row(_OPEN, account_id, list(kinds), flow_id)
    return _job(row) if row else None


def _job(row: Row) -> Job:
    return Job(**{**dict(row), "state": JobState(row["state"])})
