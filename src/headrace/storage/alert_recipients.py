"""Who gets internal alerts: addresses that their owners have confirmed. Source: reference 1.8, 2.

Addresses are kept in small letters, so that `Ann@Shop.test` and `ann@shop.test` are one recipient.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from headrace.storage.database import Connection, Database, Row

_REQUEST = "INSERT INTO alert_recipient (account_id, email) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_CONFIRM = """
UPDATE alert_recipient SET confirmed_at = coalesce(confirmed_at, $3) WHERE account_id = $1 AND email = $2
RETURNING email
"""
_CONFIRMED = "SELECT account_id, email FROM alert_recipient WHERE account_id = ANY($1) AND confirmed_at IS NOT NULL"
_LIST = "SELECT email, confirmed_at FROM alert_recipient WHERE account_id = $1 ORDER BY email"


async def request_recipient(transaction: Connection, account_id: str, email: str) -> None:
    """Name an address that is to get alerts once it is confirmed; one that is there already stays as it is."""
    await transaction.execute(_REQUEST, account_id, email.lower())


async def confirm_recipient(transaction: Connection, account_id: str, email: str, at: datetime) -> bool:
    """Write that an address's owner agreed, at the account's time; False when nobody asked them."""
    return await transaction.fetch_value(_CONFIRM, account_id, email.lower(), at) is not None


async def confirmed_recipients(
    connection: Connection | Database, account_ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """Return account id -> confirmed addresses, in small letters, of each account that has any."""
    found: dict[str, set[str]] = {}
    for row in await connection.fetch(_CONFIRMED, sorted(set(account_ids))):
        found.setdefault(row["account_id"], set()).add(row["email"])
    return {account_id: frozenset(emails) for account_id, emails in found.items()}


async def list_recipients(connection: Connection | Database, account_id: str) -> list[Row]:
    """Return an account's recipients by address: email, confirmed_at (None until then)."""
    return await connection.fetch(_LIST, account_id)
