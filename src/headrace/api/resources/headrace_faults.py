"""Headrace's own operations on faults, which a tester lets happen. Our choice: all of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import faults as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XL, Call, Operation, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Resource
from headrace.storage.tables import fault

READ = ("headrace:faults:read",)
WRITE = ("headrace:faults:write",)
KEPT = fault.c

FAULT = Resource(
    commands.TYPE,
    "/headrace/faults/{id}",
    (
        Attribute("operation", str | None, description="The id of the operation that meets it; null for every one."),
        Attribute("status", int | None, description="What it is answered with; null for the usual answer."),
        Attribute("latency_ms", int, description="Milliseconds before the answer."),
        Attribute("retry_after", int | None, description="Seconds that the answer asks a client to wait."),
        Attribute("remaining", int, description="How many more requests meet it."),
        Attribute("created_at", datetime),
    ),
    id=lambda row: str(row["fault_id"]),
)


def _faults(call: Call[Any, Any]) -> Select[Any]:
    return select(fault).where(KEPT.account_id == call.ctx.account_id)


FAULTS = Table(_faults, KEPT.fault_id)


def _row(id: str, method: str, path: str, summary: str, **rest: Any) -> Operation:
    scopes = READ if method == "GET" else WRITE
    return Operation(id=id, method=method, path=path, tag="Headrace", summary=summary, scopes=scopes, tier=XL, **rest)


OPERATIONS = (
    _row(
        "create_headrace_fault",
        "POST",
        "/headrace/faults",
        "Let the next requests of a test account be refused or delayed",
        shape=shapes.create,
        resource=FAULT,
        table=FAULTS,
        command=commands.create,
        body=commands.NewFaultBody,
        status=201,
    ),
    _row(
        "get_headrace_faults",
        "GET",
        "/headrace/faults",
        "List the faults, the oldest first",
        shape=shapes.listing,
        resource=FAULT,
        table=FAULTS,
        sorts={"created_at": Sortable(KEPT.created_at, dated=True)},
        default_sort="created_at",
        sparse=(commands.TYPE,),
        page=Page(default=100, maximum=200),
    ),
    _row(
        "get_headrace_fault",
        "GET",
        "/headrace/faults/{id}",
        "Read a fault",
        shape=shapes.get,
        resource=FAULT,
        table=FAULTS,
        sparse=(commands.TYPE,),
    ),
    _row(
        "delete_headrace_fault",
        "DELETE",
        "/headrace/faults/{id}",
        "Take a fault back",
        shape=shapes.delete,
        resource=FAULT,
        table=FAULTS,
        command=commands.delete,
        status=204,
    ),
    _row(
        "clear_headrace_faults",
        "DELETE",
        "/headrace/faults",
        "Take every fault back",
        shape=shapes.call,
        command=commands.clear,
        status=204,
    ),
)
RESOURCES = (FAULT,)
