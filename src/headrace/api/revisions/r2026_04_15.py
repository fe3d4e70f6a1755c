"""2026-04-15: relationships carry their data, `fields[...]` is taken by writes and reports, actions can be deleted.

Documents of one resource and of relationships link to themselves since, most lists take the size of a page, people lead
to their conversation and tell whether the tracking of opens was allowed, events are filtered by metric, and templates
show their definition on request.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.api.revisions import Change, Surface, people
from headrace.api.revisions.rows import (
    each_operation,
    lacking,
    unsized,
    with_resources,
    without_attributes,
    without_linkage,
)
from headrace.jsonapi.operation import Operation

UNSIZED = (
    *("get_events", "get_lists", "get_segments", "get_templates", "get_tags", "get_tag_groups"),
    "get_campaigns",
)
EVENTS = ("get_events", "get_event")
TEMPLATES = ("get_templates", "get_template", "create_template", "update_template")
WEBHOOKS = ("get_webhooks", "get_webhook", "get_webhook_topics", "get_webhook_topic")


def before(surface: Surface) -> Surface:
    """Return the surface without linkage that nobody asked for, and writes without sparse fields."""
    changed = each_operation(without_linkage(surface), _plain_write)
    changed = lacking(changed, EVENTS, sparse=("attribution",), filters=("metric",))
    changed = lacking(changed, WEBHOOKS, sparse=("webhook-topic",))
    changed = lacking(people.without_conversation(changed), (people.LIST,), sparse=("push-token",))
    changed = people.without_parts(changed, "subscriptions", ("email.open_tracking",))
    return unsized(_without_definitions(changed), UNSIZED)


def _plain_write(one: Operation) -> Operation:
    sparse = one.sparse if one.method == "GET" else ()
    return replace(one, sparse=sparse, own_link=not one.path.startswith("/api/"))


def _without_definitions(surface: Surface) -> Surface:
    template = without_attributes(surface.resources["template"], ("definition",))
    return lacking(with_resources(surface, [template]), TEMPLATES, additional=("template",))


CHANGE = Change("2026-04-15", before)
