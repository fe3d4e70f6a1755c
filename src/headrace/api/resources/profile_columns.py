"""The columns of a profile that are only read where they are asked for: consent, suppressions, devices, predictions.

What is not here: how they are shown (`profile_fields`). Follows reference 4.4.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from headrace.jsonapi.operation import Call
from headrace.storage import tables as t

SUBSCRIPTIONS, PREDICTIONS = "subscriptions", "predictive_analytics"


def _second(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a moment without its fraction, as every answer writes it."""
    return func.date_trunc("second", column)


def _of_profile(table: Any, name: str, *shown: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the rows that a profile has in a table, each as an array of these columns."""
    own = (
        table.c.bucket == t.profile.c.bucket,
        table.c.account_id == t.profile.c.account_id,
        table.c.profile_id == t.profile.c.profile_id,
    )
    rows = select(func.jsonb_agg(func.jsonb_build_array(*shown))).where(*own)
    return rows.correlate(t.profile).scalar_subquery().label(name)


_CONSENT, _SUPPRESSION, _TOKEN = t.consent.c, t.suppression.c, t.push_token.c

CONSENTS = _of_profile(
    t.consent,
    "consents",
    _CONSENT.channel,
    _CONSENT.purpose,
    _CONSENT.subscription,
    _second(_CONSENT.changed_at),
    _second(_CONSENT.recorded_at),
    _CONSENT.method,
    _CONSENT.detail,
    _CONSENT.custom_source,
    _CONSENT.double_opt_in,
)
SUPPRESSED = _of_profile(
    t.suppression, "suppressions", _SUPPRESSION.list_id, _SUPPRESSION.reason, _second(_SUPPRESSION.at)
)
DEVICES = _of_profile(t.push_token, "devices", _TOKEN.enabled, _second(_TOKEN.created_at))


def with_asked(call: Call[Any, Any], statement: Select[Any]) -> Select[Any]:
    """Return the statement with the columns of what the query asks for beside the plain attributes."""
    extra, named = (each.get("profile", frozenset()) for each in (call.query.additional, call.query.fields))
    asked = {name.split(".", 1)[0] for name in extra | named}
    if SUBSCRIPTIONS in asked:
        statement = statement.add_columns(CONSENTS, SUPPRESSED, DEVICES)
    return statement.add_columns(t.profile.c.predictive) if PREDICTIONS in asked else statement
