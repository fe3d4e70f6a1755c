"""What flows change about people: their properties and attributes, and the lists they are on.

What is here: the statements that write a whole batch at once. What is not: what operations make of a person
(`profile_patches`), whether a change is made (`engine.changes`), and changes that the API asks for (`profiles`), which
take no bucket lock and may come at the same moment: scalars are laid over what is stored by the database, and whoever
adds to a list has locked the row that it was read from.
Source: reference 2.3; DESIGN section 3 (the bucket is the unit of work).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from headrace.storage.arrays import ids, moment, moments, numbers
from headrace.storage.database import Connection
from headrace.storage.profile_patches import FIELDS, Patch

# --- people -------------------------------------------------------------------------------------------------------


class Patched(NamedTuple):
    """A patch of one profile at a moment of the account's time. A batch holds one per profile at most."""

    bucket: int
    account_id: str
    profile_id: str
    at: datetime
    patch: Patch


_ROWS = """
unnest($1::text::smallint[], string_to_array($2, ','), string_to_array($3, ','), $4::text::bigint[],
           $5::text::int[])
    AS one (bucket, account_id, profile_id, at, number)"""

_PATCHES = """
patch AS MATERIALIZED (
    SELECT number, laid, ARRAY(SELECT jsonb_object_keys(removed)) AS removed, fields, location
    FROM unnest($6::jsonb[], $7::jsonb[], $8::jsonb[], $9::jsonb[])
        WITH ORDINALITY AS given (laid, removed, fields, location, number)
)"""

_LAY = f"""
WITH {_PATCHES}
UPDATE profile p SET properties = (p.properties - patch.removed) || patch.laid,
    updated_at = greatest(p.updated_at, {moment("one.at")}){{more}}
FROM {_ROWS} JOIN patch USING (number)
WHERE p.bucket = one.bucket AND p.account_id = one.account_id AND p.profile_id = one.profile_id
"""

_LAY_PROPERTIES = _LAY.format(more="")
_LAY_ALL = _LAY.format(
    more=",\n    location = jsonb_strip_nulls(p.location || patch.location),\n    "
    + ",\n    ".join(
        f"{name} = CASE WHEN patch.fields ? '{name}' THEN patch.fields->>'{name}' ELSE p.{name} END" for name in FIELDS
    )
)

_LOCK = """
SELECT p.profile_id, p.properties
FROM unnest($1::smallint[], $2::text[], $3::text[]) AS one (bucket, account_id, profile_id)
JOIN profile p USING (bucket, account_id, profile_id)
ORDER BY p.bucket, p.profile_id FOR NO KEY UPDATE OF p
"""


async def lock_properties(
    transaction: Connection, people: Collection[tuple[int, str, str]]
) -> dict[str, Mapping[str, Any]]:
    """Lock profiles, given as (bucket, account id, profile id), and return profile id -> stored properties."""
    rows = await transaction.fetch(_LOCK, *map(list, zip(*people, strict=True)))
    return {row["profile_id"]: row["properties"] for row in rows}


async def lay_patches(transaction: Connection, patched: Sequence[Patched]) -> None:
    """Lay each patch over its profile; a profile that is gone stays gone.

    Rows are written in the order in which others lock them, so that nobody waits in a circle.
    """
    plain = [one for one in patched if not (one.patch.fields or one.patch.location)]
    others = [one for one in patched if one.patch.fields or one.patch.location]
    for statement, chosen in ((_LAY_PROPERTIES, plain), (_LAY_ALL, others)):
        if chosen:
            await transaction.execute(statement, *_columns(sorted(chosen, key=_place)))


def _place(one: Patched) -> tuple[int, str]:
    return one.bucket, one.profile_id


def _columns(patched: Sequence[Patched]) -> list[Any]:
    """Return the columns of the rows and of the patches; a patch that many profiles share is sent once."""
    places: dict[int, int] = {}
    patches: list[Patch] = []
    for one in patched:
        if places.setdefault(id(one.patch), len(patches) + 1) > len(patches):
            patches.append(one.patch)
    return [
        numbers(one.bucket for one in patched),
        ids(one.account_id for one in patched),
        ids(one.profile_id for one in patched),
        moments(one.at for one in patched),
        numbers(places[id(one.patch)] for one in patched),
        [patch.laid for patch in patches],
        [dict.fromkeys(patch.removed) for patch in patches],
        [patch.fields for patch in patches],
        [patch.location for patch in patches],
    ]


# --- lists --------------------------------------------------------------------------------------------------------


class Moved(NamedTuple):
    """A profile that is put on a list, or taken off it, at a moment of the account's time."""

    bucket: int
    account_id: str
    profile_id: str
    group_id: str
    at: datetime


_LISTS_THERE = """
SELECT account_id, group_id FROM profile_group
WHERE account_id = ANY($1) AND group_id = ANY($2) AND kind = 'list' ORDER BY group_id FOR KEY SHARE
"""

_MOVED = """unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    AS moved (bucket, account_id, profile_id, group_id, at)"""

_JOIN = f"""
WITH joined AS (
    INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
    SELECT bucket, account_id, profile_id, group_id, at FROM {_MOVED} ORDER BY bucket, profile_id, group_id
    ON CONFLICT DO NOTHING
    RETURNING bucket, account_id, profile_id, group_id, joined_at
)
INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
SELECT bucket, account_id, profile_id, group_id, joined_at, true FROM joined
RETURNING profile_id, group_id
"""

_LEAVE = f"""
WITH gone AS (
    DELETE FROM membership m USING {_MOVED}
    WHERE m.bucket = moved.bucket AND m.account_id = moved.account_id AND m.profile_id = moved.profile_id
        AND m.group_id = moved.group_id
    RETURNING m.bucket, m.account_id, m.profile_id, m.group_id, moved.at
)
INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
SELECT bucket, account_id, profile_id, group_id, at, false FROM gone
RETURNING profile_id, group_id
"""


async def keep_lists(transaction: Connection, lists: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those (account id, list id) that exist, and keep them from being deleted until the transaction ends."""
    rows = await transaction.fetch(_LISTS_THERE, [one[0] for one in lists], [one[1] for one in lists])
    return {(row["account_id"], row["group_id"]) for row in rows}


async def join_lists(transaction: Connection, moved: Sequence[Moved]) -> set[tuple[str, str]]:
    """Put people on lists; return the (profile id, list id) of those who were not on them before."""
    return await _move(transaction, _JOIN, moved)


async def leave_lists(transaction: Connection, moved: Sequence[Moved]) -> set[tuple[str, str]]:
    """Take people off lists; return the (profile id, list id) of those who were on them."""
    return await _move(transaction, _LEAVE, moved)


async def _move(transaction: Connection, statement: str, moved: Sequence[Moved]) -> set[tuple[str, str]]:
    if not moved:
        return set()
    rows = await transaction.fetch(statement, *map(list, zip(*moved, strict=True)))
    return {(row["profile_id"], row["group_id"]) for row in rows}
