"""2024-07-15: a report no longer links to itself inside its data; segments are made and deleted over the API.

A segment shows its definition since (2024-06-15), accounts and people their locale.
"""

from __future__ import annotations

from headrace.api.revisions import Change, Surface, groups, people
from headrace.api.revisions.reports import OWN_LINK, refusing_later_dimensions
from headrace.api.revisions.rows import with_operations, with_resources, without_attributes


def before(surface: Surface) -> Surface:
    """Return the surface of 2024-02-15, whose reports hold their own link. Source: reference 6.4."""
    linked = with_operations(surface, OWN_LINK)
    account = without_attributes(surface.resources["account"], ("locale",))
    return people.first_shape(groups.first_shape(with_resources(linked, [account])))


CHANGE = Change("2024-07-15", before, up={**groups.FIRST_BODIES, **refusing_later_dimensions()})
