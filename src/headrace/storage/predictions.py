"""Predictions about people: stored as somebody else made them, never made here.

Names and shapes are those that conditions ask for (`conditions.profile_predictive_analytics`). Source: reference 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.conditions.topics import PREDICTIVE
from headrace.ids import bucket_of
from headrace.storage.database import Connection
from headrace.storage.noting import UPDATED, note_changed

_LAY = """
UPDATE profile SET predictive = jsonb_strip_nulls(predictive || $4), updated_at = greatest(updated_at, $5)
WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 RETURNING profile_id
"""


async def lay_predictions(
    transaction: Connection, account_id: str, profile_id: str, predictions: Mapping[str, Any], at: datetime
) -> bool:
    """Lay predictions over those that a profile has; None removes one. False when there is no such profile.

    `at` is the account's time.
    """
    written = await transaction.fetch_value(_LAY, bucket_of(profile_id), account_id, profile_id, dict(predictions), at)
    if written is None:
        return False
    await note_changed(transaction, account_id, {profile_id: (PREDICTIVE, UPDATED)}, at)
    return True
