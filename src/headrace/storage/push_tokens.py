"""Push tokens: the devices on which a person takes push messages. `at` is the account's time. Source: reference 4.4."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database

PLATFORMS = ("android", "ios", "web")
VENDORS = ("apns", "fcm", "web")

_SET = """
INSERT INTO push_token (bucket, account_id, profile_id, token, platform, vendor, enabled, created_at, updated_at)
SELECT p.bucket, p.account_id, p.profile_id, $4, $5, $6, $7, $8, $8
FROM profile p WHERE p.bucket = $1 AND p.account_id = $2 AND p.profile_id = $3
ON CONFLICT (bucket, account_id, profile_id, token) DO UPDATE
SET platform = excluded.platform, vendor = excluded.vendor, enabled = excluded.enabled, updated_at = excluded.updated_at
RETURNING token
"""

_REMOVE = """
DELETE FROM push_token WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND token = $4 RETURNING token
"""

_LOAD = """
SELECT t.account_id, t.profile_id, t.token, t.platform, t.vendor, t.enabled
FROM unnest($1::smallint[], $2::text[], $3::text[]) AS asked (bucket, account_id, profile_id)
JOIN push_token t USING (bucket, account_id, profile_id)
ORDER BY t.created_at, t.token
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A device that takes push messages; `enabled` tells whether its owner allows them."""

    token: str
    platform: str
    vendor: str
    enabled: bool = True


async def set_token(transaction: Connection, account_id: str, profile_id: str, token: Token, at: datetime) -> bool:
    """Give a person a token, or change the one they have; False when there is no such profile."""
    values = (token.token, token.platform, token.vendor, token.enabled, at)
    written = await transaction.fetch_value(_SET, bucket_of(profile_id), account_id, profile_id, *values)
    return written is not None


async def remove_token(transaction: Connection, account_id: str, profile_id: str, token: str) -> bool:
    """Take a token away; False when the person had no such token."""
    removed = await transaction.fetch_value(_REMOVE, bucket_of(profile_id), account_id, profile_id, token)
    return removed is not None


async def load_tokens(
    connection: Connection | Database, people: Iterable[tuple[int, str, str]]
) -> dict[tuple[str, str], list[Token]]:
    """Return (account id, profile id) -> tokens, the oldest first, for each (bucket, account id, profile id) with any.

    Disabled ones are among them.
    """
    asked = sorted(set(people))
    if not asked:
        return {}
    found: dict[tuple[str, str], list[Token]] = {}
    for row in await connection.fetch(_LOAD, *map(list, zip(*asked, strict=True))):
        token = Token(row["token"], row["platform"], row["vendor"], row["enabled"])
        found.setdefault((row["account_id"], row["profile_id"]), []).append(token)
    return found
