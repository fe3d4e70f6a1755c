"""Words for telling what a surface was like before a change: small functions from a surface to a surface.

What is here: replacing rows and resources everywhere they are used. What is not: any one revision (`r<date>.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from headrace.api.revisions import Surface
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Relationship, Resource, Resources


def with_resources(surface: Surface, changed: Iterable[Resource]) -> Surface:
    """Return the surface with these resources in place of those of the same type, in the rows too."""
    resources = {**surface.resources, **{one.type: one for one in changed}}

    def shown(one: Operation) -> Operation:
        return replace(
            one,
            resource=_replaced(one.resource, surface.resources, resources),
            parent=None if one.parent is None else (resources.get(one.parent[0].type, one.parent[0]), one.parent[1]),
        )

    return Surface({key: shown(one) for key, one in surface.operations.items()}, resources)


def _replaced(own: Resource | None, before: Resources, after: Resources) -> Resource | None:
    """Return what a row shows; one that shows more of a resource than others (a list's members) keeps that."""
    if own is None or own.type not in after:
        return own
    common = after[own.type]
    return common if own is before.get(own.type) else replace(own, relationships=common.relationships)


def with_operations(surface: Surface, changes: Mapping[str, Mapping[str, Any]]) -> Surface:
    """Return the surface with members of operations replaced, by operation id; unknown ids are passed over."""
    operations = dict(surface.operations)
    for key, members in changes.items():
        if key in operations:
            operations[key] = replace(operations[key], **members)
    return Surface(operations, surface.resources)


def each_operation(surface: Surface, change: Callable[[Operation], Operation]) -> Surface:
    """Return the surface with a change made to every operation."""
    return Surface({key: change(one) for key, one in surface.operations.items()}, surface.resources)


def without_linkage(surface: Surface) -> Surface:
    """Return the surface that shows `relationships.NAME.data` only of what a request includes."""
    bare = [replace(one, relationships=tuple(map(_bare, one.relationships))) for one in surface.resources.values()]
    return each_operation(with_resources(surface, bare), lambda one: replace(one, linkage=()))


def _bare(one: Relationship) -> Relationship:
    """Return a relationship without its data; one without links keeps it, having nothing else to show."""
    return replace(one, ids=None) if one.links else one


def without_attributes(resource: Resource, names: Iterable[str]) -> Resource:
    """Return a resource without some attributes."""
    gone = frozenset(names)
    return replace(resource, attributes=tuple(one for one in resource.attributes if one.name not in gone))
