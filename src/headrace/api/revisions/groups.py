"""What older revisions show of lists and segments, and lack of their operations.

What is here: words for the revisions that say so. Our choice: what the sources do not date is only known to be missing
in 2024-02-15, and taken to have come right after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from headrace.api.revisions import Surface
from headrace.api.revisions.reports import refusing, unknown_member
from headrace.api.revisions.rows import with_operations, with_resources, without_attributes
from headrace.errors import Problem
from headrace.jsonapi.query import Page
from headrace.jsonapi.resource import Resource

LISTINGS = ("get_lists", "get_segments")
WIDE = Page(20, 1000)
"""The page of members' ids in 2024-02-15."""
STARTING = ("metric", "list", "segment")
TRIGGERS = "flow-triggers"


def without_triggers(surface: Surface) -> Surface:
    """Return the surface in which nothing tells of the flows that a metric, list or segment starts."""
    bare = [_without(surface.resources[name], (TRIGGERS,)) for name in STARTING]
    ids = [one for name in STARTING for one in (f"get_{name}s", f"get_{name}")]
    shown = {
        one: {
            "includes": tuple(name for name in surface.operations[one].includes if name != TRIGGERS),
            "sparse": tuple(name for name in surface.operations[one].sparse if name != "flow"),
        }
        for one in ids
    }
    return with_operations(with_resources(surface, bare), shown)


def first_shape(surface: Surface) -> Surface:
    """Return the surface of 2024-02-15: segments without definition, listings in one order only."""
    bare = without_attributes(surface.resources["segment"], ["definition"])
    plain: dict[str, Mapping[str, Any]] = {one: {"sorts": {}} for one in LISTINGS}
    wide = {f"get_profile_ids_for_{one}": {"page": WIDE} for one in ("list", "segment")}
    segments = ("get_profiles_for_segment", "get_profile_ids_for_segment")
    by_id = {one: {"filters": _without_id(surface, one)} for one in segments}
    changed = with_operations(with_resources(surface, [bare]), {**plain, **wide})
    return with_operations(changed, by_id)


def _without_id(surface: Surface, operation: str) -> dict[str, Any]:
    return {name: rule for name, rule in surface.operations[operation].filters.items() if name != "profile_id"}


def _without(resource: Resource, names: Collection[str]) -> Resource:
    return replace(resource, relationships=tuple(one for one in resource.relationships if one.name not in names))


def _first_segment(attributes: Mapping[str, Any]) -> list[Problem]:
    return [problem for name in ("definition", "is_active") for problem in unknown_member(attributes, name)]


def _first_list(attributes: Mapping[str, Any]) -> list[Problem]:
    return unknown_member(attributes, "opt_in_process")


FIRST_BODIES = {
    "update_segment": refusing(_first_segment),
    "create_list": refusing(_first_list),
    "update_list": refusing(_first_list),
}
"""What the bodies of 2024-02-15 refuse, by operation."""
