"""Private keys: making, finding, listing and revoking them. Times here are system time.

A key is 192 random bits, so it is stored under its plain SHA-256: nobody can try all keys, and a slow, salted hash
(which guards guessable passwords) would only make every request slow. The look-up is by the hash, so its timing tells
nothing about a key: whoever guesses does not choose the hash that is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.clock import Clock
from headrace.ids import IdSource
from headrace.model import Account
from headrace.storage.accounts import account_of
from headrace.storage.database import Database, Row

PREFIX = "pk_"
KEY_BYTES = 24
USE_GRAIN = timedelta(minutes=1)
"""How exact `last_used_at` is: a key in constant use is written to once in this time."""

_INSERT = """
INSERT INTO api_key (key_hash, key_id, account_id, name, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)
"""

_FIND = """
SELECT api_key.key_id, api_key.scopes, api_key.last_used_at, account.account_id, account.name, timezone, currency,
       locale, clock, sender_email, sender_label, organization, settings
FROM api_key JOIN account USING (account_id) WHERE key_hash = $1 AND revoked_at IS NULL
"""

_USED = """
UPDATE api_key SET last_used_at = $2 WHERE key_hash = $1 AND (last_used_at IS NULL OR last_used_at <= $3)
"""
"""Looks again whether that is due: many requests may find it so at once."""

_LIST = """
SELECT key_id, account_id, name, scopes, created_at, last_used_at, revoked_at
FROM api_key WHERE account_id = $1 ORDER BY created_at, key_id
"""

_REVOKE = "UPDATE api_key SET revoked_at = $3 WHERE account_id = $1 AND key_id = $2 AND revoked_at IS NULL"


@dataclass(frozen=True, slots=True)
class Key:
    """A private key as it is listed: everything but the key itself, which is not stored."""

    key_id: str
    account_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a private key stands for, and what it may do."""

    key_id: str
    account: Account
    scopes: frozenset[str]


async def create_key(
    database: Database, ids: IdSource, clock: Clock, account_id: str, name: str, scopes: Sequence[str]
) -> tuple[str, Key]:
    """Make a key and return it with its record; the key itself is shown this once and can never be read again."""
    secret = PREFIX + ids.secret(KEY_BYTES)
    key = Key(ids.short(), account_id, name, tuple(sorted(set(scopes))), clock.now())
    async with database.transaction() as transaction:
        await transaction.execute(
            _INSERT, key_hash(secret), key.key_id, account_id, name, list(key.scopes), key.created_at
        )
    return secret, key


async def find_caller(database: Database, secret: str, now: datetime) -> Caller | None:
    """Return whom a key stands for and note its use; None for a key that is unknown or revoked."""
    digest = key_hash(secret)
    row = await database.fetch_row(_FIND, digest)
    if row is None:
        return None
    if row["last_used_at"] is None or now - row["last_used_at"] >= USE_GRAIN:
        async with database.transaction() as transaction:
            await transaction.execute(_USED, digest, now, now - USE_GRAIN)
    return Caller(row["key_id"], account_of(row), frozenset(row["scopes"]))


async def list_keys(database: Database, account_id: str) -> list[Key]:
    """Return the account's keys, oldest first, revoked ones among them."""
    return [_key(row) for row in await database.fetch(_LIST, account_id)]


async def revoke_key(database: Database, clock: Clock, account_id: str, key_id: str) -> bool:
    """Revoke a key; False when the account has no live key with this id."""
    async with database.transaction() as transaction:
        tag = await transaction.execute(_REVOKE, account_id, key_id, clock.now())
    return tag.endswith(" 1")


def key_hash(secret: str) -> bytes:
    """Return what a key is stored under."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _key(row: Row) -> Key:
    return Key(
        key_id=row["key_id"],
        account_id=row["account_id"],
        name=row["name"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
