"""Consent: writing what a person agreed to, or no longer does. `at` is the account's time. Source: reference 4.4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headrace.ids import bucket_of
from headrace.storage.database import Connection

SUBSCRIBED = "SUBSCRIBED"
UNSUBSCRIBED = "UNSUBSCRIBED"

_SET = """
INSERT INTO consent AS c (bucket, account_id, profile_id, channel, subscription, changed_at, method, detail)
SELECT p.bucket, p.account_id, p.profile_id, $4, $5, $6, $7, $8
FROM profile p WHERE p.bucket = $1 AND p.account_id = $2 AND p.profile_id = $3
ON CONFLICT (bucket, account_id, profile_id, channel) DO UPDATE
SET subscription = excluded.subscription, changed_at = excluded.changed_at, method = excluded.method,
    detail = excluded.detail
WHERE c.subscription <> excluded.subscription
RETURNING c.subscription
"""


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """A new state of one person's consent on one channel; `method` says how it came about."""

    profile_id: str
    channel: int
    subscription: str
    at: datetime
    method: str
    detail: str = ""


async def set_consent(transaction: Connection, account_id: str, change: ConsentChange) -> bool:
    """Write a consent; False when nothing changed: it was so already, or there is no such profile."""
    written = await transaction.fetch_value(
        _SET,
        bucket_of(change.profile_id),
        account_id,
        change.profile_id,
        change.channel,
        change.subscription,
        change.at,
        change.method,
        change.detail,
    )
    return written is not None
