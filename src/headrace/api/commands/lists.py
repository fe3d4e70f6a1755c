"""Making and changing lists, and who is on them. Follows reference 4.4 and 7.7."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from headrace.api.state import State
from headrace.errors import Invalid, Problems
from headrace.jsonapi.bodies import Change, Model, New, ToMany
from headrace.jsonapi.operation import Call
from headrace.storage import groups, profile_rows, tag_ties
from headrace.storage.consenting import Source, add_to_list, make_room
from headrace.storage.database import Connection

MAX_MEMBERS = 1000
"""Profiles of one request. Source: the operations' descriptions."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
OptIn = Literal["double_opt_in", "single_opt_in"]


class ListAttributes(Model):
    """A list to be made."""

    name: Name
    opt_in_process: OptIn | None = None


class ListChanges(Model):
    """What may be changed about a list."""

    name: Name | None = None
    opt_in_process: OptIn | None = None


class NewList(New[Literal["list"], ListAttributes]):
    """The body of POST /api/lists."""


class ChangedList(Change[Literal["list"], ListChanges]):
    """The body of PATCH /api/lists/{id}."""


class Members(ToMany[Literal["profile"]]):
    """The body that adds profiles to a list or takes them off it."""


async def create_list(call: Call[State, NewList]) -> str:
    """Make a list and return its id."""
    state, attributes = call.ctx.state, call.body.data.attributes
    async with state.database.transaction() as transaction:
        return await groups.create_list(
            transaction,
            state.account_id,
            state.services.ids,
            attributes.name,
            state.clock.now(),
            attributes.opt_in_process or state.account.settings.opt_in_process,
        )


async def update_list(call: Call[State, ChangedList]) -> None:
    """Change a list's name or opt-in process."""
    state = call.ctx.state
    changes = call.body.data.attributes.model_dump(exclude_none=True)
    async with state.database.transaction() as transaction:
        await groups.change_list(transaction, state.account_id, call.path["id"], changes, state.clock.now())


async def delete_list(call: Call[State, None]) -> None:
    """Delete a list and its tags; the people who were on it stay, and whoever asks about it learns that they left."""
    state, services, list_id = call.ctx.state, call.ctx.state.services, call.path["id"]
    async with state.database.transaction() as transaction:
        asked_at = services.system_clock.now()
        await groups.delete_list(transaction, state.account_id, list_id, services.ids, state.clock.now(), asked_at)
        await tag_ties.forget_ties(transaction, state.account_id, tag_ties.LIST, list_id)


async def add_members(call: Call[State, Members]) -> None:
    """Put profiles on a list, all or none of them; whoever is on it already stays as they are."""
    state = call.ctx.state
    wanted = _named(call)
    now = state.clock.now()
    room = await make_room(state.services.own_events, state.account_id, len(wanted), [now])
    async with state.database.transaction() as transaction:
        await _keep(transaction, call)
        await add_to_list(transaction, room, call.path["id"], wanted, now, Source("api", state.key_end))


async def remove_members(call: Call[State, Members]) -> None:
    """Take profiles off a list, all or none of them; whoever is not on it is passed over."""
    state = call.ctx.state
    wanted = _named(call)
    async with state.database.transaction() as transaction:
        await _keep(transaction, call)
        received_at = state.services.system_clock.now()
        await groups.leave_group(transaction, state.account_id, call.path["id"], wanted, state.clock.now(), received_at)


def _named(call: Call[State, Members]) -> list[str]:
    """Return the ids in the body, each once."""
    ids = [one.id for one in call.body.data]
    if len(ids) > MAX_MEMBERS:
        raise Invalid(f"{len(ids)} profiles are named; at most {MAX_MEMBERS} are allowed.", pointer="/data")
    return sorted(set(ids))


async def _keep(transaction: Connection, call: Call[State, Members]) -> None:
    """Keep the profiles in the body from being merged meanwhile; raises `Problems` that point to those of nobody."""
    known = await profile_rows.keep(transaction, call.ctx.state.account_id, _named(call))
    unknown = [
        Invalid(f'There is no profile with the id "{one.id}".', pointer=f"/data/{index}/id")
        for index, one in enumerate(call.body.data)
        if one.id not in known
    ]
    if unknown:
        raise Problems(unknown)
