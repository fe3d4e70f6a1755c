"""The events that record what became of a message: their kinds, metric names and properties.

What is here: pure tables and functions. What is not: writing (`interactions`). Follows reference 5.2 and 5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from headrace.model import Channel

Properties = dict[str, Any]


class Kind(IntEnum):
    """What became of a message; the numbers are stored in `interaction.kind`."""

    DELIVERED = 1
    BOUNCED = 2
    FAILED = 3
    OPENED = 4
    CLICKED = 5
    UNSUBSCRIBED = 6
    SPAM = 7


@dataclass(frozen=True, slots=True)
class Interaction:
    """One thing that became of a delivery, at a moment of the account's clock (cut to the second).

    `machine_open` marks an open by a mail proxy, `bot` a click by a scanner: a bot's click leaves an event, but counts
    nowhere. `key` is the provider's own name of the notice, if it has one: of the same key, an open, click or
    unsubscribe is recorded once. `properties` go into the event (Subject, To Number, Bounce Type ...).
    """

    kind: Kind
    channel: Channel
    bucket: int
    delivery_id: UUID
    at: datetime
    url: str | None = None
    machine_open: bool = False
    bot: bool = False
    key: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


UNREPORTED = frozenset({Channel.WEBHOOK, Channel.INTERNAL_ALERT})
"""Channels that reach no person: they have no message metrics and no place in reports. Source: reference 5.2, 6.4."""

ONCE = frozenset({Kind.DELIVERED, Kind.BOUNCED, Kind.FAILED, Kind.SPAM})
"""Kinds that a delivery can have once; the others happen again and again."""

METRIC_NAMES: Mapping[tuple[Channel, Kind], str] = {
    (Channel.EMAIL, Kind.DELIVERED): "Received Email",
    (Channel.EMAIL, Kind.BOUNCED): "Bounced Email",
    (Channel.EMAIL, Kind.FAILED): "Dropped Email",
    (Channel.EMAIL, Kind.OPENED): "Opened Email",
    (Channel.EMAIL, Kind.CLICKED): "Clicked Email",
    (Channel.EMAIL, Kind.UNSUBSCRIBED): "Unsubscribed from Email Marketing",
    (Channel.EMAIL, Kind.SPAM): "Marked Email as Spam",
    (Channel.SMS, Kind.DELIVERED): "Received SMS",
    (Channel.SMS, Kind.FAILED): "Failed to Deliver SMS",
    (Channel.SMS, Kind.OPENED): "Opened SMS",
    (Channel.SMS, Kind.CLICKED): "Clicked SMS",
    (Channel.SMS, Kind.UNSUBSCRIBED): "Unsubscribed from SMS Marketing",
    (Channel.PUSH, Kind.DELIVERED): "Received Push",
    (Channel.PUSH, Kind.BOUNCED): "Bounced Push",
    (Channel.PUSH, Kind.OPENED): "Opened Push",
    (Channel.WHATSAPP, Kind.DELIVERED): "Received WhatsApp",
    (Channel.WHATSAPP, Kind.FAILED): "Failed to Deliver WhatsApp",
    (Channel.WHATSAPP, Kind.OPENED): "Opened WhatsApp",
    (Channel.WHATSAPP, Kind.CLICKED): "Clicked WhatsApp",
    (Channel.WHATSAPP, Kind.UNSUBSCRIBED): "Unsubscribed from WhatsApp Marketing",
}
"""Channel and kind -> metric name.

Source: reference 5.2. Our choice: the names for WhatsApp and for opens of rich text messages, which the sources do not
give; they follow the pattern of the others.
"""


def recorded_kind(channel: Channel, kind: Kind) -> Kind:
    """Return the kind as which a channel records what happened: text messages fail, pushes bounce.

    Raises `ValueError` for what cannot happen on a channel, such as a click in a push.

    Source: reference 6.1 (bounces are of e-mail and push, failures of text messages).
    """
    pair = (channel, kind)
    if pair not in METRIC_NAMES and kind in (Kind.BOUNCED, Kind.FAILED):
        pair = (channel, Kind.FAILED if kind is Kind.BOUNCED else Kind.BOUNCED)
    if pair not in METRIC_NAMES:
        raise ValueError(f"a message of the channel {channel.name} cannot be {kind.name}; no metric records it")
    return pair[1]


def unique_id(delivery_id: UUID, kind: Kind, key: str) -> str:
    """Return the unique id of a message event; `key` tells apart those that happen again and again."""
    name = f"{delivery_id.hex}:{kind.name.lower()}"
    return name if kind in ONCE else f"{name}:{key}"


def event_properties(delivery: Mapping[str, Any], kind: Kind, at: datetime, given: Mapping[str, Any]) -> Properties:
    """Return the properties of a message event; those in `given` come last and win.

    `delivery` holds the columns delivery_id, flow_id, message_id, variation, format, channel, sent_at, segments and the
    message's name as message_name. Source: reference 5.3.
    """
    message, sent = delivery["message_id"], int(delivery["sent_at"].timestamp())
    event_id = f"{message}:{delivery['delivery_id'].int}"
    properties: Properties = {
        "$message": message,
        "$flow": delivery["flow_id"],
        "$event_id": event_id if kind in ONCE else f"{event_id}:{int(at.timestamp())}",
        "$_cohort$message_send_cohort": f"{sent}:{message}",
        "Campaign Name": delivery["message_name"] or "",
    }
    if variation := delivery["variation"]:
        properties["$variation"] = variation
        properties["$_cohort$variation_send_cohort"] = f"{sent}:{variation}"
    properties |= _of_channel(delivery, kind)
    return {**properties, **given}


def _of_channel(delivery: Mapping[str, Any], kind: Kind) -> Properties:
    match Channel(delivery["channel"]):
        case Channel.EMAIL:
            return {"$ESP": 0, "Bounce Type": "Hard"} if kind is Kind.BOUNCED else {"$ESP": 0}
        case Channel.SMS | Channel.WHATSAPP:
            failure = {"Failure Type": "Unknown"} if kind is Kind.FAILED else {}
            return {"Message Format": delivery["format"], "Segment Count": delivery["segments"], **failure}
        case Channel.PUSH | Channel.WEBHOOK | Channel.INTERNAL_ALERT:
            return {}
