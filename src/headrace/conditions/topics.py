"""Topics: what of a person a condition asks about and a change touches, spelled alike on both sides.

A change names its topics (`storage.noting`), a condition states those that its answer hangs on, and a segment is looked
at again only where they meet. What is not here: which topics a condition has (each condition's own file). Time is no
topic: what time alone changes is planned ahead.
"""

from __future__ import annotations

EVERYTHING = "*"
"""All there is about a person, as for a new one."""
PREDICTIVE = "predictive"
SUPPRESSIONS = "suppressions"
PUSH_TOKENS = "push"
PROPERTY = "property:"
"""How the topics of a person's attributes, places and properties begin."""


def of_field(name: str) -> str:
    """Return the topic of an attribute of the profile, named as its column (`email`, `timezone`)."""
    return f"{PROPERTY}{name}"


def of_place(name: str) -> str:
    """Return the topic of a part of the location (`city`)."""
    return f"{PROPERTY}location.{name}"


def of_property(name: str) -> str:
    """Return the topic of a custom property, named as it is stored."""
    return f"{PROPERTY}properties.{name}"


def of_metric(metric_id: str) -> str:
    """Return the topic of the events of a metric."""
    return f"metric:{metric_id}"


def of_group(group_id: str) -> str:
    """Return the topic of a place in a list or segment."""
    return f"group:{group_id}"


def of_consent(channel: int, purpose: int = 0) -> str:
    """Return the topic of what a person agreed to on a `model.Channel`; purpose 0 is marketing, 1 transactional."""
    return f"consent:{int(channel)}:{int(purpose)}"


def of_sent(channel: int) -> str:
    """Return the topic of the messages sent to a person on a `model.Channel`."""
    return f"sent:{int(channel)}"


def of_entry(flow_id: str) -> str:
    """Return the topic of a person's entries into a flow."""
    return f"entry:{flow_id}"


def of_objects(object_type_id: str) -> str:
    """Return the topic of the custom objects of a type that are linked to a person."""
    return f"objects:{object_type_id}"
