"""Where in the database the values are that conditions read, as values of unknown type.

What is not here: how they are read and compared (`unknown_values`, `value_clauses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    cast,
    func,
    null,
)
from sqlalchemy.dialects.postgresql import JSONB

from headrace.conditions.profile_property import located
from headrace.storage.tables import (
    consent,
    event,
    profile,
)
from headrace.storage.unknown_values import MomentValue, TextValue, Value
from headrace.storage.value_clauses import (
    storable,
)

MOMENTS = frozenset(("created_at", "updated_at", "last_event_at"))
CONSENT_FLAGS = frozenset(("double_opt_in", "rcs_capable"))


def property_value(name: str) -> Value:
    """Return a property of the profile, named as conditions name it."""
    kind, key = located(name)
    if kind == "field":
        column = profile.c[key]
        return MomentValue(column) if key in MOMENTS else TextValue(column)
    return key_value(profile.c.location if kind == "location" else profile.c.properties, key)


def predicted_value(path: Sequence[str]) -> Value:
    """Return a stored prediction about the profile."""
    found: ColumnElement[Any] = profile.c.predictive
    for key in path:
        found = _at(found, key)
    return Value(found)


def key_value(holder: ColumnElement[Any], key: str) -> Value:
    """Return what a jsonb object holds under a key."""
    return Value(_at(holder, key), holder.op("->>", return_type=Text())(key) if storable(key) else None)


def _at(holder: ColumnElement[Any], key: str) -> ColumnElement[Any]:
    """Return what a jsonb object holds under a key, NULL for a key that no object can have."""
    return holder.op("->", return_type=JSONB())(key) if storable(key) else cast(null(), JSONB)


def event_value(name: str, table: Any = event) -> Value:
    """Return a property of an event, read from the table or an alias of it; `$value` is the event's value."""
    found = key_value(table.c.properties, name)
    return Value(func.coalesce(func.to_jsonb(table.c.value), found.json)) if name == "$value" else found


def consent_value(name: str) -> Value:
    """Return a field of a consent, named as `conditions.facts.Consent` names it."""
    if name == "written_at":
        return MomentValue(func.coalesce(consent.c.recorded_at, consent.c.changed_at))
    if name == "changed_at":
        return MomentValue(consent.c.changed_at)
    column = consent.c[name]
    return Value(func.to_jsonb(column)) if name in CONSENT_FLAGS else TextValue(column)
