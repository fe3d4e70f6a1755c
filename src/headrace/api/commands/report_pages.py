"""What the documents of the flow reports have in common: pages of rows, links, and relationships.

What is here: from groups to a page, and from a page to a document, also as older revisions show it. What is not: what
stands in a row (`reports`, `flow_series`). Follows reference 6.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.api.state import State
from headrace.jsonapi.context import fill
from headrace.jsonapi.cursor import Cursor, binding, garbled, read_cursor, texts_of, write_cursor
from headrace.jsonapi.operation import Call
from headrace.jsonapi.query import Parameter
from headrace.reports.flow_figures import order
from headrace.reports.grouping import Groupings

CURSOR = "page_cursor"
PAGE_CURSOR = Parameter(CURSOR, "The page to answer, from links.next")

Links = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a report a request gets, and the document's links."""

    rows: slice
    links: Links


def page_of(call: Call[State, Any], groups: Sequence[Groupings], size: int) -> Page:
    """Return the page that the query asks for, of at most `size` rows; `groups` are those of all rows, in order."""
    bound_to = binding(call.operation.path, _digest(call.body.data.attributes), "")
    first = _first(groups, call.query.parameters.get(CURSOR), bound_to)
    rows = slice(first, first + size)
    more = len(groups) > rows.stop
    following = write_cursor(Cursor(None, _place(groups[rows.stop - 1])), bound_to) if more else None
    return Page(rows, links_of(call, following))


def data_of(call: Call[State, Any], groups: Sequence[Groupings], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a page: the attributes that are asked for, and the flows and messages of its groups."""
    resource = call.operation.resource
    assert resource is not None
    asked = call.query.fields.get(resource.type)
    return {
        "type": resource.type,
        "id": call.ctx.state.services.ids.uuid(),
        "attributes": {name: value for name, value in attributes.items() if asked is None or name in asked},
        "relationships": {
            "flows": {"data": _identifiers("flow", [one["flow_id"] for one in groups])},
            "flow-messages": {"data": _identifiers("flow-message", [one["flow_message_id"] for one in groups])},
        },
    }


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A report's commands, over `page`, which returns the data and the links of the page that a query asks for."""

    page: Callable[[Call[State, Any]], Awaitable[tuple[dict[str, Any], Links]]]

    async def query(self, call: Call[State, Any]) -> dict[str, Any]:
        """Return the document of a page."""
        data, links = await self.page(call)
        return {"data": data, "links": links}

    async def with_few_links(self, call: Call[State, Any]) -> dict[str, Any]:
        """Return the document as revisions before 2026-01-15 show it."""
        return few_links(*await self.page(call))

    async def with_own_link(self, call: Call[State, Any]) -> dict[str, Any]:
        """Return the document as revisions before 2024-07-15 show it."""
        return own_link(*await self.page(call))


def few_links(data: dict[str, Any], links: Links) -> dict[str, Any]:
    """Return the document as revisions before 2026-01-15 show it: without links, but for one to a next page."""
    return {"data": data, **({"links": {"next": links["next"]}} if links["next"] else {})}


def own_link(data: dict[str, Any], links: Links) -> dict[str, Any]:
    """Return the document as revisions before 2024-07-15 show it: its own link stands inside the data."""
    return few_links({**data, "links": {"self": links["self"]}}, links)


def links_of(call: Call[State, Any], following: str | None) -> Links:
    """Return the links of a page; `following` is the cursor of the next one, if there is any."""
    path = fill(call.operation.path, call.path)
    pairs = [pair for pair in call.query.pairs if pair[0] != CURSOR]
    links = call.ctx.links
    return {
        "self": links.url(path, call.query.pairs),
        "next": None if following is None else links.url(path, [*pairs, (CURSOR, following)]),
        "prev": None,
    }


def _digest(attributes: Any) -> str:
    return hashlib.blake2b(orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _place(groupings: Groupings) -> str:
    """Return where a row stands in the report's order, as text that a cursor can hold."""
    return orjson.dumps(order(groupings)).decode()


def _first(groups: Sequence[Groupings], cursor: str | None, bound_to: str) -> int:
    """Return the index of the first row behind a cursor: the figures may have changed since, the order has not."""
    if cursor is None:
        return 0
    mark = texts_of(read_cursor(cursor, bound_to, CURSOR), cursor, CURSOR)
    if isinstance(mark, str):
        raise garbled(cursor, CURSOR)
    return next((at for at, groupings in enumerate(groups) if order(groupings) > mark), len(groups))


def _identifiers(of_type: str, ids: Sequence[str | None]) -> list[dict[str, str]]:
    """Return each distinct id once, in the order of the rows. Source: reference 6.4."""
    return [{"type": of_type, "id": one} for one in dict.fromkeys(ids) if one]
