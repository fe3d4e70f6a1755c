"""Headrace's own operations on predictions about a person, which it stores and shows but does not make."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import predictions as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XL, Call, Operation, Table
from headrace.jsonapi.resource import Attribute, Resource, Row
from headrace.storage import tables as t

READ, WRITE = ("headrace:profiles:read",), ("headrace:profiles:write",)


def _attribute(name: str) -> Attribute:
    def read(row: Row) -> Any:
        return row["predictive"].get(name)

    return Attribute(name, commands.Predictions.model_fields[name].rebuild_annotation(), read)


PREDICTIONS = Resource(
    commands.TYPE,
    "/headrace/profiles/{id}/predictions",
    tuple(_attribute(name) for name in commands.Predictions.model_fields),
)


def _predictions(call: Call[Any, Any]) -> Select[Any]:
    columns = (t.profile.c.profile_id.label("id"), t.profile.c.predictive)
    return select(*columns).where(t.profile.c.account_id == call.ctx.account_id)


TABLE = Table(_predictions, t.profile.c.profile_id)

OPERATIONS = (
    Operation(
        id="get_headrace_predictions",
        method="GET",
        path="/headrace/profiles/{id}/predictions",
        shape=shapes.get,
        tag="Headrace",
        summary="Read the predictions about a profile",
        scopes=READ,
        tier=XL,
        resource=PREDICTIONS,
        table=TABLE,
    ),
    Operation(
        id="update_headrace_predictions",
        method="PATCH",
        path="/headrace/profiles/{id}/predictions",
        shape=shapes.update,
        tag="Headrace",
        summary="Store predictions about a profile",
        scopes=WRITE,
        tier=XL,
        resource=PREDICTIONS,
        table=TABLE,
        command=commands.change,
        body=commands.ChangedPredictions,
    ),
)
RESOURCES = (PREDICTIONS,)
