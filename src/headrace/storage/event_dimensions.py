"""What the dimensions of events are in the database.

What is here: SQL by dimension, and the tables that some of them need beside the event. What is not: counting
(`metric_aggregates`). Follows reference 5.3 and 6.6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from headrace.model import Channel

CHANNEL_NAMES: Mapping[Channel, str] = {
    Channel.EMAIL: "$email_channel",
    Channel.SMS: "$sms_channel",
    Channel.PUSH: "$mobile_push_channel",
    Channel.WHATSAPP: "$whatsapp_channel",
}
"""How a dimension names a channel: as clients of the service read it. Our choice: WhatsApp, by the same pattern."""


def _of_event(name: str) -> str:
    return f"e.properties->>'{name}'"


def _channel(column: str) -> str:
    cases = " ".join(f"WHEN {int(channel)} THEN '{name}'" for channel, name in CHANNEL_NAMES.items())
    return f"CASE {column} {cases} END"


_PLAIN = (
    "$campaign_channel",
    "$flow",
    "$message",
    "$usage_amount",
    "$variation",
    "Bot Click",
    "Bounce Type",
    "Campaign Name",
    "Client Canonical",
    "Client Name",
    "Client Type",
    "Email Domain",
    "Failure Source",
    "Failure Type",
    "From Number",
    "From Phone Region",
    "Inbox Provider",
    "List",
    "Message Format",
    "Message Type",
    "Method",
    "Segment Count",
    "Subject",
    "To Number",
    "To Phone Region",
    "URL",
    "form_id",
)

DIMENSIONS: Mapping[str, str] = {
    **{name: _of_event(name) for name in _PLAIN},
    "$attributed_channel": _channel("v.channel"),
    "$attributed_flow": "v.flow_id",
    "$attributed_message": "v.message_id",
    "$attributed_variation": "v.variation",
    "$flow_channel": _channel("m.channel"),
    "$message_send_cohort": _of_event("$_cohort$message_send_cohort"),
    "$value_currency": "e.value_currency",
    "$variation_send_cohort": _of_event("$_cohort$variation_send_cohort"),
    "Message Name": f"coalesce({_of_event('Message Name')}, {_of_event('Campaign Name')})",
}
"""Dimension -> what it is of an event `e`, its conversion `v` and the flow message `m` that it tells of.

Source: reference 5.3 and 6.6. Our choice: "Message Name" is what events of flows call "Campaign Name".
"""

_CONVERSION = """
LEFT JOIN conversion v ON v.bucket = e.bucket AND v.account_id = e.account_id AND v.number = e.number
"""
_MESSAGE = """
LEFT JOIN flow_message m ON m.account_id = e.account_id AND m.message_id = e.properties->>'$message'
"""
_OF_CONVERSION = frozenset(name for name in DIMENSIONS if name.startswith("$attributed_"))
_OF_MESSAGE = frozenset({"$flow_channel"})


def text_of(name: str) -> str:
    """Return the SQL of a dimension of an event `e`; the empty text stands for an event without it."""
    return f"""coalesce({DIMENSIONS[name]}, '') COLLATE "C\""""


def joins(names: Collection[str]) -> str:
    """Return the joins that dimensions need beside the event."""
    used = frozenset(names)
    return (_CONVERSION if used & _OF_CONVERSION else "") + (_MESSAGE if used & _OF_MESSAGE else "")
