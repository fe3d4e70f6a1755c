"""Campaigns, of which there are none: their collection, and their place in tags.

What is here: what a client needs that lists campaigns, or everything that holds a tag. What is not: making campaigns,
which is no part of Headrace. The table is a statement without rows, so that filters, sorts and pages are checked like
everywhere. Follows the operations' descriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, DateTime, Select, Text, cast, false, null, select

from headrace.api.commands import campaigns as commands
from headrace.api.resources.flow_tables import TAG
from headrace.api.resources.tag_ties import TAGS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import BOUNDS, Filterable
from headrace.jsonapi.operation import Call, M, Operation, Table
from headrace.jsonapi.query import Page, Sortable
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row

CHANNELS = ("email", "mobile_push", "sms")
STATUSES = (
    *("Adding Recipients", "Cancelled", "Cancelled: Account Disabled", "Cancelled: Billing Limit"),
    *("Cancelled: Internal Error", "Cancelled: Misconfigured", "Cancelled: No Recipients"),
    *("Cancelled: Smart Sending", "Draft", "Preparing to schedule", "Preparing to send", "Queued without Recipients"),
    *("Scheduled", "Sending", "Sending Segments", "Sent", "Unknown", "Variations Sent"),
)
TEXTS = ("id", "name", "status", "channel", "builder")
DATES = ("created_at", "scheduled_at", "updated_at")
BOUND = tuple(sorted(BOUNDS))

NONE = (
    select(
        *(cast(null(), Text).label(name) for name in TEXTS),
        *(cast(null(), DateTime(timezone=True)).label(name) for name in DATES),
        cast(null(), Boolean).label("archived"),
    )
    .where(false())
    .subquery("campaign")
)


def _inside(name: str, *parts: str) -> Attribute:
    """Return an attribute that is an object, with the dotted names of its parts."""
    return Attribute(name, dict[str, Any], subfields=tuple(f"{name}.{part}" for part in parts))


CAMPAIGN = Resource(
    "campaign",
    "/api/campaigns/{id}",
    (
        Attribute("name", str),
        Attribute("status", str),
        Attribute("archived", bool),
        _inside("audiences", "included", "excluded"),
        _inside("send_options", "use_smart_sending"),
        _inside(
            "tracking_options",
            *("add_tracking_params", "custom_tracking_params", "is_tracking_clicks", "is_tracking_opens"),
        ),
        _inside(
            "send_strategy",
            *("date", "datetime", "method", "options", "options.is_local"),
            *("options.send_past_recipients_immediately", "throttle_percentage"),
        ),
        Attribute("created_at", datetime),
        Attribute("scheduled_at", datetime),
        Attribute("updated_at", datetime),
        Attribute("send_time", datetime),
    ),
    (Relationship("campaign-messages", "campaign-message", many=True), Relationship("tags", "tag", many=True)),
)

_CONTENT = (
    *("action_buttons", "bcc_email", "body", "cc_email", "dynamic_image", "from_email", "from_label", "media_url"),
    *("preview_text", "reply_to_email", "subject", "title"),
)
_BADGE = ("badge_config", "set_from_property", "value")
_OPEN = ("android_deep_link", "ios_deep_link", "type", "web_url")
_RENDER = ("add_info_link", "add_opt_out_language", "add_org_prefix", "shorten_links")

CAMPAIGN_MESSAGE = Resource(
    "campaign-message",
    "/api/campaign-messages/{id}",
    (
        _inside(
            "definition",
            *("channel", "content", *(f"content.{name}" for name in _CONTENT), "kv_pairs", "label"),
            *("notification_type", "options", "options.badge", "options.badge.badge_options"),
            *(f"options.badge.badge_options.{name}" for name in _BADGE),
            *("options.badge.display", "options.on_open", *(f"options.on_open.{name}" for name in _OPEN)),
            *("options.play_sound", "render_options", *(f"render_options.{name}" for name in _RENDER)),
        ),
        Attribute("send_times", list[Any]),
        Attribute("created_at", datetime),
        Attribute("updated_at", datetime),
    ),
)


async def _nothing(_: Call[Any, Any], __: Sequence[Row]) -> dict[str, list[Row]]:
    return {}


def _none(_: Call[Any, Any]) -> Select[Any]:
    return select(NONE)


def _listed(call: Call[Any, Any]) -> Select[Any]:
    commands.check_filter(call)
    return select(NONE)


def _of_tag(_: Call[Any, Any], statement: Select[Any], __: Any) -> Select[Any]:
    return statement


LOADERS = {"campaign-messages": _nothing, "tags": _nothing}
CAMPAIGNS, LISTED = Table(_none, NONE.c.id, loaders=LOADERS), Table(_listed, NONE.c.id, loaders=LOADERS)

FILTERS = {
    "id": Filterable("string", ("any",), NONE.c.id),
    commands.CHANNEL: Filterable("enum", ("equals",), NONE.c.channel, values=CHANNELS),
    "name": Filterable("string", ("contains",), NONE.c.name),
    "status": Filterable("enum", ("any", "equals"), NONE.c.status, values=STATUSES),
    "archived": Filterable("bool", ("equals",), NONE.c.archived),
    **{name: Filterable("datetime", BOUND, NONE.c[name]) for name in DATES},
    "builder": Filterable("string", ("equals",), NONE.c.builder),
}
SORTS = {
    **{name: Sortable(NONE.c[name]) for name in ("id", "name")},
    **{name: Sortable(NONE.c[name], dated=True) for name in DATES},
}
INCLUDES = ("campaign-messages", "tags")
SPARSE = ("campaign-message", "campaign", "tag")
TIES = "/api/tags/{id}/relationships/campaigns"
WRITE = ("campaigns:write", "tags:write")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_campaigns",
        method="GET",
        path="/api/campaigns",
        shape=shapes.listing,
        tag="Campaigns",
        summary="List campaigns, of which there are none",
        scopes=("campaigns:read",),
        tier=M,
        resource=CAMPAIGN,
        table=LISTED,
        filters=FILTERS,
        sorts=SORTS,
        includes=INCLUDES,
        sparse=SPARSE,
        page=Page(100, 100),
    ),
    Operation(
        id="get_campaign",
        method="GET",
        path="/api/campaigns/{id}",
        shape=shapes.get,
        tag="Campaigns",
        summary="Read a campaign, of which there are none",
        scopes=("campaigns:read",),
        tier=M,
        resource=CAMPAIGN,
        table=CAMPAIGNS,
        includes=INCLUDES,
        sparse=SPARSE,
    ),
    Operation(
        id="get_campaign_ids_for_tag",
        method="GET",
        path=TIES,
        shape=shapes.relationship,
        tag="Tags",
        summary="List the ids of the campaigns that hold a tag, of which there are none",
        scopes=("campaigns:read", "tags:read"),
        resource=CAMPAIGN,
        table=CAMPAIGNS,
        parent=(TAG, TAGS),
        scope=_of_tag,
    ),
    Operation(
        id="tag_campaigns",
        method="POST",
        path=TIES,
        shape=shapes.change_relationship,
        tag="Tags",
        summary="Tie a tag to campaigns, of which there are none",
        scopes=WRITE,
        resource=CAMPAIGN,
        table=CAMPAIGNS,
        parent=(TAG, TAGS),
        command=commands.name_unknown,
        body=commands.CampaignsBody,
        status=204,
    ),
    Operation(
        id="remove_tag_from_campaigns",
        method="DELETE",
        path=TIES,
        shape=shapes.change_relationship,
        tag="Tags",
        summary="Untie a tag from campaigns, of which there are none",
        scopes=WRITE,
        resource=CAMPAIGN,
        table=CAMPAIGNS,
        parent=(TAG, TAGS),
        command=commands.name_unknown,
        body=commands.CampaignsBody,
        status=204,
    ),
)
RESOURCES: tuple[Resource, ...] = (CAMPAIGN, CAMPAIGN_MESSAGE)
