"""What flows change about people: their properties and attributes, and the lists they are on.

What is here: laying the operations of `update-profile` over a profile (pure), and the statements that write a whole
batch at once. What is not: whether a change is made (`engine.changes`), and changes that the API asks for (`profiles`),
which take no bucket lock and may come at the same moment: scalars are laid over what is stored by the database, and
whoever adds to a list has locked the row that it was read from.
Source: reference 2.3; DESIGN section 3 (the bucket is the unit of work).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from headrace.flows.step import ProfileOperation
from headrace.model import Profile
from headrace.storage.database import Connection

MOST_TEXT = 102_400
"""Bytes of text that the custom properties of a profile may hold together. Source: reference 2.3."""

FIELDS = ("first_name", "last_name", "organization", "title", "image", "locale", "timezone")
"""Attributes that a property of their name stands for."""
PLACES = ("address1", "address2", "city", "country", "region", "zip", "latitude", "longitude")
"""Parts of the location that a property of their name stands for."""
NUMBERS = frozenset(("latitude", "longitude"))
IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id", "id", "anonymous", "exchange_id", "kx")

_LISTS = frozenset(("append", "remove"))


def _with_dollar(names: Sequence[str]) -> dict[str, str]:
    return {spelling: name for name in names for spelling in (name, f"${name}", f"location.{name}")}


_FIELD_OF = {key: name for key, name in _with_dollar(FIELDS).items() if not key.startswith("location.")}
_PLACE_OF = _with_dollar(PLACES)
_FIXED = frozenset(_with_dollar(IDENTIFIERS))
_SPECIAL = _FIXED.union(_FIELD_OF, _PLACE_OF)


@dataclass(slots=True, eq=False)
class Patch:
    """What operations make of a profile: what is laid over its properties, then taken from them, and attributes.

    `fields` and `location` hold None where an attribute is cleared. `ignored` are keys that a flow may not change.
    `text` is how many bytes of text are laid over.
    """

    laid: dict[str, Any] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    fields: dict[str, str | None] = field(default_factory=dict)
    location: dict[str, Any] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    text: int = 0

    def told(self) -> dict[str, Any]:
        """Return the patch as the journal keeps it: what was set and what was removed."""
        known = {
            "set": {**self.laid, **self.fields, **self.location},
            "removed": sorted(self.removed),
            "ignored": self.ignored,
        }
        return {name: value for name, value in known.items() if value}

    def applied(self, profile: Profile) -> Profile:
        """Return the profile as it is after the patch."""
        properties = {name: value for name, value in profile.properties.items() if name not in self.removed}
        location = {name: value for name, value in {**profile.location, **self.location}.items() if value is not None}
        fields: dict[str, Any] = self.fields
        return replace(profile, properties={**properties, **self.laid}, location=location, **fields)

    def fits(self, properties: Mapping[str, Any]) -> bool:
        """Tell whether the properties hold no more text than they may once the patch is laid over them."""
        total = self.text
        for name, value in properties.items():
            if name not in self.laid and name not in self.removed:
                total += len(value.encode()) if isinstance(value, str) else text_in(value)
        return total <= MOST_TEXT


def reads_stored(operations: Sequence[ProfileOperation]) -> bool:
    """Tell whether operations depend on what is stored: those that add to a list or take from it."""
    return any(one.kind in _LISTS for one in operations)


def make_patch(operations: Sequence[ProfileOperation], stored: Mapping[str, Any]) -> Patch:
    """Return what operations, carried out in their order, make of a profile with these stored properties.

    `stored` may be anything where `reads_stored` says no. Our choice: a key that names an attribute of the profile
    (`first_name`, `$city`) changes the attribute, because there a reader looks for it; an identifier is left alone,
    because changing one decides who a person is. What is added to a property that is no list makes it a list of both;
    nothing is added twice; a property that equals what is taken from it is removed.
    """
    patch = Patch()
    for one in operations:
        if one.key in _SPECIAL:
            _attribute(patch, one)
        elif one.kind == "unset":
            patch.laid.pop(one.key, None)
            patch.removed.add(one.key)
        else:
            _lay(patch, one, stored)
    patch.text = text_in(patch.laid)
    return patch


def text_in(value: Any) -> int:
    """Return how many bytes of text a JSON value holds, keys not counted."""
    match value:
        case str():
            return len(value.encode())
        case dict():
            return sum(text_in(item) for item in value.values())
        case list():
            return sum(text_in(item) for item in value)
        case _:
            return 0


def _lay(patch: Patch, one: ProfileOperation, stored: Mapping[str, Any]) -> None:
    key, value = one.key, one.value
    if one.kind in _LISTS:
        present = patch.laid.get(key, None if key in patch.removed else stored.get(key))
        if one.kind == "append":
            items = _items(present)
            value = items if value in items else [*items, value]
        elif isinstance(present, list):
            value = [item for item in present if item != value]
        elif present is None or present != value:
            return
        else:
            patch.laid.pop(key, None)
            patch.removed.add(key)
            return
    patch.laid[key] = value
    patch.removed.discard(key)


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _attribute(patch: Patch, one: ProfileOperation) -> None:
    if one.key in _FIXED or one.kind in _LISTS:
        patch.ignored.append(one.key)
    elif one.key in _FIELD_OF:
        patch.fields[_FIELD_OF[one.key]] = None if one.value is None else str(one.value)
    else:
        name = _PLACE_OF[one.key]
        number = name in NUMBERS and isinstance(one.value, (int, float))
        patch.location[name] = one.value if number or one.value is None else str(one.value)


# --- people -------------------------------------------------------------------------------------------------------


class Patched(NamedTuple):
    """A patch of one profile at a moment of the account's time. A batch holds one per profile at most."""

    bucket: int
    account_id: str
    profile_id: str
    at: datetime
    patch: Patch


_ROWS = """
unnest($1::smallint[], $2::text[], $3::text[], $4::timestamptz[], $5::int[])
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
    updated_at = greatest(p.updated_at, one.at){{more}}
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

_WITH_DATES = """
SELECT DISTINCT account_id FROM flow
WHERE account_id = ANY($1) AND trigger_type = 'Date Based' AND status <> 'draft' AND NOT archived
    AND deleted_at IS NULL
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


def _columns(patched: Sequence[Patched]) -> list[list[Any]]:
    """Return one array per column; a patch that many profiles share is sent once."""
    numbers: dict[int, int] = {}
    patches: list[Patch] = []
    for one in patched:
        if numbers.setdefault(id(one.patch), len(patches) + 1) > len(patches):
            patches.append(one.patch)
    return [
        [one.bucket for one in patched],
        [one.account_id for one in patched],
        [one.profile_id for one in patched],
        [one.at for one in patched],
        [numbers[id(one.patch)] for one in patched],
        [patch.laid for patch in patches],
        [dict.fromkeys(patch.removed) for patch in patches],
        [patch.fields for patch in patches],
        [patch.location for patch in patches],
    ]


async def accounts_with_dates(transaction: Connection, account_ids: Collection[str]) -> set[str]:
    """Return those of the accounts in which some date-based flow takes people in."""
    rows = await transaction.fetch(_WITH_DATES, sorted(account_ids))
    return {row["account_id"] for row in rows}


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
INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
SELECT bucket, account_id, profile_id, group_id, at FROM {_MOVED} ORDER BY bucket, profile_id, group_id
ON CONFLICT DO NOTHING
RETURNING profile_id, group_id
"""

_LEAVE = f"""
DELETE FROM membership m USING {_MOVED}
WHERE m.bucket = moved.bucket AND m.account_id = moved.account_id AND m.profile_id = moved.profile_id
    AND m.group_id = moved.group_id
RETURNING m.profile_id, m.group_id
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
