"""What an account adds to the links of its messages. Follows reference 4.5 and the operations on tracking settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Value = Mapping[str, str]
"""`{type, value}`: of the type "static" the value itself, of the type "dynamic" the name of what is filled in."""
Sides = Mapping[str, Value | None]
"""A value, or none, for `flow` and for `campaign`."""

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_id", "utm_term")
"""The parameters that have names of their own. The first two are always there."""
ALWAYS = UTM[:2]


def _dynamic(flow: str, campaign: str) -> Sides:
    return {"flow": {"type": "dynamic", "value": flow}, "campaign": {"type": "dynamic", "value": campaign}}


STANDARD: Mapping[str, Sides | None] = MappingProxyType(
    {
        "utm_source": _dynamic("flow_name", "group_name"),
        "utm_medium": _dynamic("message_type", "message_type"),
        "utm_campaign": _dynamic("message_name_id", "campaign_name_id"),
        "utm_id": None,
        "utm_term": None,
    }
)
"""What an account that chose nothing adds. Source: reference 4.5 for flows. Our choice: campaigns by analogy."""


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """An account's choice: whether messages that say nothing themselves add parameters, and which.

    `utm` holds the parameters of `UTM`, None for one that is not added; `custom` are further ones, `{name, flow,
    campaign}`, in the order in which they are added.
    """

    auto_add_parameters: bool = False
    utm: Mapping[str, Sides | None] = field(default_factory=lambda: STANDARD)
    custom: Sequence[Mapping[str, Any]] = ()
