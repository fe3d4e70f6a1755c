"""2026-07-15: a person may have several conversations, one per channel; before, there was one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.api.revisions import Change, Surface
from headrace.api.revisions.rows import with_operations, with_resources
from headrace.jsonapi.resource import Relationship

MANY, ONE = "conversations", "conversation"


def before(surface: Surface) -> Surface:
    """Return the surface in which a profile has one conversation."""
    profile = surface.resources["profile"]
    related = tuple(
        Relationship(ONE, ONE) if relationship.name == MANY else relationship for relationship in profile.relationships
    )
    changed = with_resources(surface, [replace(profile, relationships=related)])
    return with_operations(changed, {one: _with_one(surface, one) for one in ("get_profiles", "get_profile")})


def _with_one(surface: Surface, operation: str) -> dict[str, Any]:
    includes = surface.operations[operation].includes
    return {"includes": tuple(ONE if name == MANY else name for name in includes)}


CHANGE = Change("2026-07-15", before)
