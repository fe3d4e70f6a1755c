"""A small API over the grammar: two resources in temporary tables, with every shape once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import sqlalchemy as sa
from pydantic import Field, field_validator
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.applications import Starlette
from starlette.requests import Request

from headrace.errors import Conflict, NotAuthenticated, Throttled
from headrace.ids import SeededIds
from headrace.jsonapi import shapes
from headrace.jsonapi.bodies import Change, Model, New, ToMany
from headrace.jsonapi.context import Context, LinkStyle
from headrace.jsonapi.filter_rules import DATE_OPERATORS, Filterable
from headrace.jsonapi.operation import Call, M, Operation, Reply, Table
from headrace.jsonapi.query import Page, Parameter, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.jsonapi.routes import check_operations, exception_handlers, routes
from headrace.jsonapi.serve import Hooks

meta = sa.MetaData()
flow = sa.Table(
    "toy_flow",
    meta,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("archived", sa.Boolean),
    sa.Column("created", sa.DateTime(timezone=True)),
    sa.Column("score", sa.BigInteger),
    sa.Column("labels", ARRAY(sa.Text)),
    sa.Column("definition", JSONB),
    prefixes=["TEMPORARY"],
)
action = sa.Table(
    "toy_action",
    meta,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("flow_id", sa.Text),
    sa.Column("kind", sa.Text),
    prefixes=["TEMPORARY"],
)
START = datetime(2024, 2, 22, 20, 24, 32, 123456, tzinfo=UTC)
STATUSES = ("draft", "live", "manual")

FLOW = Resource(
    type="flow",
    path="/api/flows/{id}",
    attributes=(
        Attribute("name", str),
        Attribute("status", Literal["draft", "live", "manual"]),
        Attribute("archived", bool),
        Attribute("created", datetime),
        Attribute("score", int | None),
        Attribute(
            "definition",
            dict[str, Any],
            on_request=True,
            subfields=("definition.entry", "definition.actions", "definition.actions.type"),
        ),
    ),
    relationships=(Relationship("flow-actions", "flow-action", many=True),),
)
ACTION = Resource(
    type="flow-action",
    path="/api/flow-actions/{id}",
    attributes=(Attribute("action_type", str, read=lambda row: row["kind"]),),
    relationships=(
        Relationship("flow", "flow", ids=lambda row: row["flow_id"]),
        Relationship("notes", "note", many=True, links=False),
    ),
)
RESOURCES = {"flow": FLOW, "flow-action": ACTION}


@dataclass
class State:
    """What the toy's commands leave behind."""

    done: list[Any] = field(default_factory=list)
    statements: list[sa.Select[Any]] = field(default_factory=list)


def select_flows(call: Call[State, Any]) -> sa.Select[Any]:
    """Return the account's flows."""
    return sa.select(flow).where(flow.c.account == call.ctx.account_id)


def select_actions(call: Call[State, Any]) -> sa.Select[Any]:
    """Return the account's actions."""
    return sa.select(action).join(flow, flow.c.id == action.c.flow_id).where(flow.c.account == call.ctx.account_id)


async def load_actions(call: Call[State, Any], flows: Sequence[Row]) -> Mapping[str, Sequence[Row]]:
    """Return the actions of a page of flows by one statement."""
    found: dict[str, list[Row]] = {}
    ids = [row["id"] for row in flows]
    for row in await call.ctx.fetch(sa.select(action).where(action.c.flow_id.in_(ids)).order_by(action.c.id)):
        found.setdefault(row["flow_id"], []).append(row)
    return found


async def load_flows(call: Call[State, Any], actions: Sequence[Row]) -> Mapping[str, Sequence[Row]]:
    """Return the flow of each action by one statement."""
    flows = await call.ctx.fetch(sa.select(flow).where(flow.c.id.in_([row["flow_id"] for row in actions])))
    by_id = {row["id"]: row for row in flows}
    return {str(row["id"]): [by_id[row["flow_id"]]] for row in actions if row["flow_id"] in by_id}


def parse_action_id(text: str) -> int | None:
    """Return an action's number, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


FLOWS = Table(select_flows, flow.c.id, loaders={"flow-actions": load_actions})
ACTIONS = Table(select_actions, action.c.id, parse_action_id, loaders={"flow": load_flows})


class FlowAttributes(Model):
    """What a new flow states."""

    name: str = Field(max_length=20)
    status: Literal["draft", "live"] = "draft"

    @field_validator("name")
    @classmethod
    def not_blank(cls, name: str) -> str:
        """Refuse a blank name."""
        if not name.strip():
            raise ValueError("a name must have letters")
        return name


class StatusAttributes(Model):
    """What a change of a flow states."""

    status: Literal["draft", "live", "manual"]


NewFlow = New[Literal["flow"], FlowAttributes]
ChangeFlow = Change[Literal["flow"], StatusAttributes]
Actions = ToMany[Literal["flow-action"]]


async def create_flow(call: Call[State, NewFlow]) -> str:
    """Insert a flow and return its id."""
    stated = call.body.data.attributes
    if stated.name == "twin":
        raise Conflict("A flow of this name exists.", code="duplicate_flow", meta={"duplicate_flow_id": "F1"})
    values = {"id": "NEW", "account": "A", "name": stated.name, "status": stated.status, "archived": False}
    await call.ctx.fetch(sa.insert(flow).values(**values, created=START).returning(flow.c.id))
    return "NEW"


async def update_flow(call: Call[State, ChangeFlow]) -> None:
    """Set a flow's status."""
    change = sa.update(flow).where(flow.c.id == call.path["id"]).values(status=call.body.data.attributes.status)
    await call.ctx.fetch(change.returning(flow.c.id))


async def delete_flow(call: Call[State, None]) -> None:
    """Remove a flow."""
    await call.ctx.fetch(sa.delete(flow).where(flow.c.id == call.path["id"]).returning(flow.c.id))


async def add_actions(call: Call[State, Actions]) -> None:
    """Note what was added to what."""
    call.ctx.state.done.append((call.path["id"], [one.id for one in call.body.data]))


async def report(call: Call[State, Any]) -> dict[str, Any]:
    """Answer the parameters."""
    return {"data": {"type": "report", "parameters": dict(call.query.parameters)}}


async def accept(_: Call[State, Any]) -> None:
    """Accept a job and say nothing."""


async def plain(call: Call[State, Any]) -> Reply:
    """Answer something that is no JSON:API document."""
    return Reply(200, content=call.path["name"].encode(), media_type="text/plain", headers={"X-Kind": "plain"})


async def fail(_: Call[State, Any]) -> None:
    """Have a bug."""
    raise KeyError("secret detail")


FLOW_FILTERS = {
    "id": Filterable("string", ("any",), flow.c.id),
    "name": Filterable("string", ("contains", "ends-with", "equals", "starts-with"), flow.c.name),
    "status": Filterable("enum", ("equals",), flow.c.status, values=STATUSES, once=True),
    "archived": Filterable("bool", ("equals",), flow.c.archived),
    "created": Filterable("datetime", DATE_OPERATORS, flow.c.created),
    "score": Filterable("int", (*DATE_OPERATORS, "has"), flow.c.score, nullable=True),
    "labels": Filterable("strings", ("contains-any", "contains-all"), flow.c.labels, max_items=3),
}
FLOW_SORTS = {
    "created": Sortable(flow.c.created, dated=True),
    "id": Sortable(flow.c.id),
    "name": Sortable(flow.c.name),
    "score": Sortable(flow.c.score),
}

LIST_FLOWS = Operation(
    id="get_flows",
    method="GET",
    path="/api/flows",
    shape=shapes.listing,
    tag="Flows",
    summary="Get Flows",
    scopes=("flows:read",),
    resource=FLOW,
    table=FLOWS,
    filters=FLOW_FILTERS,
    sorts=FLOW_SORTS,
    includes=("flow-actions",),
    include_aliases={"flow-action": "flow-actions"},
    sparse=("flow", "flow-action"),
    page=Page(default=3, maximum=5),
)
OPERATIONS: tuple[Operation, ...] = (
    LIST_FLOWS,
    Operation(
        id="get_flow",
        method="GET",
        path="/api/flows/{id}",
        shape=shapes.get,
        tag="Flows",
        scopes=("flows:read",),
        resource=FLOW,
        table=FLOWS,
        includes=("flow-actions",),
        sparse=("flow", "flow-action"),
        additional={"flow": ("definition",)},
    ),
    Operation(
        id="create_flow",
        method="POST",
        path="/api/flows",
        shape=shapes.create,
        tag="Flows",
        scopes=("flows:write",),
        resource=FLOW,
        table=FLOWS,
        command=create_flow,
        body=NewFlow,
        status=201,
        sparse=("flow",),
        additional={"flow": ("definition",)},
        since="2025-01-15",
    ),
    Operation(
        id="update_flow",
        method="PATCH",
        path="/api/flows/{id}",
        shape=shapes.update,
        tag="Flows",
        resource=FLOW,
        table=FLOWS,
        command=update_flow,
        body=ChangeFlow,
    ),
    Operation(
        id="delete_flow",
        method="DELETE",
        path="/api/flows/{id}",
        shape=shapes.delete,
        tag="Flows",
        resource=FLOW,
        table=FLOWS,
        command=delete_flow,
        status=204,
        until="2030-01-01",
    ),
    Operation(
        id="get_actions_for_flow",
        method="GET",
        path="/api/flows/{id}/flow-actions",
        shape=shapes.related,
        tag="Flows",
        resource=ACTION,
        table=ACTIONS,
        parent=(FLOW, FLOWS),
        scope=lambda _, statement, parent: statement.where(action.c.flow_id == parent),
        includes=("flow",),
        page=Page(default=2, maximum=50),
    ),
    Operation(
        id="get_action_ids_for_flow",
        method="GET",
        path="/api/flows/{id}/relationships/flow-actions",
        shape=shapes.relationship,
        tag="Flows",
        resource=ACTION,
        table=ACTIONS,
        parent=(FLOW, FLOWS),
        scope=lambda _, statement, parent: statement.where(action.c.flow_id == parent),
    ),
    Operation(
        id="add_actions_to_flow",
        method="POST",
        path="/api/flows/{id}/relationships/flow-actions",
        shape=shapes.change_relationship,
        tag="Flows",
        parent=(FLOW, FLOWS),
        command=add_actions,
        body=Actions,
        status=204,
    ),
    Operation(
        id="get_flow_for_action",
        method="GET",
        path="/api/flow-actions/{id}/flow",
        shape=shapes.related,
        tag="Flow actions",
        resource=FLOW,
        table=FLOWS,
        parent=(ACTION, ACTIONS),
        scope=lambda _, statement, parent: statement.where(
            flow.c.id.in_(sa.select(action.c.flow_id).where(action.c.id == parent))
        ),
        many=False,
    ),
    Operation(
        id="get_flow_id_for_action",
        method="GET",
        path="/api/flow-actions/{id}/relationships/flow",
        shape=shapes.relationship,
        tag="Flow actions",
        resource=FLOW,
        table=FLOWS,
        parent=(ACTION, ACTIONS),
        scope=lambda _, statement, parent: statement.where(
            flow.c.id.in_(sa.select(action.c.flow_id).where(action.c.id == parent))
        ),
        many=False,
    ),
    Operation(
        id="get_action",
        method="GET",
        path="/api/flow-actions/{id}",
        shape=shapes.get,
        tag="Flow actions",
        resource=ACTION,
        table=ACTIONS,
        includes=("flow",),
        linkage=("flow",),
    ),
    Operation(
        id="query_report",
        method="POST",
        path="/api/reports",
        shape=shapes.call,
        tag="Reporting",
        command=report,
        tier=M,
        parameters=(Parameter("page_cursor"), Parameter("unit", required=True, values=("day", "week"))),
    ),
    Operation(
        id="accept_job",
        method="POST",
        path="/api/jobs",
        shape=shapes.call,
        tag="Jobs",
        command=accept,
        body=NewFlow,
        status=202,
        max_body=1000,
    ),
    Operation(id="fail", method="GET", path="/api/fail", shape=shapes.call, tag="Bugs", command=fail),
    Operation(id="plain", method="GET", path="/flow/{name}.json", shape=shapes.call, tag="Other", command=plain),
)

SCOPES = frozenset({"flows:read", "flows:write"})


def hooks(fetch: Any, state: State) -> Hooks:
    """Return hooks that authenticate by two made-up headers."""

    async def authenticate(request: Request, _: Operation) -> Context[State]:
        key = request.headers.get("authorization", "all")
        if key == "none":
            raise NotAuthenticated("No key was given.")
        if key == "busy":
            raise Throttled("Too many requests.", meta={"retry_after": 7})
        return Context(
            state=state,
            account_id="A",
            fetch=fetch,
            scopes=frozenset() if key == "scopeless" else SCOPES,
            revision=request.headers.get("revision", "2026-07-15"),
            links=LinkStyle("http://test", trailing_slash=request.headers.get("revision", "2026") < "2024-10"),
            headers={"RateLimit-Limit": "60"},
        )

    return Hooks(authenticate, lambda _, operation: (operation, RESOURCES), SeededIds(1))


def application(fetch: Any, state: State) -> Starlette:
    """Return the toy's application."""
    check_operations(OPERATIONS, RESOURCES)
    made = hooks(fetch, state)
    app = Starlette(routes=routes(OPERATIONS, made), exception_handlers=dict(exception_handlers(made.ids)))
    app.router.redirect_slashes = False
    return app


def flow_row(number: int, **changes: Any) -> dict[str, Any]:
    """Return one flow; numbers count from 1, scores of every third flow are null."""
    row = {
        "id": f"F{number}",
        "account": "A",
        "name": f"Flow {number}",
        "status": STATUSES[number % 3],
        "archived": number % 2 == 0,
        "created": START + timedelta(days=number),
        "score": None if number % 3 == 0 else number * 10,
        "labels": ["all", f"n{number}"],
        "definition": {"entry": "1", "actions": [{"type": "send-email", "id": "1"}, {"type": "time-delay", "id": "2"}]},
    }
    return {**row, **changes}


def listing_with(**changes: Any) -> Operation:
    """Return the list of flows with some of its row changed."""
    return replace(LIST_FLOWS, **changes)


@dataclass
class Toy:
    """A running toy API: its client, its state, and its database connection."""

    client: httpx.AsyncClient
    state: State
    connection: AsyncConnection

    async def get(self, url: str, **headers: str) -> dict[str, Any]:
        """Return the document behind a URL, which must be there."""
        answer = await self.client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def errors(self, method: str, url: str, **request: Any) -> tuple[int, list[dict[str, Any]]]:
        """Return status and errors of a request that is refused."""
        answer = await self.client.request(method, url, **request)
        return answer.status_code, answer.json()["errors"]
