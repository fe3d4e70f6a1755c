"""What older revisions show of people.

What is here: words for the revisions that say so. Source: the descriptions of 2024-02-15, 2026-04-15 and 2026-07-15,
and between them the models of the official SDK's releases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from headrace.api.revisions import Surface
from headrace.api.revisions.rows import lacking, with_operations, with_resources, without_attributes
from headrace.jsonapi.resource import Attribute, Resource, Row

LIST, ONE = "get_profiles", "get_profile"
WRITES = ("create_profile", "update_profile", "create_or_update_profile")
ABOUT_SUPPRESSION = (
    "subscriptions.email.marketing.suppression.reason",
    "subscriptions.email.marketing.suppression.timestamp",
    "subscriptions.email.marketing.list_suppressions.reason",
    "subscriptions.email.marketing.list_suppressions.timestamp",
    "subscriptions.email.marketing.list_suppressions.list_id",
)


def without_parts(surface: Surface, attribute: str, paths: Collection[str]) -> Surface:
    """Return the surface whose people lack parts of an attribute, each by its dotted path below the attribute."""
    return with_resources(surface, [_narrowed(surface.resources["profile"], attribute, paths)])


def _narrowed(profile: Resource, attribute: str, paths: Collection[str]) -> Resource:
    changed = (_without(one, paths) if one.name == attribute else one for one in profile.attributes)
    return replace(profile, attributes=tuple(changed))


def _without(one: Attribute, paths: Collection[str]) -> Attribute:
    gone = tuple(f"{one.name}.{path}" for path in paths)
    known = tuple(name for name in one.subfields if not any(f"{name}.".startswith(f"{path}.") for path in gone))

    def read(row: Row) -> Any:
        value = one.value(row)
        for path in paths:
            value = _cut(value, path.split("."))
        return value

    return replace(one, read=read, subfields=known)


def _cut(value: Any, path: list[str]) -> Any:
    """Return a map without what stands at a path in it."""
    name, *below = path
    if not isinstance(value, Mapping) or name not in value:
        return value
    if not below:
        return {key: each for key, each in value.items() if key != name}
    return {**value, name: _cut(value[name], below)}


def without_conversation(surface: Surface) -> Surface:
    """Return the surface in which nothing leads from a person to a conversation."""
    bare = {one: {"resource": surface.resources["profile"]} for one in (LIST, ONE)}
    changed = with_operations(surface, bare)
    return lacking(changed, (LIST, ONE), includes=("conversation",), sparse=("conversation",))


def without_devices(surface: Surface) -> Surface:
    """Return the surface in which nothing leads from a person to push tokens."""
    profile = surface.resources["profile"]
    related = tuple(one for one in profile.relationships if one.name != "push-tokens")
    changed = with_resources(surface, [replace(profile, relationships=related)])
    return lacking(changed, (LIST, ONE), includes=("push-tokens",), sparse=("push-token",))


def plain_writes(surface: Surface) -> Surface:
    """Return the surface whose writes answer no more than asked, and where nobody is looked up by suppression."""
    bare: dict[str, Mapping[str, Any]] = {one: {"additional": {}} for one in WRITES}
    return lacking(with_operations(surface, bare), (LIST,), filters=ABOUT_SUPPRESSION)


def first_shape(surface: Surface) -> Surface:
    """Return the surface of 2024-02-15: people without locale, and no consent to push messages."""
    bare = with_resources(surface, [without_attributes(surface.resources["profile"], ("locale",))])
    return without_parts(bare, "subscriptions", ("mobile_push",))
