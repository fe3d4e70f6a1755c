"""Words for telling what a surface was like before a change: small functions from a surface to a surface.

What is here: replacing rows and resources everywhere they are used. What is not: any one revision (`r<date>.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from headrace.api.revisions import Surface
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.query import Page
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Resources

Part = TypeVar("Part", Attribute, Relationship)


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
    """Return what a row shows; one that shows more or less of a resource than others keeps the difference."""
    if own is None or own.type not in after:
        return own
    base, common = before[own.type], after[own.type]
    if own is base:
        return common
    return replace(
        own,
        attributes=_carried(own.attributes, base.attributes, common.attributes),
        relationships=_carried(own.relationships, base.relationships, common.relationships),
    )


def _carried(own: Sequence[Part], before: Sequence[Part], after: Sequence[Part]) -> tuple[Part, ...]:
    """Return parts after a change of what others show: those that were own or are new, and those that others lacked."""
    owned, known = {one.name for one in own}, {one.name for one in before}
    kept: list[Part] = [one for one in after if one.name in owned or one.name not in known]
    kept += [one for one in own if one.name not in known]
    return tuple(kept)


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


def without_relationships(resource: Resource, names: Iterable[str]) -> Resource:
    """Return a resource without some relationships."""
    gone = frozenset(names)
    return replace(resource, relationships=tuple(one for one in resource.relationships if one.name not in gone))


def lacking(surface: Surface, ids: Iterable[str], **members: Collection[str]) -> Surface:
    """Return the surface in which operations lack names: `lacking(surface, ids, includes=names, sparse=types)`."""

    narrower = {
        one: {member: _rest(getattr(surface.operations[one], member), gone) for member, gone in members.items()}
        for one in ids
        if one in surface.operations
    }
    return with_operations(surface, narrower)


def _rest(have: Any, gone: Collection[str]) -> Any:
    """Return names, or a mapping by name, without some of them."""
    if isinstance(have, Mapping):
        return {name: each for name, each in have.items() if name not in gone}
    return tuple(name for name in have if name not in gone)


def unsized(surface: Surface, ids: Iterable[str]) -> Surface:
    """Return the surface in which the pages of lists have one size, which cannot be asked for."""
    pages = {one: surface.operations[one].page or Page() for one in ids if one in surface.operations}
    return with_operations(surface, {one: {"page": replace(page, fixed=True)} for one, page in pages.items()})


def without_attributes(resource: Resource, names: Iterable[str]) -> Resource:
    """Return a resource without some attributes."""
    gone = frozenset(names)
    return replace(resource, attributes=tuple(one for one in resource.attributes if one.name not in gone))
