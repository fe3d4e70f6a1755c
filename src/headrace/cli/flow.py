"""`headrace flow`: archiving a flow, adding past profiles, settling people whose entry was held.

What these commands begin is done by jobs; a command works at its own job until it has ended, so it needs no worker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import typer

from headrace.cli.accounts import Json
from headrace.cli.engine import engine_core, make_signer
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json
from headrace.cli.runtime import the_account, the_flow, with_database
from headrace.clock import SystemClock
from headrace.config import Config
from headrace.engine.back_populate import request_back_populate
from headrace.engine.jobs import run_jobs
from headrace.errors import CommandError, Problem
from headrace.ids import RandomIds
from headrace.model import Account
from headrace.storage import flow_states, held
from headrace.storage.accounts import clock_of
from headrace.storage.database import Connection, Database
from headrace.storage.jobs import Job, JobState, get_job

FlowArgument = Annotated[str, typer.Argument(help="The flow's id or name.")]
Begin: TypeAlias = Callable[[Connection, Database, Account, str], Awaitable[str | None]]
"""Begins something with a flow and returns the id of the job that ends it, None for none."""


def archive(flow: FlowArgument, account: AccountOption = None, as_json: Json = False) -> None:
    """Archive a flow: nobody enters any longer, and everybody inside is let out."""

    async def begin(connection: Connection, database: Database, owner: Account, flow_id: str) -> str | None:
        now = (await clock_of(database, owner)).now()
        place = (connection, owner.account_id, RandomIds(), flow_id, now)
        return await flow_states.archive(*place, SystemClock().now())

    flow_id, job = _carry_out(flow, account, begin)
    _tell(flow_id, job, as_json, f"Archived flow {flow_id}; {_count(job, 'exited')} runs ended.")


def unarchive(flow: FlowArgument, account: AccountOption = None, as_json: Json = False) -> None:
    """Open an archived flow again; what happens from now on starts it."""

    async def begin(connection: Connection, database: Database, owner: Account, flow_id: str) -> str | None:
        now = (await clock_of(database, owner)).now()
        await flow_states.unarchive(connection, owner.account_id, flow_id, now)
        return None

    flow_id, job = _carry_out(flow, account, begin)
    _tell(flow_id, job, as_json, f"Opened flow {flow_id} again.")


def back_populate(
    flow: FlowArgument,
    account: AccountOption = None,
    mode: Annotated[
        str | None, typer.Option(help="at_start or by_join_date, for a flow that begins with a list or segment.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add past profiles to a flow, each placed where they would be now."""

    async def begin(connection: Connection, _: Database, owner: Account, flow_id: str) -> str | None:
        place = (connection, owner.account_id, RandomIds(), flow_id, mode)
        return await request_back_populate(*place, SystemClock().now())

    flow_id, job = _carry_out(flow, account, begin)
    _tell(flow_id, job, as_json, f"Added {_count(job, 'placed')} past profiles to flow {flow_id}.")


def show_held(flow: FlowArgument, account: AccountOption = None, as_json: Json = False) -> None:
    """Count the people whose entry into a flow is held because too many came at once."""

    async def task(database: Database) -> tuple[str, held.Held]:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow)
        return flow_id, await held.held_of(database, owner.account_id, flow_id)

    flow_id, found = with_database(task)
    if as_json:
        print_json({"flow_id": flow_id, "runs": found.runs, "holding_since": found.holding_since})
    else:
        since = (
            f"entries are held since {found.holding_since:%Y-%m-%d %H:%M:%S} UTC"
            if found.holding_since
            else "entries pass"
        )
        print(f"{found.runs} runs are held before flow {flow_id}; {since}.")


def release_held(flow: FlowArgument, account: AccountOption = None, as_json: Json = False) -> None:
    """Let the held people enter a flow."""
    flow_id, job = _carry_out(flow, account, _settling(held.RELEASE))
    _tell(flow_id, job, as_json, f"Released {_count(job, 'released')} runs into flow {flow_id}.")


def discard_held(flow: FlowArgument, account: AccountOption = None, as_json: Json = False) -> None:
    """Discard the people whose entry into a flow is held."""
    flow_id, job = _carry_out(flow, account, _settling(held.DISCARD))
    _tell(flow_id, job, as_json, f"Discarded {_count(job, 'discarded')} runs before flow {flow_id}.")


def _settling(kind: str) -> Begin:
    async def begin(connection: Connection, database: Database, owner: Account, flow_id: str) -> str | None:
        now = (await clock_of(database, owner)).now()
        place = (connection, owner.account_id, RandomIds(), flow_id, kind, now)
        return await held.settle_held(*place, SystemClock().now())

    return begin


def _carry_out(flow: str, account: str | None, begin: Begin) -> tuple[str, Job | None]:
    """Begin something and work at its job until it has ended; return the flow's id and the job.

    Raises `CommandError` for what is refused and for a job that failed.
    """
    config = Config.from_environment()

    async def task(database: Database) -> tuple[str, Job | None]:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow)
        async with database.transaction() as connection:
            job_id = await begin(connection, database, owner, flow_id)
        return flow_id, None if job_id is None else await _work(database, config, owner.account_id, job_id)

    try:
        return with_database(task, config)
    except Problem as problem:
        raise CommandError(problem.detail) from problem


async def _work(database: Database, config: Config, account_id: str, job_id: str) -> Job:
    async with engine_core(database, config, make_signer(config, RandomIds())) as core:
        while await run_jobs(core, job_id):
            pass
    job = await get_job(database, account_id, job_id)
    if job.error is not None:
        raise CommandError(f"the job {job_id} of the kind {job.kind} failed: {job.error}")
    return job


def _count(job: Job | None, name: str) -> int:
    return 0 if job is None else job.progress.get(name, 0)


def _tell(flow_id: str, job: Job | None, as_json: bool, words: str) -> None:
    """Print what was done. A job that a worker is at goes on by itself."""
    if as_json:
        told: dict[str, Any] = {"id": job.job_id, "state": job.state.value} if job else {}
        print_json({"flow_id": flow_id, "job": told or None})
    elif job is not None and job.state is not JobState.COMPLETE:
        print(f"The job {job.job_id} goes on in the background.")
    else:
        print(words)
