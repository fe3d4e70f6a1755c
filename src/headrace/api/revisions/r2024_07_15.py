"""2024-07-15: a report no longer links to itself inside its data; segments are made and deleted over the API.

A segment shows its definition since (2024-06-15).
"""

from __future__ import annotations

from headrace.api.revisions import Change, Surface, groups
from headrace.api.revisions.people import without_later
from headrace.api.revisions.reports import OWN_LINK
from headrace.api.revisions.rows import with_operations


def before(surface: Surface) -> Surface:
    """Return the surface of 2024-02-15, whose reports hold their own link. Source: reference 6.4."""
    linked = with_operations(surface, OWN_LINK)
    return without_later(groups.first_shape(linked))


CHANGE = Change("2024-07-15", before, up=groups.FIRST_BODIES)
