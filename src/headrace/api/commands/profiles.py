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
    KnownAttributes,
    NewProfile,
    ProfileAttributes,
    ProfileImport,
    ProfileMeta,
)
from headrace.api.state import State
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.operation import Call
from headrace.messages.tokens import Kind
from headrace.storage import profiles
from headrace.storage.profile_wishes import ProfileChange, Result, Wish, Written, problem_of

DATA = "/data"
OR_LINK = ", anonymous_id or the _kx of a link of this account"


async def create_profile(call: Call[State, NewProfile]) -> str:
    """Make a profile and return its id; raises `Conflict` when one of its identifiers is taken."""
    state, attributes = call.ctx.state, call.body.data.attributes
    change = checked(change_of(attributes, None), DATA)
    need_identifier(change, DATA)
    result = await profiles.create_profile(
        state.database, state.account_id, state.services.ids, change, state.clock.now()
    )
    return written(result, DATA).profile_id


async def update_profile(call: Call[State, ChangedProfile]) -> None:
    """Change the profile that the path names."""
    state, data = call.ctx.state, call.body.data
    change = checked(change_of(data.attributes, data.meta), DATA)
    result = await profiles.change_profile(
        state.database, state.account_id, state.services.ids, call.path["id"], change, state.clock.now()
    )
    written(result, DATA)


async def import_profile(call: Call[State, ProfileImport]) -> Written:
    """Change the profile that the body names or, where there is none, make one; return which."""
    state, data = call.ctx.state, call.body.data
    wish = wish_of(state, data.id, data.attributes, data.meta, DATA)
    now, ids = state.clock.now(), state.services.ids
    if wish.profile_id is not None:
        return written(
            await profiles.change_profile(state.database, state.account_id, ids, wish.profile_id, wish.change, now),
            DATA,
        )
    return written(await profiles.import_profile(state.database, state.account_id, ids, wish.change, now), DATA)


def wish_of(
    state: State, profile_id: str | None, attributes: KnownAttributes, meta: ProfileMeta | None, pointer: str
) -> Wish:
    """Return what a resource that stands at `pointer` asks for; raises `Problems` for what breaks a rule.

    The identity of a tracked link names a person like an id. Our choice: one that was not made here, such as one that
    another system put into old links, is passed over where something else tells who is meant.
    """
    change = checked(change_of(attributes, meta), pointer)
    profile_id = profile_id or known_by(state, attributes.get("_kx"))
    if profile_id is None:
        need_identifier(change, pointer, OR_LINK)
    return Wish(change, profile_id)


def known_by(state: State, identity: str | None) -> str | None:
    """Return the profile id in the identity that tracked links carry, None for one that is not of this account."""
    payload = state.services.signer.read(identity) if identity else None
    if payload is None or payload.kind is not Kind.IDENTITY or payload.account_id != state.account_id:
        return None
    return payload.profile_id or None


def change_of(attributes: ProfileAttributes, meta: ProfileMeta | None) -> ProfileChange:
    """Return what a body asks for; what it does not name stays as it is, null clears."""
    given: dict[str, Any] = {**attributes}
    fields = {name: given[name] for name in (*PLAIN, *IDENTIFIERS) if name in given}
    fields.update({name: fields[name] or None for name in IDENTIFIERS if name in fields})
    location: dict[str, Any] = {**(attributes.get("location") or {})}
    if "timezone" in location:
        fields["timezone"] = location.pop("timezone") or None
    patch = meta.patch_properties if meta else None
    addresses = meta.patch_identifiers if meta else None
    unset = (patch.unset if patch else None) or ()
    return ProfileChange(
        fields=fields,
        location=location,
        properties=attributes.get("properties") or {},
        append=(patch.append if patch else None) or {},
        unappend=(patch.unappend if patch else None) or {},
        unset=(unset,) if isinstance(unset, str) else tuple(unset),
        more_emails=addresses.append.all() if addresses and addresses.append else (),
        fewer_emails=addresses.unappend.all() if addresses and addresses.unappend else (),
    )


def checked(change: ProfileChange, pointer: str) -> ProfileChange:
    """Return a change whose properties keep the limits; raises `Problems` with pointers below `pointer`."""
    problems = mistakes_in(change, pointer)
    if problems:
        raise Problems(problems)
    return change


def mistakes_in(change: ProfileChange, pointer: str) -> list[Problem]:
    """Return what is wrong with the properties of a change that stands at `pointer`."""
    patch = f"{pointer}/meta/patch_properties"
    return [
        *check_properties(change.properties, f"{pointer}/attributes/properties"),
        *check_properties(change.append, f"{patch}/append"),
        *check_properties(change.unappend, f"{patch}/unappend"),
    ]


def need_identifier(change: ProfileChange, pointer: str, last: str = " or anonymous_id") -> None:
    """Raise `Invalid` for a change that names nobody; `last` ends the list of what names somebody."""
    if not change.identifiers():
        raise Invalid(
            f"A profile needs an email, phone_number, external_id{last}; none was given.",
            pointer=f"{pointer}/attributes",
        )


def written(result: Result, pointer: str) -> Written:
    """Return what was written; raises what is wrong, with pointers below `pointer`, where nothing was."""
    if isinstance(result, Written):
        return result
    raise problem_of(result, pointer)
