"""2025-10-15: actions and messages show their definition instead of attributes of its parts; actions can be changed.

Reports came to take `group_by` and four statistics of text messages. Follows reference 8.1 and 8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.api.resources.flow_tables import CHANNELS, CREATED, UPDATED
from headrace.api.revisions import Change, Surface, people
from headrace.api.revisions.reports import (
    TEXT_MESSAGE_STATISTICS,
    refused_by,
    unknown_member,
    unknown_names,
)
from headrace.api.revisions.rows import lacking, with_resources
from headrace.errors import Problem
from headrace.flows import legacy
from headrace.jsonapi.resource import Attribute, Row
from headrace.model.delivery import Channel

_SEND = ("use_smart_sending", "is_transactional")
_RENDER = ("shorten_links", "add_org_prefix", "add_info_link", "add_opt_out_language")
_TRACKING = ("add_utm", "utm_params", "is_tracking_opens", "is_tracking_clicks")
_EMAIL = ("subject", "preview_text", "from_email", "from_label", "reply_to_email", "cc_email", "bcc_email")
_TEXT = ("body", "media_url", "title")


def _under(name: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}.{part}" for part in parts)


ACTION_ATTRIBUTES = (
    Attribute("action_type", str, lambda row: legacy.action_type(row["definition"])),
    Attribute("status", str | None),
    CREATED,
    UPDATED,
    Attribute("settings", dict[str, Any], lambda row: legacy.settings(row["definition"])),
    Attribute(
        "tracking_options",
        dict[str, Any] | None,
        lambda row: legacy.tracking_options(row["definition"]),
        subfields=_under("tracking_options", _TRACKING),
    ),
    Attribute(
        "send_options",
        dict[str, Any] | None,
        lambda row: legacy.send_options(row["definition"]),
        subfields=_under("send_options", _SEND),
    ),
    Attribute(
        "render_options",
        dict[str, Any] | None,
        lambda row: legacy.render_options(row["definition"]),
        subfields=_under("render_options", _RENDER),
    ),
    Attribute("badge_options", dict[str, Any] | None, lambda row: legacy.badge_options(row["definition"])),
)
"""A flow action by its parts. Source: reference 8.2."""


def _content(row: Row) -> Any:
    """Return a message's content; the older view reads an action, so the message is shown inside one of its type."""
    return legacy.content({"type": _HOLDER[Channel(row["channel"])], "data": {"message": row["definition"]}})


_HOLDER = {
    Channel.EMAIL: "send-email",
    Channel.SMS: "send-sms",
    Channel.PUSH: "send-mobile-push",
    Channel.WHATSAPP: "send-whatsapp",
    Channel.WEBHOOK: "send-webhook",
    Channel.INTERNAL_ALERT: "send-internal-alert",
}

MESSAGE_ATTRIBUTES = (
    Attribute("name", str),
    Attribute("channel", str, lambda row: CHANNELS[Channel(row["channel"])]),
    Attribute("content", dict[str, Any], _content, subfields=_under("content", (*_EMAIL, *_TEXT))),
    CREATED,
    UPDATED,
)
"""A flow message by its parts. Source: reference 8.2."""


def before(surface: Surface) -> Surface:
    """Return the surface whose actions and messages show attributes of their parts."""
    action, message = surface.resources["flow-action"], surface.resources["flow-message"]
    changed = with_resources(
        surface,
        [replace(action, attributes=ACTION_ATTRIBUTES), replace(message, attributes=MESSAGE_ATTRIBUTES)],
    )
    changed = lacking(changed, ("get_campaigns",), filters=("id",))
    changed = people.without_parts(changed, "subscriptions", ("whatsapp",))
    return people.without_parts(changed, "predictive_analytics", ("ranked_channel_affinity",))


def narrow(attributes: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each member and statistic that this revision brought."""
    return [
        *unknown_member(attributes, "group_by"),
        *unknown_names(attributes, "statistics", TEXT_MESSAGE_STATISTICS),
    ]


CHANGE = Change("2025-10-15", before, up=refused_by(narrow))
