"""Answering for people who were merged into others: their old ids lead to the profiles that they are now.

What is here: a shape around a shape. What is not: bodies that name people (`storage.profiles` and `storage.resolve`
follow old ids themselves). Source: DESIGN section 8 (identity).
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

from headrace.api.state import State
from headrace.errors import NotFound
from headrace.jsonapi.bodies import id_in
from headrace.jsonapi.operation import Call, Operation, Reply, Shape
from headrace.storage.aliases import follow_one


def following(operation: Operation) -> Operation:
    """Return an operation on `/api/profiles/{id}` that answers for the profile that an old id has become."""
    return replace(operation, shape=_following(operation.shape)) if "{id}" in operation.path else operation


def _following(inner: Shape) -> Shape:
    @wraps(inner)
    async def shape(call: Call[Any, Any]) -> Reply:
        try:
            return await inner(call)
        except NotFound:
            present = await _of_present(call)
            if present is None:
                raise
            return await inner(present)

    return shape


async def _of_present(call: Call[State, Any]) -> Call[State, Any] | None:
    """Return the call with the id of the profile that the one in the path has become; None where it is no alias."""
    old = call.path["id"]
    new = await follow_one(call.ctx.state.database, call.ctx.account_id, old)
    if new == old:
        return None
    body = call.body
    if id_in(body) == old:
        body = body.model_copy(update={"data": body.data.model_copy(update={"id": new})})
    return replace(call, path={**call.path, "id": new}, body=body)
