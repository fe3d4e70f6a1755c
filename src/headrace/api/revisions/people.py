"""What older revisions show of people. Our choice: what the sources do not date came right after 2024-02-15."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.api.resources import profile_fields
from headrace.api.revisions import Surface
from headrace.api.revisions.rows import with_operations, with_resources
from headrace.jsonapi.resource import Attribute, Resource, Row

GROUPS = ("lists", "segments")
LATER_ATTRIBUTES = ("locale",)
LATER_PREDICTION = "ranked_channel_affinity"
FIRST_CHANNELS: Mapping[str, tuple[str, ...]] = {"email": ("marketing",), "sms": ("marketing",)}
WRITES = ("create_profile", "update_profile", "create_or_update_profile")


def without_later(surface: Surface) -> Surface:
    """Return the surface of 2024-02-15: people without devices and conversations, consent to marketing alone."""
    shown: dict[str, dict[str, Any]] = {
        "get_profiles": {"includes": (), "sparse": ("profile",)},
        "get_profile": {"includes": GROUPS, "sparse": ("profile", "list", "segment")},
        **{one: {"additional": {}} for one in WRITES},
    }
    return with_operations(with_resources(surface, [_first_profile(surface.resources["profile"])]), shown)


def _first_profile(profile: Resource) -> Resource:
    attributes = [_first(one) for one in profile.attributes if one.name not in LATER_ATTRIBUTES]
    related = tuple(one for one in profile.relationships if one.name in GROUPS)
    return replace(profile, attributes=tuple(attributes), relationships=related)


def _first(one: Attribute) -> Attribute:
    match one.name:
        case "subscriptions":
            names = tuple(name for name in one.subfields if _was_there(name))
            return replace(one, read=_first_subscriptions, subfields=names)
        case "predictive_analytics":
            names = tuple(name for name in one.subfields if not name.endswith(LATER_PREDICTION))
            return replace(one, read=_first_predictions, subfields=names)
        case _:
            return one


def _was_there(name: str) -> bool:
    _, channel, *rest = name.split(".")
    return channel in FIRST_CHANNELS and (not rest or rest[0] in FIRST_CHANNELS[channel])


def _first_subscriptions(row: Row) -> dict[str, Any]:
    whole = profile_fields.subscriptions(row)
    return {channel: {name: whole[channel][name] for name in names} for channel, names in FIRST_CHANNELS.items()}


def _first_predictions(row: Row) -> dict[str, Any]:
    whole = profile_fields.predictive_analytics(row)
    return {name: value for name, value in whole.items() if name != LATER_PREDICTION}
