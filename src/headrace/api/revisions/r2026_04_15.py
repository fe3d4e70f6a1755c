"""2026-04-15: relationships carry their data, `fields[...]` is taken by writes and reports, actions can be deleted."""

from __future__ import annotations

from dataclasses import replace

from headrace.api.revisions import Change, Surface
from headrace.api.revisions.rows import each_operation, without_linkage
from headrace.jsonapi.operation import Operation


def before(surface: Surface) -> Surface:
    """Return the surface without linkage that nobody asked for, and writes without sparse fields."""
    return each_operation(without_linkage(surface), _plain_write)


def _plain_write(one: Operation) -> Operation:
    return one if one.method == "GET" else replace(one, sparse=())


CHANGE = Change("2026-04-15", before)
