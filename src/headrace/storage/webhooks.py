"""Webhooks: making, changing and deleting them.

What is here: statements that write the definitions. What is not: what they are told (`webhook_queue`), which topics
there are (`webhook_topics`), sealing their secrets (the caller does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.errors import Conflict
from headrace.storage.database import Connection, Database, Row
from headrace.storage.webhook_queue import forget_queued

MOST = 10
"""Our choice: webhooks of an account, which the sources do not limit; each costs a row for every event it hears of."""

_LOCK = "SELECT account_id FROM account WHERE account_id = $1 FOR UPDATE"
_COUNT = "SELECT count(*) FROM webhook WHERE account_id = $1"
_CREATE = """
INSERT INTO webhook (webhook_id, account_id, name, description, endpoint_url, secret, topics, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
"""
_CHANGE = """
UPDATE webhook SET name = $3, description = $4, endpoint_url = $5, secret = $6, enabled = $7, topics = $8,
    updated_at = $9, attempts = CASE WHEN $10 THEN 0 ELSE attempts END, error = CASE WHEN $10 THEN NULL ELSE error END,
    failing_since = CASE WHEN $10 THEN NULL ELSE failing_since END,
    not_before = CASE WHEN $10 THEN NULL ELSE not_before END,
    claimed_by = CASE WHEN $10 THEN NULL ELSE claimed_by END,
    lease_until = CASE WHEN $10 THEN NULL ELSE lease_until END
WHERE account_id = $1 AND webhook_id = $2
"""
_READ = "SELECT * FROM webhook WHERE account_id = $1 AND webhook_id = $2 FOR UPDATE"
_DELETE = "DELETE FROM webhook WHERE account_id = $1 AND webhook_id = $2"
_ALL = "SELECT * FROM webhook WHERE account_id = $1 ORDER BY created_at, webhook_id"
_AGAIN = """
UPDATE webhook SET enabled = true, attempts = 0, failing_since = NULL, not_before = NULL, error = NULL,
    claimed_by = NULL, lease_until = NULL
WHERE account_id = $1 AND webhook_id = $2
"""
_AFRESH = frozenset(("endpoint_url", "secret", "enabled"))


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to be made; `secret` is sealed."""

    webhook_id: str
    name: str
    description: str | None
    endpoint_url: str
    secret: bytes
    topics: Sequence[str]


async def create_webhook(transaction: Connection, account_id: str, new: NewWebhook, now: datetime) -> None:
    """Write a webhook, which hears of every event from then on; raises `Conflict` where the account has enough."""
    await transaction.execute(_LOCK, account_id)
    if await transaction.fetch_value(_COUNT, account_id) >= MOST:
        raise Conflict(f"The account has {MOST} webhooks already, which is the most it may have.")
    values = (new.name, new.description, new.endpoint_url, new.secret, list(new.topics), now)
    await transaction.execute(_CREATE, new.webhook_id, account_id, *values)


async def change_webhook(
    transaction: Connection, account_id: str, webhook_id: str, changes: Mapping[str, Any], now: datetime
) -> None:
    """Change columns of a webhook that exists.

    Another address or secret, and being switched on, begin afresh: earlier failures are forgotten, and what comes of
    a call that is under way no longer counts. What a webhook that is switched off was still to be told is forgotten,
    too.
    """
    row = await transaction.fetch_row(_READ, account_id, webhook_id)
    if row is None:
        return
    names = ("name", "description", "endpoint_url", "secret", "enabled", "topics")
    values = [changes.get(name, row[name]) for name in names]
    afresh = bool(_AFRESH & changes.keys()) and values[4]
    await transaction.execute(_CHANGE, account_id, webhook_id, *values, now, afresh)
    if not values[4]:
        await forget_queued(transaction, account_id, webhook_id)


async def delete_webhook(transaction: Connection, account_id: str, webhook_id: str) -> None:
    """Delete a webhook together with what it was still to be told."""
    await transaction.execute(_DELETE, account_id, webhook_id)
    await forget_queued(transaction, account_id, webhook_id)


async def list_webhooks(database: Database, account_id: str) -> list[Row]:
    """Return every column of the account's webhooks, the oldest first."""
    return await database.fetch(_ALL, account_id)


async def switch_on(database: Database, account_id: str, webhook_id: str) -> bool:
    """Let a webhook be told again at once, switching it on, and return whether the account has it."""
    async with database.transaction() as transaction:
        return (await transaction.execute(_AGAIN, account_id, webhook_id)).endswith(" 1")
