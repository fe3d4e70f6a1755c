"""Revisions: which are served, which one a request gets, and how older ones differ from the newest.

What is here: the table of revisions, the rules of the `revision` header, and the chain of changes. What is not: any one
difference (`r<date>.py` beside this file). The core speaks the newest revision; a `Change` tells backwards what its
revision brought: it takes the surface with it and returns the surface just before. An older revision is the newest one
after all changes younger than itself. Follows DESIGN section 4 and reference 7.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from headrace.errors import Gone, Invalid
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

SERVED = (
    "2024-02-15",
    "2024-07-15",
    "2024-10-15",
    "2025-01-15",
    "2025-07-15",
    "2025-10-15",
    "2026-01-15",
    "2026-04-15",
    "2026-07-15",
    "2026-10-15",
)
"""The revisions that are served, oldest first. Source: DESIGN section 4."""
OLDEST, NEWEST = SERVED[0], SERVED[-1]
FIRST_WITHOUT_SLASH = "2024-10-15"
"""From here on links do not end in a slash and answers are `application/vnd.api+json`. Source: reference 7.1."""

HEADER = "revision"
OPT_OUT = "X-Klaviyo-Revision-Fall-Forward-Opt-Out"

_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.pre)?")


def served_revision(header: str | None, today: date, *, opt_out: bool = False) -> str:
    """Return the revision that serves a request with this `revision` header.

    Raises `Invalid` for a header that is missing, malformed or later than today, and `Gone` for a retired revision when
    the caller opted out of falling forward. Our choice: a revision that is served is never "later than today", so that
    a machine with a slow calendar still serves it.
    """
    asked = _asked(header)
    if asked > max(today.isoformat(), NEWEST):
        raise Invalid(
            f'The revision "{asked}" is later than today, {today.isoformat()}; the newest is {NEWEST}.',
            parameter=HEADER,
        )
    if asked < OLDEST and opt_out:
        raise Gone(f'The revision "{asked}" is retired; the oldest served is {OLDEST}.', parameter=HEADER)
    return max((one for one in SERVED if one <= asked), default=OLDEST)


def _asked(header: str | None) -> str:
    text = (header or "").strip()
    if not text:
        raise Invalid(f"The header {HEADER} is required; it names a revision, like {NEWEST}.", parameter=HEADER)
    found = _DATE.fullmatch(text)
    try:
        return date.fromisoformat(found[1] if found else text[:0]).isoformat()
    except ValueError:
        raise Invalid(f'The revision is "{text[:80]}"; it must be a date, like {NEWEST}.', parameter=HEADER) from None


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The API as one revision shows it: its operations by id and its resources by type."""

    operations: Mapping[str, Operation]
    resources: Mapping[str, Resource]

    @classmethod
    def of(cls, operations: Sequence[Operation], resources: Sequence[Resource]) -> Surface:
        """Return the surface of rows; raises `ValueError` for two rows with the same id or type."""
        surface = cls({one.id: one for one in operations}, {one.type: one for one in resources})
        if len(surface.operations) != len(operations) or len(surface.resources) != len(resources):
            raise ValueError("two operations share an id, or two resources a type")
        return surface


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What the revision `date` brought, told backwards: `before` returns the surface of the revision just before it.

    `before` replaces rows: an operation gets other filters, includes, sizes, another body model or a command that lifts
    an old body up to the new one; a resource gets the attributes it had.
    """

    date: str
    before: Callable[[Surface], Surface]


def surface_of(newest: Surface, changes: Sequence[Change], revision: str) -> Surface:
    """Return the surface of a revision: the newest one with every younger change taken back, youngest first.

    Operations that came after the revision (`since`) or were gone by then (`until`) are left out.
    """
    surface = newest
    for change in sorted(changes, key=lambda one: one.date, reverse=True):
        if change.date > revision:
            surface = change.before(surface)
    kept = {one.id: one for one in surface.operations.values() if exists_in(one, revision)}
    return Surface(kept, surface.resources)


def exists_in(operation: Operation, revision: str) -> bool:
    """Return whether a revision has an operation."""
    begun = operation.since is None or operation.since <= revision
    return begun and (operation.until is None or revision < operation.until)
