"""What callers wish of profiles, and what comes of it: pure, without a database.

What is here: the change of one profile, laying it over what is stored, and the possible answers. What is not: deciding
who somebody is and writing it (`profiles`). Source: reference 7.2, 7.7; DESIGN section 8 (identity).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from headrace.errors import Conflict, Invalid, NotFound, Problem
from headrace.storage.identity import COLUMNS, Identifier, IncomingProfile, Kind, normal_email

MOST_PROPERTIES = 400
"""Custom properties of one profile. Source: reference 5.4."""
MOST_ITEMS = 4000
"""Items of one list. Source: reference 5.4."""

PROPERTIES = "/attributes/properties"
LONGEST_SHOWN = 255
DROPPED = "/meta/patch_identifiers/unappend/email"


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
class Refused:
    """The refusal: the change breaks a rule. `pointer` is below the profile's own place in the request."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Written:
    """What was done: `is_new` tells a new profile from a changed one."""

    profile_id: str
    is_new: bool


Result = Written | Duplicate | Missing | Refused


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What is to become of a profile.

    `fields` holds columns and their new values, None to clear one; `location` and `properties` are laid over what is
    stored, key by key (None in `location` removes a part). Then values are added to and taken from list properties, and
    at last properties are removed. `more_emails` are addresses that name the profile beside its own, `fewer_emails`
    no longer do.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    location: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    append: Mapping[str, Any] = field(default_factory=dict)
    unappend: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    more_emails: tuple[str, ...] = ()
    fewer_emails: tuple[str, ...] = ()

    def identifiers(self) -> list[Identifier]:
        """Return the identifiers that the profile is to have, in the order in which they decide who it is."""
        given = self.fields.get
        named = IncomingProfile(
            email=given("email"),
            phone_number=given("phone_number"),
            external_id=given("external_id"),
            anonymous_id=given("anonymous_id"),
        ).identifiers()
        return named + [one for one in addresses(self.more_emails) if one not in named]

    def changed_names(self) -> set[str]:
        """Return the custom properties that the change touches."""
        return {*self.properties, *self.append, *self.unappend, *self.unset}


@dataclass(frozen=True, slots=True)
class Wish:
    """A profile to be made or changed: the one with `profile_id`, the one that an identifier names, or a new one.

    The first identifier that is known decides.

    With `must_be_new` it is refused where an identifier is known.
    """

    change: ProfileChange
    profile_id: str | None = None
    must_be_new: bool = False


def problem_of(result: Duplicate | Missing | Refused, pointer: str) -> Problem:
    """Return a refusal as a problem of the profile that stands at `pointer` in a request. Source: reference 7.2."""
    match result:
        case Missing(profile_id):
            return NotFound(f'There is no profile with the id "{profile_id[:LONGEST_SHOWN]}".', pointer=f"{pointer}/id")
        case Refused(below, detail):
            return Invalid(detail, pointer=f"{pointer}{below}")
        case Duplicate(identifier, profile_id):
            name = COLUMNS.get(identifier.kind, "anonymous_id")
            return Conflict(
                f'A profile with the {name} "{identifier.value[:LONGEST_SHOWN]}" exists already: {profile_id}.',
                pointer=f"{pointer}/attributes/{name}",
                code="duplicate_profile",
                meta={"duplicate_profile_id": profile_id},
            )


def kept_wish(wish: Wish) -> dict[str, Any]:
    """Return a wish as a job keeps it; see `wish_from`."""
    change = {one.name: value for one in fields(ProfileChange) if (value := getattr(wish.change, one.name))}
    return {"id": wish.profile_id, "change": change}


def wish_from(kept: Mapping[str, Any]) -> Wish:
    """Return the wish that a job kept."""
    change: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in kept["change"].items()
    }
    return Wish(ProfileChange(**change), kept["id"])


def addresses(emails: tuple[str, ...]) -> list[Identifier]:
    """Return e-mail addresses as identifiers."""
    return [Identifier(Kind.EMAIL, found) for one in emails if (found := normal_email(one))]


def own_identifiers(row: Mapping[str, Any]) -> Iterator[Identifier]:
    """Yield the identifiers that a profile's row shows."""
    for kind, column in COLUMNS.items():
        value = normal_email(row[column]) if kind is Kind.EMAIL else row[column]
        if value:
            yield Identifier(kind, value)


def overlaid(stored: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return parts laid over what is stored; None removes one."""
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
            _take(changed, name, _as_list(value))
    return {name: value for name, value in changed.items() if name not in change.unset}


def _take(changed: dict[str, Any], name: str, gone: list[Any]) -> None:
    if isinstance(changed[name], list):
        changed[name] = [one for one in changed[name] if one not in gone]
    elif changed[name] in gone:
        del changed[name]


def too_many(stored: Mapping[str, Any], properties: Mapping[str, Any], change: ProfileChange) -> Refused | None:
    """Return the refusal of properties that a change has made too many, or their lists too long; else None.

    A profile that holds too many already may be changed as long as it does not get more of them.
    """
    if len(properties) > max(MOST_PROPERTIES, len(stored)):
        return Refused(
            PROPERTIES, f"The profile would have {len(properties)} properties; at most {MOST_PROPERTIES} are allowed."
        )
    for name in change.append:
        items = properties.get(name)
        if isinstance(items, list) and len(items) > MOST_ITEMS:
            return Refused(
                "/meta/patch_properties/append",
                f'"{name[:80]}" would be an array of {len(items)} items; at most {MOST_ITEMS} are allowed.',
            )
    return None


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
