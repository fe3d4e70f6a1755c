"""Runs that were held because too many people entered a flow at once, until a user confirms or discards them.

What is here: looking at them, clearing the guard, and moving a batch of them. What is not: holding them (the guard is
part of entering), and the job that works through them (`engine.held`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.errors import Conflict
from headrace.ids import IdSource
from headrace.storage import jobs
from headrace.storage.database import Connection, Database, Row
from headrace.storage.entry_guards import clear_guard
from headrace.storage.flow_rows import lock_flow

RELEASE = "release-held"
DISCARD = "discard-held"
KINDS = (RELEASE, DISCARD)
DISCARDED = "mass_entry_discarded"
"""Why a discarded run ended."""

_SHOW = """
SELECT g.holding_since,
    (SELECT count(*) FROM run r WHERE r.account_id = $1 AND r.flow_id = $2 AND r.state = 4) AS held
FROM (SELECT 1) AS always LEFT JOIN entry_guard g ON g.flow_id = $2 AND g.account_id = $1
"""

_CHOSEN = """
WITH chosen AS MATERIALIZED (
    SELECT bucket, account_id, run_id FROM run
    WHERE bucket = ANY($1) AND account_id = $2 AND flow_id = $3 AND state = 4 LIMIT $4
)
UPDATE run r SET {values}, steps = r.steps + 1 FROM chosen
WHERE r.bucket = chosen.bucket AND r.account_id = chosen.account_id AND r.run_id = chosen.run_id
RETURNING r.bucket, r.run_id, r.steps - 1 AS step
"""
_RELEASE = _CHOSEN.format(values="state = 0, entered_at = $5, resume_at = $5")
_DISCARD = _CHOSEN.format(values=f"state = 2, exit_reason = '{DISCARDED}', resume_at = $5")


@dataclass(frozen=True, slots=True)
class Held:
    """The people whose entry into a flow waits for a user, and since when their like are held, None for no longer."""

    runs: int
    holding_since: datetime | None


async def held_of(database: Database | Connection, account_id: str, flow_id: str) -> Held:
    """Count a flow's held runs; reads the account's runs."""
    row = await database.fetch_row(_SHOW, account_id, flow_id)
    assert row is not None
    return Held(row["held"], row["holding_since"])


async def settle_held(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    flow_id: str,
    kind: str,
    now: datetime,
    system_now: datetime,
) -> str:
    """Let the held people of a flow enter (`RELEASE`), or discard them (`DISCARD`), by a job whose id is returned.

    The guard is cleared first, so that nobody is held any longer. Raises `NotFound`, and `Conflict` while another such
    job is at it.
    """
    await lock_flow(connection, account_id, flow_id)
    job = await jobs.open_job(connection, account_id, KINDS, flow_id)
    if job is not None:
        raise Conflict(
            f'The held people of the flow "{flow_id}" are being settled already, by the job "{job.job_id}" of the kind '
            f"{job.kind}.",
            meta={"job_id": job.job_id},
        )
    await clear_guard(connection, account_id, flow_id, now)
    return await jobs.enqueue(connection, account_id, ids, kind, {jobs.FLOW: flow_id}, system_now)


async def move_held(
    transaction: Connection,
    kind: str,
    buckets: Sequence[int],
    account_id: str,
    flow_id: str,
    now: datetime,
    limit: int,
) -> list[Row]:
    """Release or discard at most `limit` held runs of locked buckets; return bucket, run_id and the step's number.

    A released run begins now: `now` is its entry, and its first step is due.
    """
    statement = _RELEASE if kind == RELEASE else _DISCARD
    return await transaction.fetch(statement, list(buckets), account_id, flow_id, limit, now)
