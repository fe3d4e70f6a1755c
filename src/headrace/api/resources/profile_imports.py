"""The operations on bulk imports of profiles, and what the API shows of them. Follows the operations' descriptions.

The times of a job are system time, also in accounts that have a clock of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, Text, case, cast, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from headrace.api.commands import profile_imports as commands
from headrace.api.resources.group_tables import LIST, LISTS
from headrace.api.resources.people import PROFILE, PROFILES
from headrace.api.resources.shown_people import ErrorSource
from headrace.engine import profile_imports as engine
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import Call, M, Operation, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t
from headrace.storage.job_items import KEPT, PROBLEMS
from headrace.storage.jobs import JobState

READ = ("lists:read", "profiles:read")
PAGE = Page(default=20, maximum=100)
EXTRA = {"profile": ("subscriptions", "predictive_analytics")}
MOST_ERRORS = 100
"""More than there may be errors of one row."""

STATES = {JobState.QUEUED: "queued", JobState.RUNNING: "processing", JobState.COMPLETE: "complete"}
CANCELLED = "cancelled"
"""What a job is that was given up."""

JOB = Resource(
    engine.IMPORT,
    "/api/profile-bulk-import-jobs/{id}",
    (
        Attribute("status", str),
        Attribute("created_at", datetime),
        Attribute("total_count", int),
        Attribute("completed_count", int),
        Attribute("failed_count", int),
        Attribute("completed_at", datetime | None, lambda row: row["finished_at"]),
        Attribute("expires_at", datetime, lambda row: row["created_at"] + KEPT),
        Attribute("started_at", datetime | None),
    ),
    (
        Relationship("lists", "list", many=True, ids=lambda row: row["lists"]),
        Relationship("profiles", "profile", many=True),
        Relationship("import-errors", "import-error", many=True, addressed=False),
    ),
)

_JOB, _ITEM = t.job.c, t.job_item.c
_STATUS = case(*((_JOB.state == state.value, name) for state, name in STATES.items()), else_=CANCELLED)


def _payload(row: Row) -> dict[str, Any] | None:
    """Return what was sent for a profile; what was not even an object is told by the error alone."""
    sent = row["item"].get("row")
    return sent if isinstance(sent, dict) else None


def _count(name: str) -> Any:
    return cast(_JOB.progress[name].astext, Integer)


_REFUSED = select(func.count(_ITEM.error)).where(_ITEM.job_id == _JOB.job_id).correlate(t.job).scalar_subquery()
"""How many rows were refused when the job came in; later its progress knows better."""


def _jobs(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's bulk imports."""
    return select(
        _JOB.job_id.label("id"),
        _STATUS.label("status"),
        _JOB.created_at,
        _JOB.finished_at,
        cast(_JOB.arguments[engine.TOTAL].astext, Integer).label("total_count"),
        func.coalesce(_count(engine.COMPLETED), 0).label("completed_count"),
        func.coalesce(_count(engine.FAILED), _REFUSED).label("failed_count"),
        cast(_JOB.progress[engine.STARTED].astext, TIMESTAMP(timezone=True)).label("started_at"),
        _JOB.arguments[engine.LISTS].label("lists"),
    ).where(_JOB.account_id == call.ctx.account_id, _JOB.kind == engine.IMPORT)


def _lists_of_job(_: Call[Any, Any], statement: Select[Any], job_id: Any) -> Select[Any]:
    named = func.jsonb_array_elements_text(_JOB.arguments[engine.LISTS])
    return statement.where(t.profile_group.c.group_id.in_(select(named).where(_JOB.job_id == job_id)))


async def _lists_of_jobs(call: Call[Any, Any], rows: Any) -> dict[str, list[Row]]:
    named = {one for row in rows for one in row["lists"] or ()}
    statement = LISTS.select(call).where(t.profile_group.c.group_id.in_(named))
    found = {row["id"]: row for row in await call.ctx.fetch(statement)} if named else {}
    return {row["id"]: [found[one] for one in row["lists"] or () if one in found] for row in rows}


def _people_of_job(_: Call[Any, Any], statement: Select[Any], job_id: Any) -> Select[Any]:
    return statement.where(t.profile.c.profile_id.in_(select(_ITEM.profile_id).where(_ITEM.job_id == job_id)))


JOBS = Table(_jobs, _JOB.job_id, loaders={"lists": _lists_of_jobs})

# --- errors ---------------------------------------------------------------------------------------------------------

ERROR = Resource(
    "import-error",
    None,
    (
        Attribute("code", str, lambda row: row["problem"].get("code", "invalid")),
        Attribute("title", str, lambda row: row["problem"].get("title", "Invalid input.")),
        Attribute("detail", str, lambda row: row["problem"].get("detail", "")),
        Attribute(
            "source",
            ErrorSource,
            lambda row: {"pointer": row["problem"].get("pointer")},
            subfields=("source.pointer",),
        ),
        Attribute("original_payload", dict[str, Any] | None, _payload),
    ),
)

_LISTED = func.coalesce(_ITEM.error[PROBLEMS], func.jsonb_build_array(_ITEM.error))
_PROBLEM = (
    func.jsonb_array_elements(_LISTED)
    .table_valued(column("value", JSONB), with_ordinality="position", name="problem")
    .render_derived()
)
_PLACE = cast(_ITEM.number, BigInteger) * MOST_ERRORS + _PROBLEM.c.position
_NAMED = func.md5(func.concat_ws(literal("|"), _ITEM.job_id, _ITEM.number, _PROBLEM.c.position))


def _errors(call: Call[Any, Any]) -> Select[Any]:
    """Return what is wrong with the rows of jobs, in their order."""
    shown = (cast(cast(_NAMED, UUID), Text).label("id"), _PROBLEM.c.value.label("problem"), _ITEM.item)
    rows = select(*shown).select_from(t.job_item.join(_PROBLEM, true()))
    return rows.where(_ITEM.account_id == call.ctx.account_id, _ITEM.error.is_not(None))


def _of_job(_: Call[Any, Any], statement: Select[Any], job_id: Any) -> Select[Any]:
    return statement.where(_ITEM.job_id == job_id)


ERRORS = Table(_errors, _PLACE)

OPERATIONS = (
    Operation(
        id="get_bulk_import_profiles_jobs",
        method="GET",
        path="/api/profile-bulk-import-jobs",
        shape=shapes.listing,
        tag="Profiles",
        summary="List the bulk imports of profiles",
        scopes=READ,
        tier=M,
        resource=JOB,
        table=JOBS,
        filters={"status": Filterable("enum", ("any", "equals"), _STATUS, values=(*STATES.values(), CANCELLED))},
        sorts={"created_at": Sortable(_JOB.created_at, dated=True)},
        default_sort="created_at",
        sparse=(engine.IMPORT,),
        page=PAGE,
    ),
    Operation(
        id="bulk_import_profiles",
        method="POST",
        path="/api/profile-bulk-import-jobs",
        shape=shapes.create,
        tag="Profiles",
        summary="Make and change many profiles",
        scopes=("lists:write", "profiles:write"),
        tier=M,
        resource=JOB,
        table=JOBS,
        command=commands.import_profiles,
        body=commands.NewImport,
        sparse=(engine.IMPORT,),
        status=202,
    ),
    Operation(
        id="get_bulk_import_profiles_job",
        method="GET",
        path="/api/profile-bulk-import-jobs/{id}",
        shape=shapes.get,
        tag="Profiles",
        summary="Read a bulk import of profiles",
        scopes=READ,
        tier=M,
        resource=JOB,
        table=JOBS,
        includes=("lists",),
        sparse=(engine.IMPORT, "list"),
    ),
    Operation(
        id="get_list_for_bulk_import_profiles_job",
        method="GET",
        path="/api/profile-bulk-import-jobs/{id}/lists",
        shape=shapes.related,
        tag="Profiles",
        summary="List the lists that a bulk import puts people on",
        scopes=("lists:read",),
        tier=M,
        resource=LIST,
        table=LISTS,
        parent=(JOB, JOBS),
        scope=_lists_of_job,
        sparse=("list",),
    ),
    Operation(
        id="get_list_ids_for_bulk_import_profiles_job",
        method="GET",
        path="/api/profile-bulk-import-jobs/{id}/relationships/lists",
        shape=shapes.relationship,
        tag="Profiles",
        summary="List the ids of the lists that a bulk import puts people on",
        scopes=("lists:read",),
        tier=M,
        resource=LIST,
        table=LISTS,
        parent=(JOB, JOBS),
        scope=_lists_of_job,
    ),
    Operation(
        id="get_profiles_for_bulk_import_profiles_job",
        method="GET",
        path="/api/profile-bulk-import-jobs/{id}/profiles",
        shape=shapes.related,
        tag="Profiles",
        summary="List the profiles that a bulk import made or changed",
        scopes=("profiles:read",),
        tier=M,
        resource=PROFILE,
        table=PROFILES,
        parent=(JOB, JOBS),
        scope=_people_of_job,
        sparse=("profile",),
        additional=EXTRA,
        page=PAGE,
    ),
    Operation(
        id="get_profile_ids_for_bulk_import_profiles_job",
        method="GET",
        path="/api/profile-bulk-import-jobs/{id}/relationships/profiles",
        shape=shapes.relationship,
        tag="Profiles",
        summary="List the ids of the profiles that a bulk import made or changed",
        scopes=("profiles:read",),
        tier=M,
        resource=PROFILE,
        table=PROFILES,
        parent=(JOB, JOBS),
        scope=_people_of_job,
        page=PAGE,
    ),
    Operation(
        id="get_errors_for_bulk_import_profiles_job",
        method="GET",
        path="/api/profile-bulk-import-jobs/{id}/import-errors",
        shape=shapes.related,
        tag="Profiles",
        summary="List what was wrong with the rows of a bulk import",
        scopes=("profiles:read",),
        tier=M,
        resource=ERROR,
        table=ERRORS,
        parent=(JOB, JOBS),
        scope=_of_job,
        sparse=("import-error",),
        page=PAGE,
    ),
)
RESOURCES = (JOB, ERROR)
