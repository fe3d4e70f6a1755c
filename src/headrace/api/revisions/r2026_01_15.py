"""2026-01-15: messages name their channel again, flows may say who re-enters, reports group and filter more widely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.api.commands import reports as commands
from headrace.api.revisions import Change, Surface
from headrace.api.revisions.reports import FIRST_GROUPINGS, REPORT, narrow_filter, refusing, unknown_names
from headrace.api.revisions.rows import with_operations, with_resources, without_attributes
from headrace.errors import Problem
from headrace.jsonapi.resource import Resource, Row
from headrace.reports.grouping import GROUPINGS

LATER_GROUPINGS = frozenset(GROUPINGS) - frozenset(FIRST_GROUPINGS)


def before(surface: Surface) -> Surface:
    """Return the surface whose messages have no channel and whose definitions have no re-entry criteria."""
    messages = without_attributes(surface.resources["flow-message"], ["channel"])
    changed = with_resources(surface, [messages, _without_reentry(surface.resources["flow"])])
    return with_operations(changed, {REPORT: {"command": commands.query_with_few_links}})


def _without_reentry(flow: Resource) -> Resource:
    def narrowed(name: str) -> bool:
        return "reentry_criteria" in name

    attributes = tuple(
        replace(one, read=_definition, subfields=tuple(sub for sub in one.subfields if not narrowed(sub)))
        if one.name == "definition"
        else one
        for one in flow.attributes
    )
    return replace(flow, attributes=attributes)


def _definition(row: Row) -> Any:
    return {name: value for name, value in row["definition"].items() if name != "reentry_criteria"}


def narrow(attributes: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each grouping and filter that this revision brought."""
    return [*unknown_names(attributes, "group_by", LATER_GROUPINGS), *narrow_filter(attributes)]


CHANGE = Change("2026-01-15", before, up={REPORT: refusing(narrow)})
