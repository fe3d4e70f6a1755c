"""Identity: which profile an e-mail address, phone number, external id or anonymous id names.

What is here: the `identifier` rows - normalizing, finding, claiming and releasing them. What is not: profile rows
(`profile_rows.py`) and the decision which profile an incoming person is (`resolve.py`).

Claims are inserted in sorted order, so that two transactions that want the same identifiers wait for each other and
never deadlock. Source: DESIGN section 8 (identity).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from headrace.ids import identifier_bucket
from headrace.storage.arrays import numbers, texts
from headrace.storage.database import Connection


class Kind(IntEnum):
    """The kinds of identifier, in the order in which they decide who somebody is.

    Our choice: the address that a person uses decides before a shop's own number, and a browser's id last.
    """

    EMAIL = 1
    PHONE = 2
    EXTERNAL = 3
    ANONYMOUS = 4

    # Identifiers are keys of dicts, and an enum hashes by its name, in Python.
    __hash__ = int.__hash__


COLUMNS = {Kind.EMAIL: "email", Kind.PHONE: "phone_number", Kind.EXTERNAL: "external_id"}
"""The identifiers of which a profile has one, shown in its row. Anonymous ids and further addresses are many."""


class Identifier(NamedTuple):
    """One identifier, normalized."""

    kind: Kind
    value: str


NOTHING: Mapping[str, Any] = {}
KINDS = {int(kind): kind for kind in Kind}


class IncomingProfile(NamedTuple):
    """A person as a request describes them.

    `profile_id` is given when the request names one. `fields` holds column values (first_name, title, timezone ...),
    `location` and `properties` are laid over what is stored, key by key. Of a `guarded` one identifiers that the
    profile lacks are added and none is replaced, because whoever described them may be anybody.
    """

    profile_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    anonymous_id: str | None = None
    fields: Mapping[str, Any] = NOTHING
    location: Mapping[str, Any] = NOTHING
    properties: Mapping[str, Any] = NOTHING
    guarded: bool = False

    @property
    def is_identified(self) -> bool:
        """Whether an identifier was given."""
        return bool(normal_email(self.email) or self.phone_number or self.external_id or self.anonymous_id)

    def identifiers(self) -> list[Identifier]:
        """Return the identifiers that were given, in the order in which they decide."""
        found: list[Identifier] = []
        if email := normal_email(self.email):
            found.append(Identifier(Kind.EMAIL, email))
        if self.phone_number:
            found.append(Identifier(Kind.PHONE, self.phone_number))
        if self.external_id:
            found.append(Identifier(Kind.EXTERNAL, self.external_id))
        if self.anonymous_id:
            found.append(Identifier(Kind.ANONYMOUS, self.anonymous_id))
        return found


def normal_email(email: str | None) -> str | None:
    """Return an address in the spelling that identity compares: trimmed, in lower case."""
    return email.strip().lower() if email else None


_FIND = """
SELECT i.kind, i.value, i.profile_id
FROM unnest($2::smallint[], $3::smallint[], $4::text[]) AS wanted (bucket, kind, value)
JOIN identifier i ON i.bucket = wanted.bucket AND i.account_id = $1 AND i.kind = wanted.kind AND i.value = wanted.value
"""

_FIND_EACH = """
SELECT string_agg(coalesce(i.profile_id, ''), ',' ORDER BY wanted.place)
FROM unnest($2::text::smallint[], $3::text::smallint[], $4::text::text[])
    WITH ORDINALITY AS wanted (bucket, kind, value, place)
LEFT JOIN identifier i
    ON i.bucket = wanted.bucket AND i.account_id = $1 AND i.kind = wanted.kind AND i.value = wanted.value
"""

_CLAIM = """
INSERT INTO identifier (bucket, account_id, kind, value, profile_id)
SELECT bucket, $1, kind, value, profile_id
FROM unnest($2::smallint[], $3::smallint[], $4::text[], $5::text[]) AS wanted (bucket, kind, value, profile_id)
ORDER BY bucket, kind, value
ON CONFLICT DO NOTHING
"""

_RELEASE = """
DELETE FROM identifier i
USING unnest($2::smallint[], $3::smallint[], $4::text[], $5::text[]) AS old (bucket, kind, value, profile_id)
WHERE i.bucket = old.bucket AND i.account_id = $1 AND i.kind = old.kind AND i.value = old.value
  AND i.profile_id = old.profile_id
"""


async def find(connection: Connection, account_id: str, wanted: Collection[Identifier]) -> dict[Identifier, str]:
    """Return identifier -> profile id for those of `wanted` that exist."""
    if not wanted:
        return {}
    rows = await connection.fetch(_FIND, account_id, *_keys(account_id, wanted))
    return {Identifier(KINDS[row["kind"]], row["value"]): row["profile_id"] for row in rows}


async def find_each(connection: Connection, account_id: str, wanted: Sequence[tuple[Kind, str]]) -> list[str] | None:
    """Return the profile id behind each identifier, in their order, or None where one of them is not known."""
    buckets = [identifier_bucket(account_id, kind, value) for kind, value in wanted]
    kinds, values = zip(*wanted, strict=True)
    found = await connection.fetch_value(_FIND_EACH, account_id, numbers(buckets), numbers(kinds), texts(values))
    profile_ids: list[str] = found.split(",")
    return None if "" in profile_ids else profile_ids


async def claim(transaction: Connection, account_id: str, claims: Sequence[tuple[Identifier, str]]) -> bool:
    """Give identifiers to profiles; False when somebody else holds one of them by now.

    After False the transaction must be rolled back and begun anew: it then sees the winner.
    """
    if not claims:
        return True
    owners = [profile_id for _, profile_id in claims]
    tag = await transaction.execute(_CLAIM, account_id, *_keys(account_id, [one for one, _ in claims]), owners)
    return int(tag.rsplit(" ", 1)[1]) == len(claims)


async def release(transaction: Connection, account_id: str, held: Sequence[tuple[Identifier, str]]) -> None:
    """Take identifiers away from the profiles that hold them."""
    if held:
        owners = [profile_id for _, profile_id in held]
        await transaction.execute(_RELEASE, account_id, *_keys(account_id, [one for one, _ in held]), owners)


def _keys(account_id: str, identifiers: Collection[Identifier]) -> tuple[list[int], list[int], list[str]]:
    return (
        [identifier_bucket(account_id, one.kind, one.value) for one in identifiers],
        [int(one.kind) for one in identifiers],
        [one.value for one in identifiers],
    )
