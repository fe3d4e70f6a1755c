"""Links that open a page once: kept under a hash, spent by the first who opens them. Times are system time."""

from __future__ import annotations

import hashlib
from datetime import datetime

from headrace.storage.database import Connection, Database

_INSERT = """
INSERT INTO one_time_link (token_hash, account_id, purpose, expires_at) VALUES ($1, $2, $3, $4)
"""
_SPEND = """
UPDATE one_time_link SET used_at = $3
WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
RETURNING account_id
"""
_FORGET = "DELETE FROM one_time_link WHERE expires_at < $1"


async def keep_link(
    transaction: Connection, account_id: str, token: str, purpose: str, expires_at: datetime, now: datetime
) -> None:
    """Keep a link that is good once and until `expires_at`, and forget those that have expired."""
    await transaction.execute(_FORGET, now)
    await transaction.execute(_INSERT, _hash(token), account_id, purpose, expires_at)


async def spend_link(database: Database, token: str, purpose: str, now: datetime) -> str | None:
    """Spend a link and return its account; None for one that is unknown, expired or spent."""
    async with database.transaction() as transaction:
        account_id: str | None = await transaction.fetch_value(_SPEND, _hash(token), purpose, now)
    return account_id


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
