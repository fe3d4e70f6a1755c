"""Revisions: which are served, which one a request gets, and how older ones differ from the newest.

What is here: the table of revisions, the rules of the `revision` header, and the chain of changes. What is not: any one
difference (`r<date>.py` beside this file) and their table (`changes`). The core speaks the newest revision; a `Change`
tells backwards what its revision brought: it takes the surface with it and returns the surface just before. An older
revision is the newest one after all changes younger than itself. Follows DESIGN section 4 and reference 7.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from headrace.errors import Gone, Invalid
from headrace.jsonapi.context import EMPTY, Context
from headrace.jsonapi.operation import Operation, Reply
from headrace.jsonapi.resource import Resource, Resources
from headrace.jsonapi.serve import Incoming

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


@lru_cache(1024)
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
    """What the revision `date` brought, told backwards.

    `before` returns the surface of the revision just before it: an operation gets other filters, includes, sizes or
    another body model, a resource the attributes it had. `up` brings a request from that revision to this one and
    `down` takes a successful answer back, each by operation id; an operation that is not named is not touched.
    """

    date: str
    before: Callable[[Surface], Surface] = lambda surface: surface
    up: Mapping[str, Callable[[Incoming], Incoming]] = field(default_factory=lambda: EMPTY)
    down: Mapping[str, Callable[[Reply], Reply]] = field(default_factory=lambda: EMPTY)


def _read_carefully(surface: Surface, changed: Collection[str]) -> Surface:
    """Return the surface whose bodies of these operations are all read so that they can be brought up to date."""
    operations = surface.operations
    read = {key: replace(operations[key], read=None) for key in changed if key in operations}
    return Surface({**operations, **read}, surface.resources)


@dataclass(frozen=True, slots=True, eq=False)
class Revisions:
    """Every served revision's surface, and the way of a request up to the newest and of an answer back."""

    surfaces: Mapping[str, Surface]
    changes: Sequence[Change]

    @classmethod
    def of(cls, newest: Surface, changes: Sequence[Change]) -> Revisions:
        """Work out the surface of every revision: the newest with every younger change taken back, youngest first."""
        ordered = sorted(changes, key=lambda one: one.date)
        surfaces, surface, younger = {}, newest, list(ordered)
        for revision in reversed(SERVED):
            while younger and younger[-1].date > revision:
                change = younger.pop()
                surface = _read_carefully(change.before(surface), change.up)
            surfaces[revision] = surface
        return cls(surfaces, ordered)

    def look(self, ctx: Context[Any], operation: Operation) -> tuple[Operation, Resources]:
        """Return an operation's row and all resources as the caller's revision knows them."""
        surface = self.surfaces[ctx.revision]
        return surface.operations.get(operation.id, operation), surface.resources

    def up(self, ctx: Context[Any], operation: Operation, incoming: Incoming) -> Incoming:
        """Bring a request of the caller's revision to the newest, oldest change first."""
        for change in self.changes:
            if change.date > ctx.revision and operation.id in change.up:
                incoming = change.up[operation.id](incoming)
        return incoming

    def down(self, ctx: Context[Any], operation: Operation, reply: Reply) -> Reply:
        """Take an answer back to the caller's revision, youngest change first."""
        for change in reversed(self.changes):
            if change.date > ctx.revision and operation.id in change.down:
                reply = change.down[operation.id](reply)
        return reply
