"""The aggregates of a metric as the API answers them.

What is here: from the body to a document, and its pages. What is not: reading the request's attributes and the figures
(`reports`). Follows reference 6.6. The cursor of the next page stands in links.next; the body takes it, and so does the
query string, so that the link itself works.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Annotated, Any, Literal

import orjson
from pydantic import WithJsonSchema

from headrace.api.commands.report_pages import CURSOR, few_links, links_of
from headrace.api.state import State
from headrace.errors import Invalid
from headrace.jsonapi.bodies import New
from headrace.jsonapi.cursor import Cursor, binding, garbled, read_cursor, texts_of, write_cursor
from headrace.jsonapi.operation import Call
from headrace.reports.aggregate_request import AggregateRequest, aggregate_schema, read_aggregate_request
from headrace.reports.metric_aggregates import Aggregates, metric_aggregates
from headrace.reports.reading import ATTRIBUTES
from headrace.storage.metric_aggregates import Mark

TYPE = "metric-aggregate"
PAGING = frozenset({"page_cursor", "page_size", "return_fields"})
"""Members that do not change which rows there are, nor their order."""

LONGEST_KEY = 800
"""Letters of a group that a cursor holds, so that it stays far below what a cursor may be long."""

Query = New[Literal["metric-aggregate"], Annotated[dict[str, Any], WithJsonSchema(aggregate_schema())]]


async def query_metric_aggregates(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of a page of rows; it links to the next page where there is one."""
    document = await query_with_few_links(call)
    return {**document, "links": {**document["data"]["links"], **document.get("links", {})}}


async def query_with_few_links(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document as revisions before 2026-01-15 show it: its own link stands inside the data alone."""
    state, attributes = call.ctx.state, call.body.data.attributes
    request = read_aggregate_request(attributes)
    bound_to = binding(call.operation.path, _digest(attributes), "")
    found = await metric_aggregates(state.database, state.account, request, _mark(call, request, bound_to))
    following = None if found.following is None else write_cursor(_cursor(found.following), bound_to)
    links = links_of(call, following)
    shown = {name: value for name, value in _attributes(found).items() if _is_shown(call, request, name)}
    own = {"self": links["self"]}
    data = {"type": TYPE, "id": state.services.ids.uuid(), "attributes": shown, "links": own}
    return few_links(data, links)


def _attributes(found: Aggregates) -> dict[str, Any]:
    rows = [{"dimensions": list(row.dimensions), "measurements": dict(row.measurements)} for row in found.rows]
    return {"dates": list(found.dates), "data": rows}


def _is_shown(call: Call[State, Any], request: AggregateRequest, name: str) -> bool:
    asked = call.query.fields.get(TYPE)
    return (asked is None or name in asked) and (request.fields is None or name in request.fields)


def _digest(attributes: Any) -> str:
    kept = {name: value for name, value in attributes.items() if name not in PAGING}
    return hashlib.blake2b(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _cursor(mark: Mark) -> Cursor:
    """Return the cursor of a mark; long dimensions, such as addresses of pages, are told by their digest."""
    dimensions = orjson.dumps(mark.dimensions).decode()
    return Cursor(mark.total, dimensions if len(dimensions) <= LONGEST_KEY else orjson.dumps(mark.digest).decode())


def _mark(call: Call[State, Any], request: AggregateRequest, bound_to: str) -> Mark | None:
    """Return where the page begins: the body's cursor, else that of the query string."""
    try:
        if request.page_cursor is not None:
            return _read(request.page_cursor, bound_to)
    except Invalid as problem:
        raise Invalid(problem.detail, pointer=f"{ATTRIBUTES}/{CURSOR}") from None
    asked = call.query.parameters.get(CURSOR)
    return None if asked is None else _read(asked, bound_to)


def _read(text: str, bound_to: str) -> Mark:
    cursor = read_cursor(text, bound_to, CURSOR)
    key = texts_of(cursor, text, CURSOR)
    if not isinstance(cursor.value, Decimal | None):
        raise garbled(text, CURSOR)
    return Mark(cursor.value, None, key) if isinstance(key, str) else Mark(cursor.value, tuple(key))
