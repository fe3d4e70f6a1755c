"""Archiving flows, opening them again, and deleting them.

What is here: the commands, in the caller's transaction. What is not: letting out the people who are inside, which a
job does (`engine.exits`): the flow is closed at once, and whoever is due meanwhile leaves when they are.
Source: reference 1.1.
"""

from __future__ import annotations

from datetime import datetime

from headrace.errors import Conflict
from headrace.ids import IdSource
from headrace.storage import flows, jobs, planning
from headrace.storage.database import Connection
from headrace.storage.flow_rows import lock_flow
from headrace.storage.noting import DATE_BASED

EXIT_RUNS = "exit-runs"
"""The kind of job that ends the runs of a closed flow."""

_ARCHIVE = "UPDATE flow SET archived = true, updated_at = $3 WHERE account_id = $1 AND flow_id = $2"
_UNARCHIVE = """
UPDATE flow SET archived = false, updated_at = $3, opened_at = CASE WHEN status <> 'draft' THEN $3::timestamptz END
WHERE account_id = $1 AND flow_id = $2
"""


async def archive(
    connection: Connection, account_id: str, ids: IdSource, flow_id: str, now: datetime, system_now: datetime
) -> str | None:
    """Archive a flow: nobody enters any longer, and a job lets out everybody who is inside.

    Return the job's id, None for a flow that was archived before. Its status stays. Raises `NotFound`.
    """
    stored = await lock_flow(connection, account_id, flow_id)
    if stored.archived:
        return None
    await connection.execute(_ARCHIVE, account_id, flow_id, now)
    await planning.forget_plans(connection, account_id, flow_id)
    return await jobs.enqueue(connection, account_id, ids, EXIT_RUNS, {jobs.FLOW: flow_id}, system_now)


async def delete(
    connection: Connection, account_id: str, ids: IdSource, flow_id: str, now: datetime, system_now: datetime
) -> str:
    """Delete a flow, and let a job end the runs inside; return the job's id. Raises `NotFound`."""
    await flows.delete_flow(connection, account_id, flow_id, now)
    return await jobs.enqueue(connection, account_id, ids, EXIT_RUNS, {jobs.FLOW: flow_id}, system_now)


async def unarchive(connection: Connection, account_id: str, flow_id: str, now: datetime) -> None:
    """Open an archived flow again; one that is not archived stays as it is.

    Our choice: it comes back with the status that it had, and from now on: what happened in between starts no runs, and
    who was let out stays out. Raises `NotFound`, and `Conflict` while people are still being let out.
    """
    stored = await lock_flow(connection, account_id, flow_id)
    if not stored.archived:
        return
    job = await jobs.open_job(connection, account_id, (EXIT_RUNS,), flow_id)
    if job is not None:
        raise Conflict(
            f'People are still being let out of the flow "{flow_id}"; open it again once the job "{job.job_id}" has '
            "ended.",
            meta={"job_id": job.job_id},
        )
    await connection.execute(_UNARCHIVE, account_id, flow_id, now)
    if stored.trigger_type == DATE_BASED and stored.status != "draft":
        await planning.request_planning(connection, account_id, flow_id)
