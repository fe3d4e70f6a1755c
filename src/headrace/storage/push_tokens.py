"""Push tokens: the devices on which a person takes push messages. `at` is the account's time. Source: reference 4.4.

A token is one device's, and so one person's: whoever gets it takes it from whomever had it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from typing import Any

from headrace.conditions.topics import PUSH_TOKENS
from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database
from headrace.storage.noting import note_changed

PLATFORMS = ("android", "ios", "web")
VENDORS = ("apns", "fcm", "web")
ALLOWED, DENIED = "AUTHORIZED", "UNAUTHORIZED"
STATUSES = (ALLOWED, "DENIED", "NOT_DETERMINED", "PROVISIONAL", DENIED)
ENABLED = frozenset((ALLOWED, "PROVISIONAL"))
"""The permissions with which messages arrive. Our choice: provisional ones do, quietly."""
BACKGROUNDS = ("AVAILABLE", "DENIED", "RESTRICTED")

TOKEN_LOCK = 0x546F_6B65
"""The class of the advisory locks that one giver of a token holds."""

_ID = re.compile(r"[0-9a-f]{32}")

_LOCK = "SELECT pg_advisory_xact_lock($1, hashtext($2))"

_SET = """
INSERT INTO push_token (bucket, account_id, profile_id, token, platform, vendor, enabled, created_at, updated_at,
                        enablement_status, background, metadata)
SELECT p.bucket, p.account_id, p.profile_id, $4, $5, $6, $7, $8, $8, $9, $10, $11
FROM profile p WHERE p.bucket = $1 AND p.account_id = $2 AND p.profile_id = $3
ON CONFLICT (bucket, account_id, profile_id, token) DO UPDATE
SET platform = excluded.platform, vendor = excluded.vendor, enabled = excluded.enabled,
    updated_at = excluded.updated_at, enablement_status = excluded.enablement_status,
    background = excluded.background, metadata = excluded.metadata
RETURNING token
"""

_REMOVE = """
DELETE FROM push_token WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND token = $4 RETURNING token
"""

_TAKE = """
DELETE FROM push_token WHERE account_id = $1 AND md5(token) = $2 AND profile_id <> $3 RETURNING profile_id
"""

_LOAD = """
SELECT t.account_id, t.profile_id, t.token, t.platform, t.vendor, t.enabled
FROM unnest($1::smallint[], $2::text[], $3::text[]) AS asked (bucket, account_id, profile_id)
JOIN push_token t USING (bucket, account_id, profile_id)
ORDER BY t.created_at, t.token
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A device that takes push messages; `enabled` tells whether its owner allows them.

    `status` and `background` are the device's permissions as it put them, `metadata` what else it told of itself.
    """

    token: str
    platform: str
    vendor: str
    enabled: bool = True
    status: str | None = None
    background: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def token_id(token: str) -> str:
    """Return the id by which the API names a token: 32 hexadecimal digits that follow from the token itself."""
    return md5(token.encode(), usedforsecurity=False).hexdigest()


def id_in(text: str) -> str:
    """Return the id that a text is, or that of the token that it is: callers name a token by either."""
    return text if _ID.fullmatch(text) else token_id(text)


async def set_token(transaction: Connection, account_id: str, profile_id: str, token: Token, at: datetime) -> bool:
    """Give a person a token, or change the one they have; False when there is no such profile.

    Our choice: somebody else who had the token loses it, because a device is in one person's hands.
    """
    named = token_id(token.token)
    await transaction.execute(_LOCK, TOKEN_LOCK, f"{account_id}|{named}")
    told = (token.enabled, at, token.status, token.background, dict(token.metadata))
    place = (bucket_of(profile_id), account_id, profile_id)
    written = await transaction.fetch_value(_SET, *place, token.token, token.platform, token.vendor, *told)
    if written is None:
        return False
    losers = await transaction.fetch(_TAKE, account_id, named, profile_id)
    await _note(transaction, account_id, [profile_id, *(row["profile_id"] for row in losers)], at)
    return True


async def remove_token(transaction: Connection, account_id: str, profile_id: str, token: str, at: datetime) -> bool:
    """Take a token away; False when the person had no such token."""
    removed = await transaction.fetch_value(_REMOVE, bucket_of(profile_id), account_id, profile_id, token)
    if removed is not None:
        await _note(transaction, account_id, [profile_id], at)
    return removed is not None


async def remove_by_id(transaction: Connection, account_id: str, named: str, at: datetime) -> None:
    """Take the token with an id (`token_id`) away from whoever has it."""
    rows = await transaction.fetch(_TAKE, account_id, named, "")
    await _note(transaction, account_id, [row["profile_id"] for row in rows], at)


async def _note(transaction: Connection, account_id: str, people: Iterable[str], at: datetime) -> None:
    await note_changed(transaction, account_id, dict.fromkeys(people, (PUSH_TOKENS,)), at)


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
