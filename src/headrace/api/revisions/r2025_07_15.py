"""2025-07-15: people lead to the push tokens of their devices, and push messages say what their badge shows.

Both came with 2025-04-15, which is served as the revision before it.
"""

from __future__ import annotations

from headrace.api.revisions import Change, Surface, people
from headrace.api.revisions.rows import with_resources, without_attributes


def before(surface: Surface) -> Surface:
    """Return the surface without push tokens of people and without badges."""
    action = without_attributes(surface.resources["flow-action"], ("badge_options",))
    return people.without_devices(with_resources(surface, [action]))


CHANGE = Change("2025-07-15", before)
