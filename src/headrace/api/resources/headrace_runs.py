"""Headrace's own operations on runs and their journals. Our choice: names and filters as in the public API."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from headrace.api.commands import runs as commands
from headrace.api.resources.profile_fields import own_bucket
from headrace.api.resources.shown_flows import SeenCondition
from headrace.ids import BUCKETS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.filters import Comparison
from headrace.jsonapi.operation import XL, Call, Operation, Shown, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.model import RunSource, RunState
from headrace.storage.tables import run

READ = ("headrace:runs:read",)
STATES = {one.name.lower(): int(one) for one in RunState}
KEPT = run.c


def _text(name: str) -> Any:
    return lambda row: None if row[name] is None else str(row[name])


def _resume_at(row: Row) -> datetime | None:
    found: datetime | None = row["resume_at"] if row["state"] == RunState.WAITING else None
    return found


RUN = Resource(
    "headrace-run",
    "/headrace/runs/{id}",
    (
        Attribute("state", str, lambda row: RunState(row["state"]).name.lower()),
        Attribute("exit_reason", str | None),
        Attribute("error", str | None),
        Attribute("entered_at", datetime),
        Attribute("resume_at", datetime | None, _resume_at, description="When a waiting run goes on."),
        Attribute("waiting_in", str | None, _text("waiting_in"), description="The action in which it waits."),
        Attribute("action_id", str | None, _text("action_id"), description="The action that comes next."),
        Attribute("steps", int),
        Attribute("source", str, lambda row: RunSource(row["source"]).name.lower()),
        Attribute("version", int, description="The version of the flow under which its present wait began."),
    ),
    (
        Relationship("profile", "profile", links=False, ids=lambda row: row["profile_id"]),
        Relationship("flow", "flow", links=False, ids=lambda row: row["flow_id"]),
    ),
    id=lambda row: str(row["run_id"]),
)

STEP = Resource(
    commands.TYPE,
    None,
    (
        Attribute("at", datetime),
        Attribute("step", int),
        Attribute("action_id", str | None),
        Attribute("action", str | None, description="The action's type and name."),
        Attribute("outcome", str),
        Attribute("branch", str | None, description="The way that a split took."),
        Attribute("branch_name", str | None, description="That way's name, where it has one."),
        Attribute("conditions", list[SeenCondition], description="What each condition saw and whether it held."),
        Attribute("detail", dict[str, Any]),
    ),
)


def _runs(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's runs; where the path names one, all buckets are named too, with which the key begins."""
    statement = select(run).where(KEPT.account_id == call.ctx.account_id)
    return statement.where(KEPT.bucket.in_(range(BUCKETS))) if "id" in call.path else statement


def _run_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _of_profile(_: Any, one: Comparison) -> Any:
    bucket, profile_id = own_bucket(run, str(one.value))
    return bucket & profile_id


RUNS = Table(_runs, KEPT.run_id, _run_id)

FILTERS = {
    "profile_id": Filterable("string", ("equals",), clause=_of_profile),
    "flow_id": Filterable("string", ("equals", "any"), KEPT.flow_id),
    "state": Filterable(
        "enum", ("equals", "any"), KEPT.state, values=tuple(STATES), convert=lambda value: STATES[value]
    ),
    "entered_at": Filterable("datetime", DATE_OPERATORS, KEPT.entered_at),
}
SORTS = {"entered_at": Sortable(KEPT.entered_at, dated=True)}

OPERATIONS = (
    Operation(
        id="get_headrace_runs",
        method="GET",
        path="/headrace/runs",
        shape=shapes.listing,
        tag="Headrace",
        summary="List the passages of people through flows, the newest first; quickest of one profile",
        scopes=READ,
        tier=XL,
        resource=RUN,
        table=RUNS,
        filters=FILTERS,
        sorts=SORTS,
        default_sort="-entered_at",
        sparse=("headrace-run",),
        page=Page(default=50, maximum=200),
    ),
    Operation(
        id="get_headrace_run",
        method="GET",
        path="/headrace/runs/{id}",
        shape=shapes.get,
        tag="Headrace",
        summary="Read one passage of a person through a flow",
        scopes=READ,
        tier=XL,
        resource=RUN,
        table=RUNS,
        sparse=("headrace-run",),
    ),
    Operation(
        id="get_headrace_run_journal",
        method="GET",
        path="/headrace/runs/{id}/journal",
        shape=shapes.call,
        tag="Headrace",
        summary="Read each step of a run with what its conditions saw",
        scopes=READ,
        tier=XL,
        resource=RUN,
        table=RUNS,
        command=commands.journal,
        answer=Shown(commands.TYPE, many=True),
    ),
)
RESOURCES = (RUN, STEP)
