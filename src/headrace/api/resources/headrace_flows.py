"""Headrace's own operations on flows as a whole, and the jobs that some of them leave behind.

Follows reference 1.1 and 1.7. Our choice: names and filters as in the public API; what takes long answers 202 with a
job, whose state is read back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import flow_management as commands
from headrace.api.resources.flow_tables import FLOW, FLOWS
from headrace.engine.jobs import HANDLERS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.operation import XL, Call, Operation, Shown, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage.jobs import FLOW as FLOW_ARGUMENT
from headrace.storage.jobs import JobState
from headrace.storage.tables import job

READ = ("headrace:flows:read",)
WRITE = ("headrace:flows:write",)
KINDS = tuple(sorted(HANDLERS))
STATES = tuple(state.value for state in JobState)
HIDDEN = frozenset(("failures", "left"))
"""What only the job itself needs to know of its progress."""
PRIVATE = frozenset((FLOW_ARGUMENT, "values"))
"""Arguments that are not shown: the flow, which is a relationship, and addresses of people who are being deleted."""


def _progress(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row["progress"].items() if name not in HIDDEN}


def _arguments(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row["arguments"].items() if name not in PRIVATE}


JOB = Resource(
    "headrace-job",
    "/headrace/jobs/{id}",
    (
        Attribute("kind", str),
        Attribute("state", str),
        Attribute("arguments", dict[str, Any], _arguments),
        Attribute("progress", dict[str, Any], _progress, description="How many runs were placed, released or ended."),
        Attribute("error", str | None),
        Attribute("created_at", datetime),
        Attribute("updated_at", datetime),
        Attribute("finished_at", datetime | None),
    ),
    (Relationship("flow", "flow", links=False, ids=lambda row: row["arguments"].get(FLOW_ARGUMENT)),),
    id=lambda row: row["job_id"],
)

HELD = Resource(
    commands.HELD_TYPE,
    "/headrace/flows/{id}/held",
    (
        Attribute("runs", int, description="Runs that wait for a user to release or discard them."),
        Attribute("holding_since", datetime | None, description="Since when entries are held, null when they are not."),
    ),
)

EXPERIMENT = Resource(
    commands.EXPERIMENT_TYPE,
    None,
    (
        Attribute("action_id", str),
        Attribute("experiment_id", str),
        Attribute("state", str, description="live or ended."),
        Attribute("began_at", datetime),
        Attribute("ended_at", datetime | None),
        Attribute("winner", str | None, description="The variation that became the main action."),
        Attribute("reason", str | None, description="Why it ended."),
        Attribute(
            "figures", dict[str, Any] | None, description="What each variation brought, and its chance to be the best."
        ),
    ),
)


def _jobs(call: Call[Any, Any]) -> Select[Any]:
    return select(job).where(job.c.account_id == call.ctx.account_id)


JOBS = Table(_jobs, job.c.job_id)

JOB_ROWS = (
    Operation(
        id="get_headrace_jobs",
        method="GET",
        path="/headrace/jobs",
        shape=shapes.listing,
        tag="Headrace",
        summary="List jobs, the newest first",
        scopes=READ,
        tier=XL,
        resource=JOB,
        table=JOBS,
        filters={
            "kind": Filterable("enum", ("equals", "any"), job.c.kind, values=KINDS),
            "state": Filterable("enum", ("equals", "any"), job.c.state, values=STATES),
            "flow_id": Filterable("string", ("equals",), job.c.arguments[FLOW_ARGUMENT].astext),
            "created_at": Filterable("datetime", DATE_OPERATORS, job.c.created_at),
        },
        sorts={"created_at": Sortable(job.c.created_at, dated=True)},
        default_sort="-created_at",
        sparse=("headrace-job",),
        page=Page(default=50, maximum=200),
    ),
    Operation(
        id="get_headrace_job",
        method="GET",
        path="/headrace/jobs/{id}",
        shape=shapes.get,
        tag="Headrace",
        summary="Read how far a job has come",
        scopes=READ,
        tier=XL,
        resource=JOB,
        table=JOBS,
        sparse=("headrace-job",),
    ),
)

ARCHIVE_ROWS = (
    Operation(
        id="archive_headrace_flow",
        method="POST",
        path="/headrace/flows/{id}/archive",
        shape=shapes.create,
        tag="Headrace",
        summary="Archive a flow; the people inside are let out",
        scopes=WRITE,
        tier=XL,
        resource=FLOW,
        table=FLOWS,
        command=commands.archive,
        sparse=("flow",),
    ),
    Operation(
        id="unarchive_headrace_flow",
        method="POST",
        path="/headrace/flows/{id}/unarchive",
        shape=shapes.create,
        tag="Headrace",
        summary="Open an archived flow again",
        scopes=WRITE,
        tier=XL,
        resource=FLOW,
        table=FLOWS,
        command=commands.unarchive,
        sparse=("flow",),
    ),
)

PEOPLE_ROWS = (
    Operation(
        id="back_populate_headrace_flow",
        method="POST",
        path="/headrace/flows/{id}/back-populate",
        shape=shapes.create,
        tag="Headrace",
        summary="Add past profiles to a flow",
        scopes=WRITE,
        tier=XL,
        resource=JOB,
        table=JOBS,
        command=commands.back_populate,
        body=commands.NewBackPopulation,
        sparse=("headrace-job",),
        status=202,
    ),
    Operation(
        id="get_headrace_held_entries",
        method="GET",
        path="/headrace/flows/{id}/held",
        shape=shapes.call,
        tag="Headrace",
        summary="Count the people whose entry into a flow is held",
        scopes=READ,
        tier=XL,
        resource=HELD,
        parent=(FLOW, FLOWS),
        command=commands.show_held,
    ),
    Operation(
        id="release_headrace_held_entries",
        method="POST",
        path="/headrace/flows/{id}/release-held",
        shape=shapes.create,
        tag="Headrace",
        summary="Let the held people enter a flow",
        scopes=WRITE,
        tier=XL,
        resource=JOB,
        table=JOBS,
        command=commands.release_held,
        sparse=("headrace-job",),
        status=202,
    ),
    Operation(
        id="discard_headrace_held_entries",
        method="POST",
        path="/headrace/flows/{id}/discard-held",
        shape=shapes.create,
        tag="Headrace",
        summary="Discard the people whose entry into a flow is held",
        scopes=WRITE,
        tier=XL,
        resource=JOB,
        table=JOBS,
        command=commands.discard_held,
        sparse=("headrace-job",),
        status=202,
    ),
)

EXPERIMENT_ROWS = (
    Operation(
        id="get_headrace_flow_experiments",
        method="GET",
        path="/headrace/flows/{id}/experiments",
        shape=shapes.call,
        tag="Headrace",
        summary="Show what the experiments of a flow brought so far, and which ended with which winner",
        scopes=READ,
        tier=XL,
        resource=EXPERIMENT,
        parent=(FLOW, FLOWS),
        command=commands.show_experiments,
        answer=Shown(commands.EXPERIMENT_TYPE, many=True),
    ),
)

OPERATIONS = (*JOB_ROWS, *ARCHIVE_ROWS, *PEOPLE_ROWS, *EXPERIMENT_ROWS)
RESOURCES = (JOB, HELD, EXPERIMENT)
