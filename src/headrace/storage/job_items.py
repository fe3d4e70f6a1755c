"""The rows of bulk jobs: what each asks for, and what came of it.

A row waits as long as it holds an item and no error; one that is done holds nothing any longer, so that what people
sent about others is kept no longer than it is needed. Rows with errors keep what was sent until the job expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headrace.errors import Problem
from headrace.storage.database import Connection, Row

KEPT = timedelta(days=7)
"""How long a job and its errors can be asked for. Our choice: a week, as for exports."""

PROBLEMS = "problems"
"""The member of a row's error that lists all that is wrong with it."""

_INSERT = """
INSERT INTO job_item (job_id, number, account_id, item, error)
SELECT $1, number, $2, item, error FROM unnest($3::int[], $4::jsonb[], $5::jsonb[]) AS given (number, item, error)
"""

_NEXT = """
SELECT number, item FROM job_item
WHERE job_id = $1 AND account_id = $2 AND error IS NULL AND item <> '{}' ORDER BY number LIMIT $3 FOR UPDATE
"""

_SETTLE = """
UPDATE job_item i SET profile_id = done.profile_id, error = done.error,
    item = CASE WHEN done.error IS NULL THEN '{}' ELSE i.item END
FROM unnest($3::int[], $4::text[], $5::jsonb[]) AS done (number, profile_id, error)
WHERE i.job_id = $1 AND i.number = done.number AND i.account_id = $2
"""

_COUNT = """
SELECT count(*) FILTER (WHERE error IS NULL AND item = '{}') AS completed, count(error) AS failed FROM job_item
WHERE job_id = $1 AND account_id = $2
"""

_EXPIRE = """
WITH old AS (
    DELETE FROM job WHERE account_id = $1 AND kind = $2 AND created_at <= $3 AND finished_at IS NOT NULL
    RETURNING job_id
)
DELETE FROM job_item i USING old WHERE i.job_id = old.job_id
"""


@dataclass(frozen=True, slots=True)
class NewItem:
    """A row of a job to be: what it asks for, or what is wrong with it."""

    item: Mapping[str, Any]
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a row: the profile that was written, or what is wrong."""

    number: int
    profile_id: str | None = None
    problem: Problem | None = None


async def add_items(transaction: Connection, account_id: str, job_id: str, items: Sequence[NewItem]) -> None:
    """Write the rows of a new job, numbered from 0."""
    errors = [{PROBLEMS: [told(each) for each in one.problems]} if one.problems else None for one in items]
    await transaction.execute(
        _INSERT, job_id, account_id, list(range(len(items))), [dict(one.item) for one in items], errors
    )


async def next_items(transaction: Connection, account_id: str, job_id: str, limit: int) -> list[Row]:
    """Lock and return rows that wait, in their order: number and item."""
    return await transaction.fetch(_NEXT, job_id, account_id, limit)


async def settle_items(transaction: Connection, account_id: str, job_id: str, settled: Sequence[Settled]) -> None:
    """Write down what came of rows."""
    numbers, profiles = [one.number for one in settled], [one.profile_id for one in settled]
    errors = [{PROBLEMS: [told(one.problem)]} if one.problem else None for one in settled]
    await transaction.execute(_SETTLE, job_id, account_id, numbers, profiles, errors)


async def count_items(transaction: Connection, account_id: str, job_id: str) -> tuple[int, int]:
    """Return how many rows of a job are done and how many failed."""
    row = await transaction.fetch_row(_COUNT, job_id, account_id)
    return (row["completed"], row["failed"]) if row else (0, 0)


async def expire_jobs(transaction: Connection, account_id: str, kind: str, now: datetime) -> None:
    """Delete ended jobs of a kind, and their rows, that nobody can ask for any longer; `now` is system time."""
    await transaction.execute(_EXPIRE, account_id, kind, now - KEPT)


def told(problem: Problem) -> dict[str, Any]:
    """Return a problem as rows keep it."""
    shown = {"code": problem.error_code, "title": problem.title, "detail": problem.detail, "pointer": problem.pointer}
    return {**shown, "meta": problem.meta} if problem.meta else shown
