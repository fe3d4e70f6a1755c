"""2026-07-15: a person may have several conversations, one per channel; before, there was one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.api.revisions import Change, Surface, people
from headrace.api.revisions.rows import with_operations
from headrace.jsonapi.resource import Relationship

MANY, ONE = "conversations", "conversation"


def before(surface: Surface) -> Surface:
    """Return the surface in which a profile has one conversation."""
    return with_operations(surface, {one: _with_one(surface, one) for one in (people.LIST, people.ONE)})


def _with_one(surface: Surface, operation: str) -> dict[str, Any]:
    row = surface.operations[operation]
    profile = row.resource or surface.resources["profile"]
    related = tuple(Relationship(ONE, ONE) if one.name == MANY else one for one in profile.relationships)
    return {
        "resource": replace(profile, relationships=related),
        "includes": tuple(ONE if name == MANY else name for name in row.includes),
    }


CHANGE = Change("2026-07-15", before)
