"""What the API shows of profiles, alone and as members of a list or segment, and where their rows come from.

What is here: the resource profile with its tables and the loaders of its lists and segments. What is not: lists and
segments themselves (`group_tables`), metrics and events (`happenings`), and the operations, one module per resource
beside this one. Follows reference 7.1.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, select

from headrace.api.resources import conversation_tables, profile_fields, push_token_tables
from headrace.api.resources.group_tables import CREATED, LISTS, SEGMENTS, UPDATED, of_profiles
from headrace.api.resources.profile_columns import with_asked
from headrace.api.resources.shown_people import PredictiveAnalytics, ProfileLocation, Subscriptions
from headrace.jsonapi.operation import Call, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource
from headrace.storage import tables as t

JOINED = Attribute("joined_group_at", datetime, lambda row: row["joined_at"])

PROFILE = Resource(
    "profile",
    "/api/profiles/{id}",
    (
        *(Attribute(name, str | None) for name in profile_fields.TEXTS),
        CREATED,
        UPDATED,
        Attribute("last_event_date", datetime | None, lambda row: row["last_event_at"]),
        Attribute("location", ProfileLocation, profile_fields.location, subfields=profile_fields.LOCATION_NAMES),
        Attribute("properties", dict[str, Any]),
        Attribute(
            "subscriptions",
            Subscriptions,
            profile_fields.subscriptions,
            on_request=True,
            subfields=profile_fields.SUBSCRIPTION_NAMES,
        ),
        Attribute(
            "predictive_analytics",
            PredictiveAnalytics,
            profile_fields.predictive_analytics,
            on_request=True,
            subfields=profile_fields.PREDICTIVE_NAMES,
        ),
    ),
    (
        Relationship("lists", "list", many=True),
        Relationship("segments", "segment", many=True),
        Relationship("push-tokens", "push-token", many=True),
    ),
)

ASKED = replace(
    PROFILE, relationships=(*PROFILE.relationships, Relationship("conversations", "conversation", many=True))
)
"""A profile where people are what is asked for: it alone leads to conversations."""

MEMBER = Resource(PROFILE.type, PROFILE.path, (*PROFILE.attributes, JOINED), PROFILE.relationships)
"""A profile as a list or segment shows it: with the time at which it joined."""

_PROFILE_COLUMNS = (
    t.profile.c.profile_id.label("id"),
    *(t.profile.c[name] for name in (*profile_fields.TEXTS, "timezone", "location", "properties")),
    t.profile.c.created_at,
    t.profile.c.updated_at,
    t.profile.c.last_event_at,
)


def _profiles(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's profiles, with their consents and predictions only where these are asked for."""
    return with_asked(call, select(*_PROFILE_COLUMNS).where(t.profile.c.account_id == call.ctx.account_id))


def _members(call: Call[Any, Any]) -> Select[Any]:
    return (
        _profiles(call)
        .add_columns(t.membership.c.joined_at)
        .join(t.membership, _of_profile(t.membership))
        .where(t.membership.c.account_id == call.ctx.account_id)
    )


def _of_profile(table: Any) -> Any:
    return and_(
        table.c.bucket == t.profile.c.bucket,
        table.c.account_id == t.profile.c.account_id,
        table.c.profile_id == t.profile.c.profile_id,
    )


def in_group(_: Call[Any, Any], statement: Select[Any], group_id: Any) -> Select[Any]:
    """Narrow members to those of one list or segment."""
    return statement.where(t.membership.c.group_id == group_id)


PROFILES = Table(
    _profiles,
    t.profile.c.profile_id,
    loaders={
        "lists": of_profiles(LISTS),
        "segments": of_profiles(SEGMENTS),
        "push-tokens": push_token_tables.of_profiles,
        "conversations": conversation_tables.of_profiles,
        "conversation": conversation_tables.of_profiles,
    },
)
MEMBERS = Table(_members, t.profile.c.profile_id)
