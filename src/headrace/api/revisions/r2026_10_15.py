"""2026-10-15: campaigns are filtered by the builder that made them.

Actions are inserted into flows since (`since` of the row says so), and documents may carry `meta`, for which Headrace
has no use. There is no description of this revision; Source: reference 8.1 and the models of the official SDK.
"""

from __future__ import annotations

from headrace.api.revisions import Change, Surface
from headrace.api.revisions.rows import lacking


def before(surface: Surface) -> Surface:
    """Return the surface without what this revision brought."""
    return lacking(surface, ("get_campaigns",), filters=("builder",))


CHANGE = Change("2026-10-15", before)
