"""The shapes that write: create, update, delete, and the change of a to-many relationship.

What is here: what surrounds a command: the thing named in the path must exist, ids in path and body must agree, and
the answer is read back and shown like any other. What is not: the commands, which are the application's.
Follows reference 7.7.
"""

from __future__ import annotations

from typing import Any

from headrace.errors import Invalid
from headrace.jsonapi.bodies import id_in
from headrace.jsonapi.document import single
from headrace.jsonapi.operation import Call, Reply
from headrace.jsonapi.resource import Row
from headrace.jsonapi.shapes.loading import load_related, one_row, parent_key, primary, run


async def create(call: Call[Any, Any]) -> Reply:
    """Run the command and answer what it made: it returns the new API id, or the row itself."""
    result = await run(call)
    return await _shown(call, result)


async def update(call: Call[Any, Any]) -> Reply:
    """Run the command on a row that exists and answer it anew: the command returns None, or the row itself."""
    resource, table = primary(call)
    _check_id(call)
    await one_row(call, resource, table, call.path["id"])
    result = await run(call)
    return await _shown(call, call.path["id"] if result is None else result)


async def delete(call: Call[Any, Any]) -> Reply:
    """Run the command on a row that exists; the answer is empty."""
    resource, table = primary(call)
    await one_row(call, resource, table, call.path["id"])
    await run(call)
    return Reply(call.operation.status)


async def change_relationship(call: Call[Any, Any]) -> Reply:
    """Run the command on a parent that exists; the answer is empty."""
    await parent_key(call)
    await run(call)
    return Reply(call.operation.status)


async def _shown(call: Call[Any, Any], result: str | Row | Reply) -> Reply:
    if isinstance(result, Reply):
        return result
    resource, table = primary(call)
    row = await one_row(call, resource, table, result) if isinstance(result, str) else result
    return Reply(call.operation.status, single(call, row, await load_related(call, [row])))


def _check_id(call: Call[Any, Any]) -> None:
    stated, named = id_in(call.body), call.path["id"]
    if stated is not None and stated != named:
        raise Invalid(f'data.id is "{stated}" and the path names "{named}"; they must be the same.', pointer="/data/id")
