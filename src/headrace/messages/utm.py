"""UTM parameters on links. Source: reference 4.5.

Off unless the message says `add_tracking_params`. With a custom list in the message that list is used, else the
account's defaults. Parameters that an address already has are kept, never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit, urlunsplit

DYNAMIC = frozenset(
    {
        "email_subject",
        "flow_id",
        "flow_name",
        "link_alt_text",
        "message_name",
        "message_name_id",
        "message_type",
        "profile_external_id",
        "profile_id",
    }
)
"""Values that are filled in per message or person. Source: reference 4.5."""

PER_PERSON = frozenset({"email_subject", "profile_external_id", "profile_id"})
"""The dynamic values that differ from person to person, so that the link cannot be prepared once."""

FLOW_DEFAULTS: tuple[tuple[str, str], ...] = (
    ("utm_source", "flow_name"),
    ("utm_medium", "message_type"),
    ("utm_campaign", "message_name_id"),
)
"""What an account that chose nothing adds in flows."""

Parameters = tuple[tuple[str, str], ...]
"""(name, value): a value that is one of `DYNAMIC` is filled in, any other is taken literally. Our choice: the stored
form of dynamic custom values is not documented, so the bare name is read as one."""


@dataclass(frozen=True, slots=True)
class UtmFacts:
    """What the dynamic values of one message are filled from."""

    flow_id: str = ""
    flow_name: str = ""
    message_id: str = ""
    message_name: str = ""
    message_type: str = ""
    email_subject: str = ""
    profile_id: str = ""
    profile_external_id: str = ""

    def value(self, name: str) -> str:
        """Return a dynamic value; the alternative text of a link is not known and empty."""
        if name == "message_name_id":
            return f"{self.message_name} ({self.message_id})"
        return "" if name == "link_alt_text" else str(getattr(self, name))


def chosen(message: Mapping[str, Any], defaults: Parameters = FLOW_DEFAULTS) -> Parameters:
    """Return the parameters that a message's definition asks for, not yet filled in."""
    if not message.get("add_tracking_params"):
        return ()
    custom = message.get("custom_tracking_params")
    if not custom:
        return defaults
    return tuple((str(item["param"]), str(item["value"])) for item in custom if item.get("param"))


def filled(parameters: Parameters, facts: UtmFacts) -> Parameters:
    """Return the parameters with their dynamic values filled in; empty ones are left out."""
    values = ((name, facts.value(value) if value in DYNAMIC else value) for name, value in parameters)
    return tuple((name, value) for name, value in values if value)


def per_person(parameters: Parameters) -> bool:
    """Return whether the parameters differ from person to person."""
    return any(value in PER_PERSON for _, value in parameters)


def added(url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return an address with the parameters that it lacks, before its fragment; the rest of it is not re-encoded."""
    parts = urlsplit(url)
    present = {unquote_plus(pair.partition("=")[0]) for pair in parts.query.split("&") if pair}
    new = [f"{quote_plus(name)}={quote_plus(value)}" for name, value in parameters if name not in present]
    if not new:
        return url
    return urlunsplit(parts._replace(query="&".join(([parts.query] if parts.query else []) + new)))
