"""Resolving people: from what requests say about persons to profile ids, making the profiles that do not exist.

One batch, one transaction, a fixed number of statements. A person is the profile that the first known of their
identifiers names, in the order of `identity.Kind`; unknown identifiers are added to it. Where two identifiers
name two profiles, the first decides and the other profile is left alone: joining them is a merge, which a user asks
for. The id of a profile that was merged means the one that it is now.

Of a guarded person (`IncomingProfile.guarded`) an identifier of a kind that the profile has already is passed over, as
if it had not been given: nobody holds it afterwards who did not before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from headrace.conditions.topics import EVERYTHING
from headrace.errors import Invalid, Problem
from headrace.ids import IdSource
from headrace.storage import identity, profile_rows
from headrace.storage.aliases import follow
from headrace.storage.database import Connection
from headrace.storage.identity import COLUMNS as COLUMNS
from headrace.storage.identity import Identifier, IncomingProfile, Kind
from headrace.storage.noting import note_changed, topics_of
from headrace.storage.profile_rows import ProfilePatch


class LostRace(Exception):
    """Somebody else claimed an identifier meanwhile; roll back, begin anew and see the winner."""


class Resolver:
    """Works out one batch of people of one account; made for one transaction, or one look, and thrown away."""

    __slots__ = (
        "_account_id",
        "_claims",
        "_connection",
        "_guarded",
        "_held",
        "_ids",
        "_known",
        "_new",
        "_now",
        "_patches",
    )

    def __init__(self, connection: Connection, account_id: str, ids: IdSource, now: datetime) -> None:
        self._connection = connection
        self._account_id = account_id
        self._ids = ids
        self._now = now
        self._known: dict[Identifier, str] = {}
        self._claims: dict[Identifier, str] = {}
        self._new: set[str] = set()
        self._patches: dict[str, ProfilePatch] = {}
        self._guarded: set[Identifier] = set()
        self._held: dict[str, set[str]] = {}

    async def resolve(self, people: Sequence[IncomingProfile]) -> list[str | Problem]:
        """Return a profile id per person, or what is wrong with that person; the others are written all the same.

        Raises `LostRace` when the transaction must be begun anew.
        """
        answers = await self._decide(people)
        await self._write()
        return answers

    async def recognize(self, people: Sequence[IncomingProfile]) -> list[str | Problem] | None:
        """Return what `resolve` would, or None where it would have to write; needs no transaction."""
        answers = await self._decide(people)
        return None if self._patches else answers

    async def _decide(self, people: Sequence[IncomingProfile]) -> list[str | Problem]:
        given = [person.identifiers() for person in people]
        wanted = {one for identifiers in given for one in identifiers}
        self._known = await identity.find(self._connection, self._account_id, wanted)
        named = {person.profile_id for person in people if person.profile_id}
        existing = await profile_rows.existing(self._connection, self._account_id, named)
        if missing := named - existing:
            homes = await follow(self._connection, self._account_id, missing)
            people = [one._replace(profile_id=homes.get(one.profile_id or "", one.profile_id)) for one in people]
            existing |= await profile_rows.existing(self._connection, self._account_id, set(homes.values()))
        if any(person.guarded and None in map(self._known.get, one) for person, one in zip(people, given, strict=True)):
            await self._look_at_held(existing.union(self._known.values()))
        return [self._person(*one, existing) for one in zip(people, given, strict=True)]

    async def _look_at_held(self, profile_ids: Collection[str]) -> None:
        """Note which identifiers the profiles have that a guarded person may turn out to be."""
        rows = await profile_rows.identifiers(self._connection, self._account_id, profile_ids)
        self._held = {row["profile_id"]: {one for one in COLUMNS.values() if row[one]} for row in rows}

    def _person(self, person: IncomingProfile, identifiers: list[Identifier], existing: set[str]) -> str | Problem:
        if person.profile_id and person.profile_id not in existing:
            return Invalid(f"there is no profile {person.profile_id!r} in this account")
        if not person.profile_id and not identifiers:
            return Invalid("a profile needs an id, email, phone_number, external_id or anonymous_id; none was given")
        known = [self._known.get(one) for one in identifiers]
        profile_id = person.profile_id or next(filter(None, known), None) or self._make()
        if person.guarded and None in known:
            identifiers = [one for one in identifiers if self._may_add(profile_id, one)]
            known = [self._known.get(one) for one in identifiers]
        if None in known or person.fields or person.location or person.properties:
            self._claim(profile_id, person, identifiers)
        return profile_id

    def _may_add(self, profile_id: str, one: Identifier) -> bool:
        """Tell whether a guarded person's identifier may be added: the profile has none of its kind so far."""
        if one in self._known:
            return True
        patch = self._patches.get(profile_id)
        column = COLUMNS.get(one.kind)
        has = column in self._held.get(profile_id, ()) or (patch is not None and column in patch.fields)
        if not has:
            self._guarded.add(one)
        return not has

    def _make(self) -> str:
        profile_id = self._ids.ulid(self._now)
        self._new.add(profile_id)
        return profile_id

    def _claim(self, profile_id: str, person: IncomingProfile, identifiers: list[Identifier]) -> None:
        patch = self._patches.setdefault(profile_id, ProfilePatch(profile_id))
        for one in identifiers:
            if one not in self._known:
                self._known[one] = self._claims[one] = profile_id
                column = COLUMNS.get(one.kind, "anonymous_id")
                patch.fields[column] = person.email.strip() if column == "email" and person.email else one.value
        patch.lay(person.fields, person.location, person.properties)

    async def _write(self) -> None:
        await self._release_replaced()
        claims = sorted(self._claims.items())
        if not await identity.claim(self._connection, self._account_id, claims):
            raise LostRace
        new = [patch for patch in self._patches.values() if patch.profile_id in self._new]
        old = [patch for patch in self._patches.values() if patch.profile_id not in self._new and not patch.is_empty]
        await profile_rows.insert(self._connection, self._account_id, new, self._now)
        await profile_rows.update(self._connection, self._account_id, old, self._now)
        changed = {one.profile_id: topics_of(one.fields, one.location, one.properties) for one in old}
        changed.update((one.profile_id, {EVERYTHING}) for one in new)
        await note_changed(self._connection, self._account_id, changed, self._now)

    async def _release_replaced(self) -> None:
        """Give up the address, number or external id that a stored profile had before this batch gave it another."""
        touched = {profile_id for profile_id in self._claims.values() if profile_id not in self._new}
        rows = await profile_rows.lock_identifiers(self._connection, self._account_id, touched)
        if len(rows) < len(touched):
            raise LostRace  # merged or deleted meanwhile: an identifier would lead to nobody
        replaced: list[tuple[Identifier, str]] = []
        for row in rows:
            fields = self._patches[row["profile_id"]].fields
            for kind, column in COLUMNS.items():
                old = identity.normal_email(row[column]) if kind is Kind.EMAIL else row[column]
                new = fields.get(column)
                given = identity.normal_email(new) if kind is Kind.EMAIL else new
                if old and given and old != given:
                    if Identifier(kind, given) in self._guarded:
                        raise LostRace  # somebody else added it since it was looked for
                    replaced.append((Identifier(kind, old), row["profile_id"]))
        await identity.release(self._connection, self._account_id, replaced)


async def recognize_plain(
    connection: Connection, account_id: str, people: Sequence[IncomingProfile]
) -> list[str] | None:
    """Return a profile id per person where each is described by one known identifier and nothing else, else None.

    Most events are of such people, and looking them up takes one statement and no objects.
    """
    places: dict[tuple[Kind, str], int] = {}
    found: list[int] = []
    for person in people:
        key = _plain_identifier(person)
        if key is None:
            return None
        found.append(places.setdefault(key, len(places)))
    ids = await identity.find_each(connection, account_id, list(places))
    return None if ids is None else [ids[place] for place in found]


def _plain_identifier(person: IncomingProfile) -> tuple[Kind, str] | None:
    """Return the one identifier of a person of whom nothing else is said."""
    profile_id, email, phone, external, anonymous, fields, location, properties, _ = person
    if profile_id or fields or location or properties:
        return None
    if email:
        return None if phone or external or anonymous else (Kind.EMAIL, email.strip().lower())
    others = [one for one in ((Kind.PHONE, phone), (Kind.EXTERNAL, external), (Kind.ANONYMOUS, anonymous)) if one[1]]
    return others[0] if len(others) == 1 else None  # type: ignore[return-value]
