"""The flow-values report as the API answers it.

What is here: from the body to a document, and its pages. What is not: reading the request's attributes and the figures
(`reports`). Follows reference 6.4 and the description of Query Flow Values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import WithJsonSchema

from headrace.api.state import State
from headrace.jsonapi.bodies import New
from headrace.jsonapi.context import fill
from headrace.jsonapi.cursor import Cursor, binding, read_cursor, write_cursor
from headrace.jsonapi.operation import Call
from headrace.reports.flow_values import Row, flow_values
from headrace.reports.request import read_request, request_schema

PAGE_SIZE = 1000
"""Rows of one page of a report. Our choice: the sources name no size; most accounts get their report in one page."""
CURSOR = "page_cursor"
TYPE = "flow-values-report"

Links = dict[str, str | None]
Report = New[Literal["flow-values-report"], Annotated[dict[str, Any], WithJsonSchema(request_schema())]]


async def query_flow_values(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of a page of the report."""
    data, links = await _page(call)
    return {"data": data, "links": links}


async def query_with_few_links(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document as revisions before 2026-01-15 show it: without links, but for one to a next page."""
    data, links = await _page(call)
    return {"data": data, **_next_only(links)}


async def query_with_own_link(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document as revisions before 2024-07-15 show it: its own link stands inside the data."""
    data, links = await _page(call)
    return {"data": {**data, "links": {"self": links["self"]}}, **_next_only(links)}


def _next_only(links: Links) -> dict[str, Links]:
    return {"links": {"next": links["next"]}} if links["next"] else {}


async def _page(call: Call[State, Any]) -> tuple[dict[str, Any], Links]:
    """Return the data and the links of the page that the query asks for."""
    state, attributes = call.ctx.state, call.body.data.attributes
    request = read_request(attributes)
    rows = await flow_values(state.database, state.account, request, state.clock.now())
    bound_to = binding(call.operation.path, _digest(attributes), "")
    first = _first(rows, call.query.parameters.get(CURSOR), bound_to)
    page, more = rows[first : first + PAGE_SIZE], len(rows) > first + PAGE_SIZE
    following = write_cursor(Cursor(None, _place(page[-1])), bound_to) if more else None
    return _data(call, page), _links(call, following)


def _digest(attributes: Any) -> str:
    return hashlib.blake2b(orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _place(row: Row) -> str:
    """Return where a row stands in the report's order, as text that a cursor can hold."""
    return orjson.dumps(_key(row)).decode()


def _key(row: Row) -> list[str]:
    first = (row.groupings["flow_id"], row.groupings["flow_message_id"])
    return [value or "" for value in (*first, *row.groupings.values())]


def _first(rows: Sequence[Row], cursor: str | None, bound_to: str) -> int:
    """Return the index of the first row behind a cursor: the figures may have changed since, the order has not."""
    if cursor is None:
        return 0
    mark = orjson.loads(read_cursor(cursor, bound_to, CURSOR).key)
    return next((at for at, row in enumerate(rows) if _key(row) > mark), len(rows))


def _data(call: Call[State, Any], rows: Sequence[Row]) -> dict[str, Any]:
    asked = call.query.fields.get(TYPE)
    results = [{"groupings": dict(row.groupings), "statistics": dict(row.statistics)} for row in rows]
    return {
        "type": TYPE,
        "id": call.ctx.state.services.ids.uuid(),
        "attributes": {"results": results} if asked is None or "results" in asked else {},
        "relationships": {
            "flows": {"data": _identifiers("flow", [row.groupings["flow_id"] for row in rows])},
            "flow-messages": {"data": _identifiers("flow-message", [row.groupings["flow_message_id"] for row in rows])},
        },
    }


def _identifiers(of_type: str, ids: Sequence[str | None]) -> list[dict[str, str]]:
    """Return each distinct id once, in the order of the rows. Source: reference 6.4."""
    return [{"type": of_type, "id": one} for one in dict.fromkeys(ids) if one]


def _links(call: Call[State, Any], following: str | None) -> Links:
    path = fill(call.operation.path, call.path)
    pairs = [pair for pair in call.query.pairs if pair[0] != CURSOR]
    links = call.ctx.links
    return {
        "self": links.url(path, call.query.pairs),
        "next": None if following is None else links.url(path, [*pairs, (CURSOR, following)]),
        "prev": None,
    }
