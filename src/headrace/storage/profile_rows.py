"""Profile rows: inserting many, and laying many patches over what is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.ids import bucket_of
from headrace.storage.database import Connection, Row

TEXT_FIELDS = (
    "email",
    "phone_number",
    "external_id",
    "anonymous_id",
    "first_name",
    "last_name",
    "organization",
    "title",
    "image",
    "locale",
    "timezone",
)
"""The text columns that a patch may set."""


@dataclass(slots=True)
class ProfilePatch:
    """What a batch lays over one profile: later layers win, key by key."""

    profile_id: str
    fields: dict[str, Any] = field(default_factory=dict)
    location: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)

    def lay(self, fields: Mapping[str, Any], location: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        """Add one more layer."""
        self.fields.update(fields)
        self.location.update(location)
        self.properties.update(properties)

    @property
    def is_empty(self) -> bool:
        """Whether the patch changes nothing."""
        return not (self.fields or self.location or self.properties)


_NAMES = ", ".join(TEXT_FIELDS)
_ARRAYS = ", ".join(f"${n}::text[]" for n in range(7, 7 + len(TEXT_FIELDS)))
_PATCHES = f"""unnest($2::smallint[], $3::text[], $4::jsonb[], $5::jsonb[], {_ARRAYS})
    AS patch (bucket, profile_id, location, properties, {_NAMES})"""

_INSERT = f"""
INSERT INTO profile (bucket, account_id, profile_id, location, properties, created_at, updated_at, {_NAMES})
SELECT bucket, $1, profile_id, location, properties, $6, $6, {_NAMES} FROM {_PATCHES}
ORDER BY bucket, profile_id
"""

_UPDATE = f"""
WITH patch AS MATERIALIZED (
    SELECT patch.* FROM {_PATCHES}
    JOIN profile p ON p.bucket = patch.bucket AND p.account_id = $1 AND p.profile_id = patch.profile_id
    ORDER BY p.bucket, p.profile_id FOR NO KEY UPDATE OF p
)
UPDATE profile p SET
    {", ".join(f"{name} = coalesce(patch.{name}, p.{name})" for name in TEXT_FIELDS)},
    location = p.location || patch.location, properties = p.properties || patch.properties,
    updated_at = greatest(p.updated_at, $6)
FROM patch WHERE p.bucket = patch.bucket AND p.account_id = $1 AND p.profile_id = patch.profile_id
"""

_REPLACE = f"""
UPDATE profile p SET
    {", ".join(f"{name} = patch.{name}" for name in TEXT_FIELDS)},
    location = patch.location, properties = patch.properties, updated_at = greatest(p.updated_at, $6)
FROM {_PATCHES} WHERE p.bucket = patch.bucket AND p.account_id = $1 AND p.profile_id = patch.profile_id
"""

_LOCK = f"""
SELECT p.profile_id, p.location, p.properties, {", ".join(f"p.{name}" for name in TEXT_FIELDS)}
FROM unnest($2::smallint[], $3::text[]) AS wanted (bucket, profile_id)
JOIN profile p ON p.bucket = wanted.bucket AND p.account_id = $1 AND p.profile_id = wanted.profile_id
ORDER BY p.bucket, p.profile_id FOR NO KEY UPDATE OF p
"""

_SHOWN = """
SELECT p.profile_id, p.email, p.phone_number, p.external_id
FROM unnest($2::smallint[], $3::text[]) AS wanted (bucket, profile_id)
JOIN profile p ON p.bucket = wanted.bucket AND p.account_id = $1 AND p.profile_id = wanted.profile_id
"""
_HELD = f"{_SHOWN} ORDER BY p.bucket, p.profile_id FOR NO KEY UPDATE OF p"

_KEEP = """
SELECT p.profile_id FROM unnest($2::smallint[], $3::text[]) AS wanted (bucket, profile_id)
JOIN profile p ON p.bucket = wanted.bucket AND p.account_id = $1 AND p.profile_id = wanted.profile_id
ORDER BY p.bucket, p.profile_id FOR KEY SHARE OF p
"""

_EXISTING = """
SELECT p.profile_id FROM unnest($2::smallint[], $3::text[]) AS wanted (bucket, profile_id)
JOIN profile p ON p.bucket = wanted.bucket AND p.account_id = $1 AND p.profile_id = wanted.profile_id
"""


async def insert(transaction: Connection, account_id: str, patches: Sequence[ProfilePatch], now: datetime) -> None:
    """Insert new profiles; `now` is the account's time."""
    if patches:
        await transaction.execute(_INSERT, account_id, *_columns(patches, now))


async def update(transaction: Connection, account_id: str, patches: Sequence[ProfilePatch], now: datetime) -> None:
    """Lay patches over stored profiles, locking them in order; text that a patch does not give stays as it is."""
    if patches:
        await transaction.execute(_UPDATE, account_id, *_columns(patches, now))


async def replace(transaction: Connection, account_id: str, patches: Sequence[ProfilePatch], now: datetime) -> None:
    """Write profiles that the transaction has locked as they are to be; what a patch does not give is cleared."""
    if patches:
        await transaction.execute(_REPLACE, account_id, *_columns(patches, now))


async def lock(transaction: Connection, account_id: str, profile_ids: Collection[str]) -> list[Row]:
    """Lock profiles in order and return what may be changed of them: text, location and properties."""
    return await transaction.fetch(_LOCK, account_id, *_ids(profile_ids)) if profile_ids else []


async def lock_identifiers(transaction: Connection, account_id: str, profile_ids: Collection[str]) -> list[Row]:
    """Lock profiles and return the identifiers that their rows show: profile_id, email, phone_number, external_id."""
    return await transaction.fetch(_HELD, account_id, *_ids(profile_ids)) if profile_ids else []


async def identifiers(connection: Connection, account_id: str, profile_ids: Collection[str]) -> list[Row]:
    """Return what `lock_identifiers` does, as it stands at the moment, and lock nothing."""
    return await connection.fetch(_SHOWN, account_id, *_ids(profile_ids)) if profile_ids else []


async def keep(transaction: Connection, account_id: str, profile_ids: Collection[str]) -> set[str]:
    """Keep profiles from being merged or deleted until the transaction ends, and return those that exist.

    Whoever writes what must not be lost, such as an unsubscription, of somebody found before makes sure by this.
    """
    if not profile_ids:
        return set()
    rows = await transaction.fetch(_KEEP, account_id, *_ids(profile_ids))
    return {row["profile_id"] for row in rows}


async def existing(connection: Connection, account_id: str, profile_ids: Collection[str]) -> set[str]:
    """Return those of `profile_ids` that exist in the account."""
    if not profile_ids:
        return set()
    rows = await connection.fetch(_EXISTING, account_id, *_ids(profile_ids))
    return {row["profile_id"] for row in rows}


def _ids(profile_ids: Collection[str]) -> tuple[list[int], list[str]]:
    return [bucket_of(one) for one in profile_ids], list(profile_ids)


def _columns(patches: Sequence[ProfilePatch], now: datetime) -> list[Any]:
    return [
        [bucket_of(patch.profile_id) for patch in patches],
        [patch.profile_id for patch in patches],
        [patch.location for patch in patches],
        [patch.properties for patch in patches],
        now,
        *([patch.fields.get(name) for patch in patches] for name in TEXT_FIELDS),
    ]
