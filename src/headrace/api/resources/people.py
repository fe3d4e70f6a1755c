"""What the people side of the API shows, and where its rows come from.

What is here: the resources profile and list with their tables and the loaders of their relationships. What is not:
metrics and events (`happenings`), and the operations, one module per resource beside this one. Follows reference 7.1.
Our choice: relationships to what is not built yet (segments, push tokens) are left out, because their
links would lead nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select

from headrace.api.resources import flow_triggers, profile_fields
from headrace.jsonapi.operation import Call, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t
from headrace.storage.consents import Purpose

CREATED = Attribute("created", datetime, lambda row: row["created_at"])
UPDATED = Attribute("updated", datetime, lambda row: row["updated_at"])

# --- profile --------------------------------------------------------------------------------------------------------

JOINED = Attribute("joined_group_at", datetime, lambda row: row["joined_at"])

PROFILE = Resource(
    "profile",
    "/api/profiles/{id}",
    (
        *(Attribute(name, str) for name in profile_fields.TEXTS),
        CREATED,
        UPDATED,
        Attribute("last_event_date", datetime, lambda row: row["last_event_at"]),
        Attribute("location", dict[str, Any], profile_fields.location, subfields=profile_fields.LOCATION_NAMES),
        Attribute("properties", dict[str, Any]),
        Attribute(
            "subscriptions",
            dict[str, Any],
            profile_fields.subscriptions,
            on_request=True,
            subfields=profile_fields.SUBSCRIPTION_NAMES,
        ),
        Attribute(
            "predictive_analytics",
            dict[str, Any],
            profile_fields.predictive_analytics,
            on_request=True,
            subfields=profile_fields.PREDICTIVE_NAMES,
        ),
    ),
    (Relationship("lists", "list", many=True),),
)

MEMBER = Resource(PROFILE.type, PROFILE.path, (*PROFILE.attributes, JOINED), PROFILE.relationships)
"""A profile as a list shows it: with the time at which it joined."""

_PROFILE_COLUMNS = (
    t.profile.c.profile_id.label("id"),
    *(t.profile.c[name] for name in (*profile_fields.TEXTS, "timezone", "location", "properties")),
    t.profile.c.created_at,
    t.profile.c.updated_at,
    t.profile.c.last_event_at,
)

_CONSENTS = (
    select(
        func.jsonb_agg(
            func.jsonb_build_array(
                t.consent.c.channel,
                t.consent.c.subscription,
                func.date_trunc("second", t.consent.c.changed_at),
                t.consent.c.method,
                t.consent.c.detail,
            )
        )
    )
    .where(
        t.consent.c.bucket == t.profile.c.bucket,
        t.consent.c.account_id == t.profile.c.account_id,
        t.consent.c.profile_id == t.profile.c.profile_id,
        t.consent.c.purpose == int(Purpose.MARKETING),
    )
    .correlate(t.profile)
    .scalar_subquery()
    .label("consents")
)


def _profiles(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's profiles, with their consents only where these are asked for."""
    statement = select(*_PROFILE_COLUMNS).where(t.profile.c.account_id == call.ctx.account_id)
    return statement.add_columns(_CONSENTS) if _asks_subscriptions(call) else statement


def _asks_subscriptions(call: Call[Any, Any]) -> bool:
    asked = call.query.additional.get("profile", frozenset()) | call.query.fields.get("profile", frozenset())
    return any(name.split(".", 1)[0] == "subscriptions" for name in asked)


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
    """Narrow members to those of one list."""
    return statement.where(t.membership.c.group_id == group_id)


async def _lists_of_profiles(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    statement = (
        _lists(call)
        .add_columns(t.membership.c.profile_id.label("parent_id"))
        .join(t.membership, t.membership.c.group_id == t.profile_group.c.group_id)
        .where(
            t.membership.c.account_id == call.ctx.account_id,
            t.membership.c.profile_id.in_([row["id"] for row in rows]),
        )
        .order_by(t.profile_group.c.group_id)
    )
    return by_parent(await call.ctx.fetch(statement))


def by_parent(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows by their `parent_id`, in the order in which they come."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["parent_id"]), []).append(row)
    return found


PROFILES = Table(_profiles, t.profile.c.profile_id, loaders={"lists": _lists_of_profiles})
MEMBERS = Table(_members, t.profile.c.profile_id)

# --- list -----------------------------------------------------------------------------------------------------------

LIST = Resource(
    "list",
    "/api/lists/{id}",
    (
        Attribute("name", str),
        CREATED,
        UPDATED,
        Attribute("opt_in_process", str),
        Attribute("profile_count", int, on_request=True),
    ),
    (Relationship("profiles", "profile", many=True), flow_triggers.RELATIONSHIP),
)

_LIST_COLUMNS = (
    t.profile_group.c.group_id.label("id"),
    t.profile_group.c.name,
    t.profile_group.c.opt_in_process,
    t.profile_group.c.created_at,
    t.profile_group.c.updated_at,
)

_PROFILE_COUNT = (
    select(func.count())
    .select_from(t.membership)
    .where(
        t.membership.c.account_id == t.profile_group.c.account_id,
        t.membership.c.group_id == t.profile_group.c.group_id,
    )
    .correlate(t.profile_group)
    .scalar_subquery()
    .label("profile_count")
)


def _lists(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's lists, with their sizes only where these are asked for: counting takes its time."""
    statement = select(*_LIST_COLUMNS).where(
        t.profile_group.c.account_id == call.ctx.account_id, t.profile_group.c.kind == "list"
    )
    asked = call.query.additional.get("list", frozenset()) | call.query.fields.get("list", frozenset())
    return statement.add_columns(_PROFILE_COUNT) if "profile_count" in asked else statement


def of_profile(_: Call[Any, Any], statement: Select[Any], profile_id: Any) -> Select[Any]:
    """Narrow lists to those that a profile is in."""
    groups = select(t.membership.c.group_id).where(
        t.membership.c.account_id == t.profile_group.c.account_id, *profile_fields.own_bucket(t.membership, profile_id)
    )
    return statement.where(t.profile_group.c.group_id.in_(groups))


LISTS = Table(_lists, t.profile_group.c.group_id, loaders={flow_triggers.NAME: flow_triggers.loader("list")})
