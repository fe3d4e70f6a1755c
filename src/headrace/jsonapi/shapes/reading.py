"""The shapes that read: a list, one resource, a related resource, a relationship.

What is here: `listing`, `get`, `related`, `relationship`. What is not: how rows are loaded (`loading`) and shown
(`document`). Follows reference 7.1 and 7.6.
"""

from __future__ import annotations

from typing import Any

from headrace.jsonapi.context import fill
from headrace.jsonapi.document import collection, linkage, page_links, self_link, single
from headrace.jsonapi.operation import Call, Reply
from headrace.jsonapi.shapes.loading import at_most_one, load_related, one_row, page, parent_key, primary, run


async def listing(call: Call[Any, Any]) -> Reply:
    """Answer a page of the table's rows, or all of them when the row states no page."""
    return await _list_of(call, None)


async def get(call: Call[Any, Any]) -> Reply:
    """Answer the row that the path's `{id}` names."""
    resource, table = primary(call)
    row = await one_row(call, resource, table, call.path["id"])
    return Reply(call.operation.status, single(call, row, await load_related(call, [row])))


async def related(call: Call[Any, Any]) -> Reply:
    """Answer what the parent in the path is related to: a page, or one resource whose absence is `data` null."""
    parent = await _ready(call)
    if call.operation.many:
        return await _list_of(call, parent)
    row = await at_most_one(call, parent)
    loaded = await load_related(call, [] if row is None else [row])
    return Reply(call.operation.status, single(call, row, loaded))


async def relationship(call: Call[Any, Any]) -> Reply:
    """Answer the types and ids of what the parent in the path is related to."""
    parent = await _ready(call)
    if call.operation.many:
        found = await page(call, parent)
        links = page_links(call, found.following, found.previous)
        return Reply(call.operation.status, linkage(call, found.rows, {**links, "related": _related_link(call)}))
    row = await at_most_one(call, parent)
    links = {"self": self_link(call), "related": _related_link(call)}
    return Reply(call.operation.status, linkage(call, [] if row is None else [row], links))


async def _ready(call: Call[Any, Any]) -> Any:
    """Return the key of the parent, having run the command of an operation that has one."""
    parent = await parent_key(call)
    if call.operation.command is not None:
        await run(call)
    return parent


async def _list_of(call: Call[Any, Any], parent: Any) -> Reply:
    found = await page(call, parent)
    loaded = await load_related(call, found.rows)
    links = page_links(call, found.following, found.previous)
    return Reply(call.operation.status, collection(call, found.rows, loaded, links))


def _related_link(call: Call[Any, Any]) -> str:
    base, _, name = fill(call.operation.path, call.path).rpartition("/relationships/")
    return call.ctx.links.url(f"{base}/{name}")
