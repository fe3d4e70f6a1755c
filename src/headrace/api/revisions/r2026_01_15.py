"""2026-01-15: messages name their channel again, flows may say who re-enters, reports group and filter more widely.

Members of segments can be looked up by id, and templates by a part of their name.
A split into several branches is one action since; before, it was a `split` and `branch` actions (`flows.old_branches`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.api.revisions import Change, Surface, groups
from headrace.api.revisions.reports import FEW_LINKS, FIRST_GROUPINGS, narrow_filter, refused_by, unknown_names
from headrace.api.revisions.rows import with_operations, with_resources, without_attributes
from headrace.errors import Problem
from headrace.flows.old_branches import apart, together
from headrace.jsonapi.resource import Resource, Row
from headrace.jsonapi.serve import Incoming
from headrace.reports.grouping import GROUPINGS

LATER_GROUPINGS = frozenset(GROUPINGS) - frozenset(FIRST_GROUPINGS)


def before(surface: Surface) -> Surface:
    """Return the surface without channels of messages, re-entry criteria and multi-branch splits."""
    messages = without_attributes(surface.resources["flow-message"], ["channel"])
    changed = with_resources(surface, [messages, _older_definitions(surface.resources["flow"])])
    return groups.members_by_anything_but_id(_by_whole_name(with_operations(changed, FEW_LINKS)))


def _by_whole_name(surface: Surface) -> Surface:
    filters = surface.operations["get_templates"].filters
    whole = {"name": replace(filters["name"], operators=("any", "equals"))}
    return with_operations(surface, {"get_templates": {"filters": {**filters, **whole}}})


def _older_definitions(flow: Resource) -> Resource:
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
    return apart({name: value for name, value in row["definition"].items() if name != "reentry_criteria"})


def with_branches(incoming: Incoming) -> Incoming:
    """Return the request with its `split` and `branch` actions brought together."""
    body: Any = incoming.body
    data: Any = body.get("data") if isinstance(body, dict) else None
    attributes: Any = data.get("attributes") if isinstance(data, dict) else None
    if not isinstance(attributes, dict) or "definition" not in attributes:
        return incoming
    attributes = {**attributes, "definition": together(attributes["definition"])}
    return replace(incoming, body={**body, "data": {**data, "attributes": attributes}})


def narrow(attributes: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each grouping and filter that this revision brought."""
    return [*unknown_names(attributes, "group_by", LATER_GROUPINGS), *narrow_filter(attributes)]


CHANGE = Change("2026-01-15", before, up={**refused_by(narrow), "create_flow": with_branches})
