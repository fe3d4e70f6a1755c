"""2025-01-15: flows can be created and show their definition, templates have an AMP part, id lists have cursors.

A page of members' ids is no longer than one of members.

Our choice: before, creating or changing a template with an AMP part is refused as an unknown field would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.api.commands.templates import ATTRIBUTES
from headrace.api.revisions import Change, Surface, groups
from headrace.api.revisions.rows import with_operations, with_resources, without_attributes
from headrace.errors import Invalid
from headrace.jsonapi.query import Page
from headrace.jsonapi.serve import Incoming

WIDE = Page(50, 100)
"""The page of the two lists that had no cursor and up to 100 rows. Source: reference 8.1."""


def before(surface: Surface) -> Surface:
    """Return the surface without definitions and AMP, and with the narrower lists of actions' ids."""
    flow = surface.resources["flow"]
    changed = with_resources(
        surface,
        [
            without_attributes(flow, ["definition"]),
            without_attributes(surface.resources["template"], ["amp"]),
        ],
    )
    ids = surface.operations["get_action_ids_for_flow"]
    return with_operations(
        groups.wide_ids(changed),
        {
            "get_flow": {"additional": {}},
            "get_action_ids_for_flow": {
                "filters": {
                    name: replace(rule, operators=("equals",)) if name == "action_type" else rule
                    for name, rule in ids.filters.items()
                    if name != "id"
                },
                "sorts": {name: key for name, key in ids.sorts.items() if name != "action_type"},
                "page": WIDE,
            },
            "get_flow_action_messages": {"page": WIDE},
        },
    )


def without_amp(incoming: Incoming) -> Incoming:
    """Return the request; raises `Invalid` when it gives a template an AMP part."""
    attributes: Any = incoming.body
    for name in ("data", "attributes"):
        attributes = attributes.get(name) if isinstance(attributes, Mapping) else None
    if isinstance(attributes, Mapping) and "amp" in attributes:
        raise Invalid('"amp" is not known to this revision.', pointer=f"{ATTRIBUTES}/amp")
    return incoming


CHANGE = Change("2025-01-15", before, up={"create_template": without_amp, "update_template": without_amp})
