"""The operations on the jobs that suppress people and take that back. Follows the operations' descriptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select, select

from headrace.api.commands import suppressions as commands
from headrace.api.commands.suppressions import STATES
from headrace.engine.suppression_jobs import SUPPRESS, UNSUPPRESS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.filters import Comparison
from headrace.jsonapi.operation import Call, Command, Operation, Table, Tier
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage.tables import job

READ = ("subscriptions:read",)
JOBS_SINCE = "2024-10-15"
"""Reading jobs. Source: the models of the official SDK's releases."""
TIER = Tier(75, 750)
NAMES = {state: name for name, states in STATES.items() for state in states}
PAGE = Page(default=100, maximum=100, fixed=True)
"""Jobs of one page. Our choice: the description offers no size."""


def _ids(name: str, row: Row) -> list[str]:
    found = row["arguments"].get(name)
    return [found] if found else []


def _total(row: Row) -> int:
    """Return how many people a job is about; one whose request was forgotten with a person has done all of them."""
    done: int = row["progress"].get("completed", 0) + row["progress"].get("skipped", 0)
    return int(row["arguments"].get("total", done))


def _resource(type_: str) -> Resource:
    return Resource(
        type_,
        f"/api/{type_}s/{{id}}",
        (
            Attribute("status", str, lambda row: NAMES[row["state"]]),
            Attribute("created_at", datetime),
            Attribute("total_count", int, _total),
            Attribute("completed_count", int, lambda row: row["progress"].get("completed", 0)),
            Attribute("completed_at", datetime | None, lambda row: row["finished_at"]),
            Attribute("skipped_count", int, lambda row: row["progress"].get("skipped", 0)),
        ),
        (
            Relationship("lists", "list", many=True, links=False, ids=partial(_ids, "list_id")),
            Relationship("segments", "segment", many=True, links=False, ids=partial(_ids, "segment_id")),
        ),
        id=lambda row: str(row["job_id"]),
    )


def _table(kind: str) -> Table:
    def statement(call: Call[Any, Any]) -> Select[Any]:
        return select(job).where(job.c.account_id == call.ctx.account_id, job.c.kind == kind)

    return Table(statement, job.c.job_id)


def _of_status(_: Any, one: Comparison) -> Any:
    return job.c.state.in_(STATES[str(one.value)])


def _of_group(name: str) -> Callable[[Any, Comparison], Any]:
    return lambda _, one: job.c.arguments[name].astext == str(one.value)


FILTERS = {
    "status": Filterable("enum", ("equals",), clause=_of_status, values=tuple(STATES)),
    "list_id": Filterable("string", ("equals",), clause=_of_group("list_id")),
    "segment_id": Filterable("string", ("equals",), clause=_of_group("segment_id")),
}
SORTS = {"created": Sortable(job.c.created_at, dated=True)}


def _operations(
    word: str,
    type_: str,
    kind: str,
    scopes: Sequence[str],
    command: Command,
    body: type[BaseModel],
    what: str,
) -> tuple[Resource, tuple[Operation, ...]]:
    resource, table = _resource(type_), _table(kind)
    return resource, (
        Operation(
            id=f"get_bulk_{word}_profiles_jobs",
            method="GET",
            path=f"/api/{type_}s",
            shape=shapes.listing,
            tag="Profiles",
            summary=f"List the jobs that {what}",
            scopes=READ,
            tier=TIER,
            resource=resource,
            table=table,
            filters=FILTERS,
            sorts=SORTS,
            default_sort="created",
            sparse=(type_,),
            page=PAGE,
            since=JOBS_SINCE,
        ),
        Operation(
            id=f"bulk_{word}_profiles",
            method="POST",
            path=f"/api/{type_}s",
            shape=shapes.create,
            tag="Profiles",
            summary=f"Have a job {what}",
            scopes=tuple(scopes),
            tier=TIER,
            resource=resource,
            table=table,
            command=command,
            body=body,
            sparse=(type_,),
            status=202,
        ),
        Operation(
            id=f"get_bulk_{word}_profiles_job",
            method="GET",
            path=f"/api/{type_}s/{{id}}",
            shape=shapes.get,
            tag="Profiles",
            summary=f"Read a job that is to {what}",
            scopes=READ,
            tier=TIER,
            resource=resource,
            table=table,
            sparse=(type_,),
            since=JOBS_SINCE,
        ),
    )


SUPPRESSING, _SUPPRESSING = _operations(
    "suppress",
    "profile-suppression-bulk-create-job",
    SUPPRESS,
    ("profiles:write", "subscriptions:write"),
    commands.suppress,
    commands.SuppressJob,
    "suppress people",
)
UNSUPPRESSING, _UNSUPPRESSING = _operations(
    "unsuppress",
    "profile-suppression-bulk-delete-job",
    UNSUPPRESS,
    ("subscriptions:write",),
    commands.unsuppress,
    commands.UnsuppressJob,
    "take manual suppressions back",
)
OPERATIONS = (*_SUPPRESSING, *_UNSUPPRESSING)
RESOURCES = (SUPPRESSING, UNSUPPRESSING)
