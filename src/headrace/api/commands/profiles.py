"""Making and changing profiles.

What is here: from a checked body to the storage, and its refusals as problems. What is not: the shape of bodies
(`profile_bodies`). Follows reference 7.2 and 7.7. Our choice: `properties: null` changes nothing, because one slip
would lose every custom property; `unset` removes one.
"""

from __future__ import annotations

from typing import Any

from headrace.api.commands.limits import check_properties
from headrace.api.commands.profile_bodies import (
    IDENTIFIERS,
    PLAIN,
    ChangedProfile,
    NewProfile,
    PatchProperties,
    ProfileAttributes,
    ProfileImport,
)
from headrace.api.state import State
from headrace.errors import Conflict, Invalid, NotFound, Problems
from headrace.jsonapi.operation import Call
from headrace.storage import profiles
from headrace.storage.profiles import Duplicate, Missing, ProfileChange, Result, Written
from headrace.storage.resolve import COLUMNS

ATTRIBUTES = "/data/attributes"


async def create_profile(call: Call[State, NewProfile]) -> str:
    """Make a profile and return its id; raises `Conflict` when one of its identifiers is taken."""
    state = call.ctx.state
    change = _change(call.body.data.attributes, None)
    _need_identifier(change)
    result = await profiles.create_profile(
        state.database, state.account_id, state.services.ids, change, state.clock.now()
    )
    return _written(result).profile_id


async def update_profile(call: Call[State, ChangedProfile]) -> None:
    """Change the profile that the path names."""
    state, data = call.ctx.state, call.body.data
    change = _change(data.attributes, data.meta.patch_properties)
    result = await profiles.change_profile(state.database, state.account_id, call.path["id"], change, state.clock.now())
    _written(result)


async def import_profile(call: Call[State, ProfileImport]) -> Written:
    """Change the profile that the body names or, where there is none, make one; return which."""
    state, data = call.ctx.state, call.body.data
    change = _change(data.attributes, data.meta.patch_properties)
    now = state.clock.now()
    if data.id is not None:
        return _written(await profiles.change_profile(state.database, state.account_id, data.id, change, now))
    _need_identifier(change)
    ids = state.services.ids
    return _written(await profiles.import_profile(state.database, state.account_id, ids, change, now))


def _change(attributes: ProfileAttributes, patch: PatchProperties | None) -> ProfileChange:
    """Return what a body asks for; what it does not name stays as it is, null clears."""
    properties = attributes.get("properties") or {}
    problems = check_properties(properties, f"{ATTRIBUTES}/properties")
    if problems:
        raise Problems(problems)
    given: dict[str, Any] = {**attributes}
    fields = {name: given[name] for name in (*PLAIN, *IDENTIFIERS) if name in given}
    fields.update({name: fields[name] or None for name in IDENTIFIERS if name in fields})
    location: dict[str, Any] = {**(attributes.get("location") or {})}
    if "timezone" in location:
        fields["timezone"] = location.pop("timezone")
    patch = patch or PatchProperties()
    unset = patch.unset or ()
    return ProfileChange(
        fields=fields,
        location=location,
        properties=properties,
        append=patch.append or {},
        unappend=patch.unappend or {},
        unset=(unset,) if isinstance(unset, str) else tuple(unset),
    )


def _need_identifier(change: ProfileChange) -> None:
    if not change.identifiers():
        raise Invalid(
            "A profile needs an email, phone_number, external_id or anonymous_id; none was given.", pointer=ATTRIBUTES
        )


def _written(result: Result) -> Written:
    match result:
        case Written():
            return result
        case Missing(profile_id):
            raise NotFound(f'There is no profile with the id "{profile_id}".', pointer="/data/id")
        case Duplicate(identifier, profile_id):
            name = COLUMNS.get(identifier.kind, "anonymous_id")
            raise Conflict(
                f'A profile with the {name} "{identifier.value[:255]}" exists already: {profile_id}.',
                pointer=f"{ATTRIBUTES}/{name}",
                code="duplicate_profile",
                meta={"duplicate_profile_id": profile_id},
            )
