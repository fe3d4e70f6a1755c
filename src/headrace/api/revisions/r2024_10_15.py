"""2024-10-15: parts of tracking options and of contents can be asked for; a renamed tag group is no longer answered.

Metrics, lists and segments include the flows they start. People consent to transactional text messages, are looked up
by what suppresses them, and show more on request when they are written.
Links without a slash at their end and the media type, which came with it too, are written by the application.
Our choice: the source does not date the change of the tag groups' answer; it differs between 2024-02-15 and 2026-07-15.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.api.revisions import Change, Surface, people
from headrace.api.revisions.groups import unasked_triggers
from headrace.api.revisions.rows import with_operations, with_resources
from headrace.jsonapi.resource import Resource


def before(surface: Surface) -> Surface:
    """Return the surface in which these attributes are shown whole or not at all."""
    changed = with_resources(
        surface,
        [
            _whole(surface.resources["flow-action"], "tracking_options"),
            _whole(surface.resources["flow-message"], "content"),
        ],
    )
    changed = unasked_triggers(with_operations(changed, {"update_tag_group": {"status": 200}}))
    return people.plain_writes(people.without_parts(changed, "subscriptions", ("sms.transactional",)))


def _whole(resource: Resource, name: str) -> Resource:
    attributes = tuple(replace(one, subfields=()) if one.name == name else one for one in resource.attributes)
    return replace(resource, attributes=attributes)


CHANGE = Change("2024-10-15", before)
