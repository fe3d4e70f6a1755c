"""Tracking settings: what accounts chose to add to their links.

What is here: the rows as `model.tracking.TrackingSettings`. What is not: what a message makes of them
(`messages.utm`). An account without a row has the defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from headrace.model.tracking import STANDARD, TrackingSettings
from headrace.storage.database import Connection, Row

CUSTOM = "custom_parameters"

_LOAD = "SELECT account_id, auto_add_parameters, parameters FROM tracking_setting WHERE account_id = ANY($1)"
_LOCK = "SELECT account_id FROM account WHERE account_id = $1 FOR NO KEY UPDATE"
_SAVE = """
INSERT INTO tracking_setting (account_id, auto_add_parameters, parameters, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id) DO UPDATE SET auto_add_parameters = excluded.auto_add_parameters,
    parameters = excluded.parameters, updated_at = excluded.updated_at
"""


async def load_tracking(connection: Connection, account_ids: Collection[str]) -> dict[str, TrackingSettings]:
    """Return the settings of accounts by their ids, those that chose nothing among them."""
    rows = await connection.fetch(_LOAD, sorted(account_ids))
    return {**dict.fromkeys(account_ids, TrackingSettings()), **{row["account_id"]: settings_of(row) for row in rows}}


async def change_tracking(
    transaction: Connection, account_id: str, auto_add: bool | None, changed: Mapping[str, Any], now: datetime
) -> None:
    """Lay changes over an account's settings; `changed` names parameters and `custom_parameters`.

    A parameter's sides that are not named stay as they are; None takes a parameter away. None for `auto_add` leaves
    that as it is.
    """
    await transaction.execute(_LOCK, account_id)  # so that of two changes at once neither is lost
    stored = (await load_tracking(transaction, {account_id}))[account_id]
    parameters: dict[str, Any] = {**stored.utm, CUSTOM: list(stored.custom)}
    for name, value in changed.items():
        laid_over = name != CUSTOM and value is not None
        parameters[name] = {**(parameters[name] or {}), **value} if laid_over else value
    auto_add = stored.auto_add_parameters if auto_add is None else auto_add
    await transaction.execute(_SAVE, account_id, auto_add, parameters, now)


def settings_of(row: Row) -> TrackingSettings:
    """Return the settings behind a row, which may hold None where an account chose nothing."""
    kept: Mapping[str, Any] = row["parameters"] or {}
    utm = {name: kept.get(name, standard) for name, standard in STANDARD.items()}
    return TrackingSettings(bool(row["auto_add_parameters"]), utm, tuple(kept.get(CUSTOM) or ()))
