"""UTM parameters on links. Source: reference 4.5.

A message's `add_tracking_params` decides whether there are any, and where it says nothing, the account's setting
`auto_add_parameters`. With a custom list in the message that list is used, else what the account's settings say for
flows. Parameters that an address already has are kept, never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote_plus, unquote_plus, urlsplit, urlunsplit

from headrace.model.tracking import TrackingSettings

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

Parameters = tuple[tuple[str, str], ...]
"""(name, value), filled in."""


class Wanted(NamedTuple):
    """A parameter that is to be added: its value, or the name of one of `DYNAMIC`."""

    name: str
    value: str
    dynamic: bool


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an account adds in flows, and whether messages that say nothing themselves have it, too."""

    parameters: tuple[Wanted, ...] = ()
    auto_add: bool = False


def defaults_of(settings: TrackingSettings) -> Defaults:
    """Return what an account's settings mean for the messages of flows."""
    named = [(name, sides) for name, sides in settings.utm.items() if sides]
    named += [(str(one["name"]), one) for one in settings.custom]
    found = ((name, sides.get("flow")) for name, sides in named)
    wanted = (Wanted(name, one["value"], one["type"] == "dynamic") for name, one in found if one)
    return Defaults(tuple(wanted), settings.auto_add_parameters)


FLOW_DEFAULTS = defaults_of(TrackingSettings())
"""What an account that chose nothing adds in flows."""


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


def chosen(message: Mapping[str, Any], defaults: Defaults = FLOW_DEFAULTS) -> tuple[Wanted, ...]:
    """Return the parameters that a message's links get, not yet filled in.

    Our choice: the stored form of dynamic values in a message's own list is not documented, so the bare name is read
    as one.
    """
    own = message.get("add_tracking_params")
    if not (defaults.auto_add if own is None else own):
        return ()
    custom = message.get("custom_tracking_params")
    if not custom:
        return defaults.parameters
    pairs = ((str(item["param"]), str(item["value"])) for item in custom if item.get("param"))
    return tuple(Wanted(name, value, value in DYNAMIC) for name, value in pairs)


def filled(parameters: Iterable[Wanted], facts: UtmFacts) -> Parameters:
    """Return the parameters with their dynamic values filled in; empty ones are left out."""
    values = ((name, facts.value(value) if dynamic else value) for name, value, dynamic in parameters)
    return tuple((name, value) for name, value in values if value)


def per_person(parameters: Iterable[Wanted]) -> bool:
    """Return whether the parameters differ from person to person."""
    return any(one.dynamic and one.value in PER_PERSON for one in parameters)


def added(url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return an address with the parameters that it lacks, before its fragment; the rest of it is not re-encoded."""
    parts = urlsplit(url)
    present = {unquote_plus(pair.partition("=")[0]) for pair in parts.query.split("&") if pair}
    new = [f"{quote_plus(name)}={quote_plus(value)}" for name, value in parameters if name not in present]
    if not new:
        return url
    return urlunsplit(parts._replace(query="&".join(([parts.query] if parts.query else []) + new)))
