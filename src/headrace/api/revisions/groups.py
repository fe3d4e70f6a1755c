"""What older revisions show of lists and segments, and lack of their operations.

What is here: words for the revisions that say so. Source: the descriptions of 2024-02-15 and 2026-04-15, and between
them the models of the official SDK's releases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.api.revisions import Surface
from headrace.api.revisions.reports import refusing, unknown_member
from headrace.api.revisions.rows import (
    lacking,
    with_operations,
    with_resources,
    without_attributes,
    without_relationships,
)
from headrace.errors import Problem
from headrace.jsonapi.query import Page

LISTINGS = ("get_lists", "get_segments")
WIDE = Page(20, 1000)
"""The page of members' ids before 2025-01-15."""
STARTING = ("metric", "list", "segment")
TRIGGERS = "flow-triggers"


def unasked_triggers(surface: Surface) -> Surface:
    """Return the surface in which the flows that a metric, list or segment starts are related, but not included."""
    ids = [one for name in STARTING for one in (f"get_{name}s", f"get_{name}")]
    return lacking(surface, ids, includes=(TRIGGERS,), sparse=("flow",))


def without_triggers(surface: Surface) -> Surface:
    """Return the surface in which nothing tells of the flows that a metric, list or segment starts."""
    return with_resources(surface, [without_relationships(surface.resources[name], (TRIGGERS,)) for name in STARTING])


def wide_ids(surface: Surface) -> Surface:
    """Return the surface whose pages of members' ids may be long."""
    return with_operations(surface, {f"get_profile_ids_for_{one}": {"page": WIDE} for one in ("list", "segment")})


def members_by_anything_but_id(surface: Surface) -> Surface:
    """Return the surface in which members of segments are not looked up by their ids."""
    return lacking(surface, ("get_profiles_for_segment", "get_profile_ids_for_segment"), filters=("profile_id",))


def first_shape(surface: Surface) -> Surface:
    """Return the surface of 2024-02-15: segments without definition, listings in one order only."""
    bare = without_triggers(surface)
    plain: dict[str, Mapping[str, Any]] = {one: {"sorts": {}} for one in LISTINGS}
    segment = without_attributes(bare.resources["segment"], ["definition"])
    return with_operations(with_resources(bare, [segment]), plain)


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
