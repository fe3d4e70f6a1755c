"""Profiles one at a time: making, changing, and both at once, as the API's profile operations ask for it.

What is here: transactions that keep a profile's row and its identifiers in step. What is not: the batches of people
that come with events (`resolve.py`). A request that names somebody else's identifier is refused, unlike an event, whose
first known identifier decides. Source: DESIGN section 8 (identity); reference 7.2 (duplicate_profile).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import select

from headrace.conditions.topics import EVERYTHING
from headrace.ids import IdSource, bucket_of
from headrace.storage import identity, profile_rows
from headrace.storage.database import Connection, Database, Row
from headrace.storage.identity import Identifier, IncomingProfile, Kind
from headrace.storage.noting import note_changed, topics_of
from headrace.storage.profile_rows import ProfilePatch
from headrace.storage.resolve import COLUMNS, LostRace
from headrace.storage.tables import profile

RACES = 20
"""How often a transaction that lost a race for an identifier begins anew before that counts as a bug."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The refusal: `identifier` belongs to another profile already."""

    identifier: Identifier
    profile_id: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The refusal: the account has no such profile."""

    profile_id: str


@dataclass(frozen=True, slots=True)
class Written:
    """What was done: `is_new` tells a new profile from a changed one."""

    profile_id: str
    is_new: bool


Result = Written | Duplicate | Missing


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What is to become of a profile.

    `fields` holds columns and their new values, None to clear one; `location` and `properties` are laid over what is
    stored, key by key (None in `location` removes a part). Then values are added to and taken from list properties, and
    at last properties are removed.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    location: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    append: Mapping[str, Any] = field(default_factory=dict)
    unappend: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()

    def identifiers(self) -> list[Identifier]:
        """Return the identifiers that the profile is to have, in the order in which they decide who it is."""
        given = self.fields.get
        return IncomingProfile(
            email=given("email"),
            phone_number=given("phone_number"),
            external_id=given("external_id"),
            anonymous_id=given("anonymous_id"),
        ).identifiers()


async def create_profile(
    database: Database, account_id: str, ids: IdSource, change: ProfileChange, now: datetime
) -> Result:
    """Make a profile; `Duplicate` when one of its identifiers is taken. `now` is the account's time."""

    async def attempt(transaction: Connection) -> Result:
        wanted = change.identifiers()
        known = await identity.find(transaction, account_id, wanted)
        for one in wanted:
            if one in known:
                return Duplicate(one, known[one])
        return await _insert(transaction, account_id, ids.ulid(now), change, now)

    return await _racing(database, attempt)


async def change_profile(
    database: Database, account_id: str, profile_id: str, change: ProfileChange, now: datetime
) -> Result:
    """Change a profile; `Duplicate` when another one holds an identifier that it is to have, `Missing` without one."""

    async def attempt(transaction: Connection) -> Result:
        known = await identity.find(transaction, account_id, change.identifiers())
        return await _change(transaction, account_id, profile_id, change, known, now)

    return await _racing(database, attempt)


async def import_profile(
    database: Database, account_id: str, ids: IdSource, change: ProfileChange, now: datetime
) -> Result:
    """Change the profile that the first known identifier names, or make one."""

    async def attempt(transaction: Connection) -> Result:
        wanted = change.identifiers()
        known = await identity.find(transaction, account_id, wanted)
        profile_id = next((known[one] for one in wanted if one in known), None)
        if profile_id is None:
            return await _insert(transaction, account_id, ids.ulid(now), change, now)
        return await _change(transaction, account_id, profile_id, change, known, now)

    return await _racing(database, attempt)


async def _racing(database: Database, attempt: Callable[[Connection], Awaitable[T]]) -> T:
    for _ in range(RACES):
        try:
            async with database.transaction() as transaction:
                return await attempt(transaction)
        except (LostRace, asyncpg.DeadlockDetectedError):
            continue
    raise RuntimeError(f"a profile lost {RACES} races for its identifiers")


async def _insert(
    transaction: Connection, account_id: str, profile_id: str, change: ProfileChange, now: datetime
) -> Written:
    patch = ProfilePatch(profile_id)
    fields = {name: value for name, value in change.fields.items() if value is not None}
    patch.lay(fields, _overlaid({}, change.location), changed_properties({}, change))
    claims = sorted((one, profile_id) for one in change.identifiers())
    if not await identity.claim(transaction, account_id, claims):
        raise LostRace
    await profile_rows.insert(transaction, account_id, [patch], now)
    await note_changed(transaction, account_id, {profile_id: (EVERYTHING,)}, now)
    return Written(profile_id, True)


async def _change(
    transaction: Connection,
    account_id: str,
    profile_id: str,
    change: ProfileChange,
    known: Mapping[Identifier, str],
    now: datetime,
) -> Result:
    taken = [(one, owner) for one, owner in known.items() if owner != profile_id]
    if taken:
        return Duplicate(*taken[0])
    claims = sorted((one, profile_id) for one in change.identifiers() if one not in known)
    if not await identity.claim(transaction, account_id, claims):
        raise LostRace
    own = _own(account_id, profile_id)
    row = await transaction.fetch_row(select(profile).where(*own).with_for_update(key_share=True))
    if row is None:
        return await _nothing(transaction, account_id, profile_id, [one for one, _ in claims])
    await identity.release(transaction, account_id, [(one, profile_id) for one in _given_up(row, change)])
    values = {
        **change.fields,
        "location": _overlaid(row["location"], change.location),
        "properties": changed_properties(row["properties"], change),
        "updated_at": max(now, row["updated_at"]),
    }
    await transaction.execute(profile.update().where(*own).values(**values))
    await note_changed(transaction, account_id, {profile_id: _topics(change)}, now)
    return Written(profile_id, False)


def _topics(change: ProfileChange) -> set[str]:
    return topics_of(
        change.fields, change.location, {*change.properties, *change.append, *change.unappend, *change.unset}
    )


async def _nothing(transaction: Connection, account_id: str, profile_id: str, claimed: Iterable[Identifier]) -> Missing:
    """Take back what was claimed for a profile that does not exist."""
    await identity.release(transaction, account_id, [(one, profile_id) for one in claimed])
    return Missing(profile_id)


def _own(account_id: str, profile_id: str) -> tuple[Any, ...]:
    key = profile.c
    return key.bucket == bucket_of(profile_id), key.account_id == account_id, key.profile_id == profile_id


def _given_up(row: Row, change: ProfileChange) -> list[Identifier]:
    """Return the identifiers that the stored profile no longer has after the change. Anonymous ids are kept."""
    wanted = set(change.identifiers())
    given_up: list[Identifier] = []
    for kind, column in COLUMNS.items():
        value = identity.normal_email(row[column]) if kind is Kind.EMAIL else row[column]
        if value and column in change.fields and Identifier(kind, value) not in wanted:
            given_up.append(Identifier(kind, value))
    return given_up


def _overlaid(stored: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**stored, **parts}.items() if value is not None}


def changed_properties(stored: Mapping[str, Any], change: ProfileChange) -> dict[str, Any]:
    """Return custom properties after a change.

    Our choice: a value that is added to a property which is no list yet becomes a list with both, and nothing is added
    twice; taking from a property that is no list removes it when it equals the value.
    """
    changed = {**stored, **change.properties}
    for name, value in change.append.items():
        present = _as_list(changed.get(name))
        changed[name] = present + [one for one in _as_list(value) if one not in present]
    for name, value in change.unappend.items():
        if name in changed:
            gone = _as_list(value)
            kept = [one for one in _as_list(changed[name]) if one not in gone]
            changed[name] = kept if isinstance(changed[name], list) else (kept[0] if kept else None)
    return {name: value for name, value in changed.items() if name not in change.unset}


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
