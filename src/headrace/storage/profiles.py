"""Profiles: making, changing, and both at once, as the API's profile operations and bulk jobs ask for it.

What is here: transactions that keep profiles' rows and their identifiers in step, for one or many in a fixed number of
statements. What is not: what a change makes of a profile (`profile_wishes`) and the people that come with events
(`resolve.py`). A request that names somebody else's identifier is refused, unlike an event, whose first known
identifier decides. Source: DESIGN section 8 (identity); reference 7.2 (duplicate_profile).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from headrace.conditions.topics import EVERYTHING
from headrace.ids import IdSource
from headrace.storage import identity, profile_rows
from headrace.storage.aliases import follow
from headrace.storage.database import Connection, Database, Row
from headrace.storage.identity import COLUMNS, Identifier
from headrace.storage.noting import note_changed, topics_of
from headrace.storage.profile_rows import ProfilePatch
from headrace.storage.profile_wishes import (
    DROPPED,
    Duplicate,
    Missing,
    ProfileChange,
    Refused,
    Result,
    Wish,
    Written,
    addresses,
    changed_properties,
    overlaid,
    own_identifiers,
    too_many,
)
from headrace.storage.resolve import LostRace

RACES = 20
"""How often a transaction that lost a race for an identifier begins anew before that counts as a bug."""

T = TypeVar("T")


async def create_profile(
    database: Database, account_id: str, ids: IdSource, change: ProfileChange, now: datetime
) -> Result:
    """Make a profile; `Duplicate` when one of its identifiers is taken. `now` is the account's time."""
    return await _one(database, account_id, ids, Wish(change, must_be_new=True), now)


async def change_profile(
    database: Database, account_id: str, ids: IdSource, profile_id: str, change: ProfileChange, now: datetime
) -> Result:
    """Change a profile; `Duplicate` when another one holds an identifier that it is to have, `Missing` without one."""
    return await _one(database, account_id, ids, Wish(change, profile_id), now)


async def import_profile(
    database: Database, account_id: str, ids: IdSource, change: ProfileChange, now: datetime
) -> Result:
    """Change the profile that the first known identifier names, or make one."""
    return await _one(database, account_id, ids, Wish(change), now)


async def _one(database: Database, account_id: str, ids: IdSource, wish: Wish, now: datetime) -> Result:
    async def attempt(transaction: Connection) -> Result:
        [result] = await write_profiles(transaction, account_id, ids, [wish], now)
        return result

    return await racing(database, attempt)


async def racing(database: Database, attempt: Callable[[Connection], Awaitable[T]]) -> T:
    """Return what `attempt` returns, made in a transaction that begins anew whenever it lost a race."""
    for _ in range(RACES):
        try:
            async with database.transaction() as transaction:
                return await attempt(transaction)
        except (LostRace, asyncpg.DeadlockDetectedError):
            continue
    raise RuntimeError(f"a profile lost {RACES} races for its identifiers")


async def write_profiles(
    transaction: Connection, account_id: str, ids: IdSource, wishes: Sequence[Wish], now: datetime
) -> list[Result]:
    """Carry wishes out in their order and return what came of each; one that is refused changes nothing.

    `now` is the account's time. Raises `LostRace` when the transaction must be begun anew (`racing`).
    """
    wishes = await _of_present_profiles(transaction, account_id, wishes)
    wanted = {one for wish in wishes for one in wish.change.identifiers()}
    dropped = {one for wish in wishes for one in addresses(wish.change.fewer_emails)}
    known = await identity.find(transaction, account_id, wanted | dropped)
    named = {wish.profile_id for wish in wishes if wish.profile_id}
    people = named.union(owner for one, owner in known.items() if one in wanted)
    rows = {row["profile_id"]: row for row in await profile_rows.lock(transaction, account_id, people)}
    await _see_again(transaction, account_id, {one: known[one] for one in wanted & known.keys()}, rows)
    batch = _Batch(rows, dict(known), ids, now)
    results = [batch.add(wish) for wish in wishes]
    await _write(transaction, account_id, batch)
    return results


async def _of_present_profiles(transaction: Connection, account_id: str, wishes: Sequence[Wish]) -> list[Wish]:
    """Return wishes about profiles that were merged into others as wishes about these."""
    named = {wish.profile_id for wish in wishes if wish.profile_id}
    now = await follow(transaction, account_id, named) if named else {}
    return [replace(wish, profile_id=now.get(wish.profile_id or "", wish.profile_id)) for wish in wishes]


async def _see_again(
    transaction: Connection, account_id: str, known: Mapping[Identifier, str], rows: Mapping[str, Row]
) -> None:
    """Make sure that identifiers still name the profiles now locked; they were read before. Raises `LostRace`."""
    doubtful = {one: owner for one, owner in known.items() if owner not in rows or one not in _shown(rows[owner])}
    if doubtful and await identity.find(transaction, account_id, doubtful.keys()) != doubtful:
        raise LostRace
    if any(owner not in rows for owner in doubtful.values()):
        raise LostRace


def _shown(row: Row) -> set[Identifier]:
    return set(own_identifiers(row))


@dataclass(slots=True)
class _Draft:
    """A profile as it is after the wishes so far."""

    profile_id: str
    is_new: bool
    columns: dict[str, Any]
    location: Mapping[str, Any]
    properties: Mapping[str, Any]
    topics: set[str] = field(default_factory=set)

    @property
    def patch(self) -> ProfilePatch:
        """The profile as rows are written."""
        return ProfilePatch(self.profile_id, self.columns, dict(self.location), dict(self.properties))


class _Batch:
    """What is to be written for wishes that were added, one after the other."""

    __slots__ = ("_ids", "_owners", "_rows", "claims", "drafts", "now", "released")

    def __init__(self, rows: Mapping[str, Row], owners: dict[Identifier, str], ids: IdSource, now: datetime) -> None:
        self._rows = rows
        self._owners = owners
        self._ids = ids
        self.now = now
        self.drafts: dict[str, _Draft] = {}
        self.claims: dict[Identifier, str] = {}
        self.released: list[tuple[Identifier, str]] = []

    def add(self, wish: Wish) -> Result:
        """Carry one wish out in memory, or refuse it."""
        change, wanted = wish.change, wish.change.identifiers()
        known = [one for one in wanted if one in self._owners]
        if wish.must_be_new and known:
            return Duplicate(known[0], self._owners[known[0]])
        target = wish.profile_id or (self._owners[known[0]] if known else None)
        taken = next((one for one in known if self._owners[one] != target), None)
        draft = self._draft(target)
        if draft is None:
            return Missing(target or "")
        if taken is not None:
            return Duplicate(taken, self._owners[taken])
        properties = changed_properties(draft.properties, change)
        refusal = too_many(draft.properties, properties, change) or self._keeps_own(draft, change)
        if refusal is not None:
            return refusal
        self._settle(draft, change, wanted)
        draft.columns.update(change.fields)
        draft.location, draft.properties = overlaid(draft.location, change.location), properties
        draft.topics |= topics_of(change.fields, change.location, change.changed_names())
        is_new = draft.is_new and draft.profile_id not in self.drafts
        self.drafts[draft.profile_id] = draft
        return Written(draft.profile_id, is_new)

    def _draft(self, profile_id: str | None) -> _Draft | None:
        """Return a profile as it is by now, a new one without an id; None where there is no such profile."""
        if profile_id is None:
            return _Draft(self._ids.ulid(self.now), True, {}, {}, {})
        if profile_id in self.drafts:
            return self.drafts[profile_id]
        row = self._rows.get(profile_id)
        if row is None:
            return None
        columns = {name: row[name] for name in profile_rows.TEXT_FIELDS}
        return _Draft(profile_id, False, columns, row["location"], row["properties"])

    def _keeps_own(self, draft: _Draft, change: ProfileChange) -> Refused | None:
        """Return the refusal of a change that takes away the profile's own address as if it were a further one."""
        after = {**dict.fromkeys(COLUMNS.values()), **draft.columns, **change.fields}
        own = set(own_identifiers(after))
        for one in addresses(change.fewer_emails):
            if one in own:
                return Refused(DROPPED, f'"{one.value}" is the profile\'s own address; change "email" instead.')
        return None

    def _settle(self, draft: _Draft, change: ProfileChange, wanted: Sequence[Identifier]) -> None:
        """Give up the identifiers that the profile no longer has after the change and take those it has now.

        Anonymous ids are kept.
        """
        own = own_identifiers({**dict.fromkeys(COLUMNS.values()), **draft.columns})
        for one in (*own, *addresses(change.fewer_emails)):
            replaced = COLUMNS[one.kind] in change.fields or one in addresses(change.fewer_emails)
            if replaced and one not in wanted and self._owners.get(one, draft.profile_id) == draft.profile_id:
                self._release(one, draft.profile_id)
        for one in wanted:
            if one not in self._owners:
                self._owners[one] = self.claims[one] = draft.profile_id

    def _release(self, one: Identifier, profile_id: str) -> None:
        self._owners.pop(one, None)
        if self.claims.pop(one, None) is None:
            self.released.append((one, profile_id))


async def _write(transaction: Connection, account_id: str, batch: _Batch) -> None:
    await identity.release(transaction, account_id, batch.released)
    if not await identity.claim(transaction, account_id, sorted(batch.claims.items())):
        raise LostRace
    drafts = batch.drafts.values()
    await profile_rows.insert(transaction, account_id, [one.patch for one in drafts if one.is_new], batch.now)
    await profile_rows.replace(transaction, account_id, [one.patch for one in drafts if not one.is_new], batch.now)
    changed = {one.profile_id: {EVERYTHING} if one.is_new else one.topics for one in drafts}
    await note_changed(transaction, account_id, changed, batch.now)
