"""JSON:API documents: from rows to plain dicts.

What is here: resource objects, relationships, included resources, links, and their encoding. What is not: loading
(`shapes`) and errors (`problems`). What a request shows of a resource is worked out once, in a `View`, and then applied
to each row. Follows reference 7.1 and 7.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import orjson

from headrace.jsonapi.context import LinkStyle, fill
from headrace.jsonapi.operation import Call
from headrace.jsonapi.query import Query
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Resources, Row

Document = dict[str, Any]
Loaded = Mapping[str, Mapping[str, Sequence[Row]]]
"""Related rows by relationship name and parent id. A relationship that was not loaded is absent."""

PathTree = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one request shows of one resource.

    Its attributes, each with the subfields to keep (None: all of it), and the names of those that are left out as null.
    `before` and `after` are what stands around the id in its address (None: it has none), `end` closes every link.
    """

    resource: Resource
    attributes: tuple[tuple[Attribute, PathTree | None], ...]
    optional: tuple[str, ...]
    before: str | None
    after: str
    end: str


def view_of(resource: Resource, query: Query, style: LinkStyle) -> View:
    """Return what a query shows of a resource.

    `fields[type]` names exactly what is shown, `additional-fields[type]` adds to it. Our choice: an attribute that is
    only shown on request is also shown when `fields[type]` names it, since it was asked for.
    """
    asked = query.fields.get(resource.type)
    extra = query.additional.get(resource.type, frozenset())
    shown: list[tuple[Attribute, PathTree | None]] = []
    for one in resource.attributes:
        if one.name in extra or (asked is None and not one.on_request) or (asked is not None and one.name in asked):
            shown.append((one, None))
        elif asked is not None and (paths := [sub for sub in one.subfields if sub in asked]):
            shown.append((one, _tree(paths)))
    optional = tuple(one.name for one, _ in shown if one.optional)
    before, _, after = (resource.path or "").partition("{id}")
    root = None if resource.path is None else f"{style.base_url}{before}"
    return View(resource, tuple(shown), optional, root, after, "/" if style.trailing_slash else "")


def resource_object(view: View, row: Row, resources: Resources, loaded: Loaded) -> Document:
    """Return one row as a resource object."""
    resource = view.resource
    row_id = resource.id(row)
    shown: Document = {
        "type": resource.type,
        "id": row_id,
        "attributes": {
            one.name: one.value(row) if paths is None else _pruned(one.value(row), paths)
            for one, paths in view.attributes
        },
    }
    for name in view.optional:
        if shown["attributes"][name] is None:
            del shown["attributes"][name]
    base = None if view.before is None else f"{view.before}{_in_a_path(row_id)}{view.after}"
    if resource.relationships:
        related = [
            (one.name, _relationship(one, row, row_id, base, view.end, resources, loaded))
            for one in resource.relationships
        ]
        shown["relationships"] = {name: each for name, each in related if each}
    if base is not None:
        shown["links"] = {"self": f"{base}{view.end}"}
    return shown


def _in_a_path(row_id: str) -> str:
    """Return an id as a path writes it; most are letters and digits and need no looking up."""
    return row_id if row_id.isalnum() and row_id.isascii() else quote(row_id, safe="")


def identifier(resource: Resource, row: Row) -> Document:
    """Return a row's type and id."""
    return {"type": resource.type, "id": resource.id(row)}


def _relationship(
    one: Relationship,
    row: Row,
    row_id: str,
    base: str | None,
    end: str,
    resources: Resources,
    loaded: Loaded,
) -> Document:
    shown: Document = {}
    if one.name in loaded:
        target = resources[one.type]
        found = [{"type": one.type, "id": target.id(each)} for each in loaded[one.name].get(row_id, ())]
        if found or one.many or not one.optional:
            shown["data"] = found if one.many else (found[0] if found else None)
    elif one.ids is not None:
        ids = one.ids(row)
        if ids is not None or not one.optional:
            shown["data"] = _linkage(one, ids)
    if one.links and base is not None:
        related = f"{base}/{one.name}{end}"
        itself = {"self": f"{base}/relationships/{one.name}{end}"} if one.addressed else {}
        shown["links"] = {**itself, "related": related}
    return shown


def _linkage(one: Relationship, ids: Any) -> Any:
    if one.many:
        return [{"type": one.type, "id": str(each)} for each in ids or ()]
    return None if ids is None else {"type": one.type, "id": str(ids)}


def single(call: Call[Any, Any], row: Row | None, loaded: Loaded) -> Document:
    """Return the document of one resource, or of none (`data` null); `links.self` of a write is the resource's own."""
    resource = _resource(call)
    view = view_of(resource, call.query, call.ctx.links)
    if row is None:
        return _with_included(call, {"data": None}, [], loaded, own_links(call, self_link(call)))
    data = resource_object(view, row, call.resources, loaded)
    link = data["links"]["self"] if call.operation.method != "GET" and resource.path else self_link(call)
    return _with_included(call, {"data": data}, [row], loaded, own_links(call, link))


def collection(call: Call[Any, Any], rows: Sequence[Row], loaded: Loaded, links: Document) -> Document:
    """Return the document of a list; `links` are those of `page_links`."""
    view = view_of(_resource(call), call.query, call.ctx.links)
    data = [resource_object(view, row, call.resources, loaded) for row in rows]
    return _with_included(call, {"data": data}, rows, loaded, links)


def linkage(call: Call[Any, Any], rows: Sequence[Row], links: Document) -> Document:
    """Return the document of a relationship: identifiers only, one or null when the relationship is to-one."""
    resource = _resource(call)
    found = [identifier(resource, row) for row in rows]
    document: Document = {"data": found if call.operation.many else (found[0] if found else None)}
    return {**document, "links": links} if call.operation.own_link or call.operation.page else document


def own_links(call: Call[Any, Any], link: str) -> Document:
    """Return the links of a document that is no page: to itself, or none where its operation shows none."""
    return {"self": link} if call.operation.own_link else {}


def self_link(call: Call[Any, Any]) -> str:
    """Return the link to the request itself, its query string included."""
    return call.ctx.links.url(fill(call.operation.path, call.path), call.query.pairs)


def page_links(call: Call[Any, Any], following: str | None, previous: str | None) -> Document:
    """Return `self`, `next` and `prev`; the two cursors are None where there is no such page, and so is the link.

    An empty cursor leads to the first page. Source: reference 7.8 (present and null).
    """
    return {"self": self_link(call), "next": _page_link(call, following), "prev": _page_link(call, previous)}


def _page_link(call: Call[Any, Any], cursor: str | None) -> str | None:
    if cursor is None:
        return None
    pairs = [pair for pair in call.query.pairs if pair[0] != "page[cursor]"]
    pairs += [("page[cursor]", cursor)] if cursor else []
    return call.ctx.links.url(fill(call.operation.path, call.path), pairs)


def _with_included(
    call: Call[Any, Any], document: Document, rows: Sequence[Row], loaded: Loaded, links: Document
) -> Document:
    if call.query.include is not None:
        document["included"] = _included(call, rows, loaded)
    if links:
        document["links"] = links
    return document


def _included(call: Call[Any, Any], rows: Sequence[Row], loaded: Loaded) -> list[Document]:
    """Return the included resources, each type and id once, in the order in which the rows name them."""
    found: dict[tuple[str, str], Document] = {}
    resource = _resource(call)
    for name in call.query.include or ():
        target = call.resources[resource.relationship(name).type]
        view = view_of(target, call.query, call.ctx.links)
        for row in rows:
            for related in loaded[name].get(resource.id(row), ()):
                key = (target.type, target.id(related))
                if key not in found:
                    found[key] = resource_object(view, related, call.resources, {})
    return list(found.values())


def _resource(call: Call[Any, Any]) -> Resource:
    resource = call.operation.resource
    if resource is None:
        raise ValueError(f"operation {call.operation.id} has no resource")
    return resource


def _tree(paths: Iterable[str]) -> PathTree:
    """Return the dotted names, without the attribute they begin with, as a tree; an empty tree keeps everything."""
    tree: PathTree = {}
    for path in sorted(paths, key=len):
        node = tree
        parts = path.split(".")[1:]
        for at, part in enumerate(parts):
            known = part in node
            node = node.setdefault(part, {})
            if known and not node and at < len(parts) - 1:
                break
    return tree


def _pruned(value: Any, tree: PathTree) -> Any:
    if not tree:
        return value
    if isinstance(value, Mapping):
        return {name: _pruned(value[name], below) for name, below in tree.items() if name in value}
    if isinstance(value, list | tuple):
        return [_pruned(item, tree) for item in value]
    return value


def encode(document: Any) -> bytes:
    """Return a document as JSON bytes; moments are written in whole seconds with their offset."""
    try:
        return orjson.dumps(document, default=_plain, option=orjson.OPT_OMIT_MICROSECONDS)
    except TypeError:  # a key that is no text, which is rare, and looking out for one costs half the time again
        return orjson.dumps(document, default=_plain, option=orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
