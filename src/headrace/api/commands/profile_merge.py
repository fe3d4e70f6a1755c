"""Merging one profile into another one: from the checked body to the engine, and the answer.

What is not here: what merging means (`engine.merges`). Follows reference 7.7. Our choice: the answer shows the profile
that remains, which is another one than the body names where that was merged, too. The old id answers for it from then
on, in paths, events, subscriptions and links alike (`resources.merged_ids`); as the source of a merge it is a 404.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headrace.api.state import State
from headrace.engine.merges import request_merge
from headrace.jsonapi.bodies import Id, Identifier, Model
from headrace.jsonapi.operation import Call


class Sources(Model):
    """The one profile that is merged."""

    data: Annotated[list[Identifier[Literal["profile"]]], Field(min_length=1, max_length=1)]


class MergeRelationships(Model):
    """What a merge is about."""

    profiles: Sources


class MergeData(Model):
    """A merge: `id` is the profile that remains."""

    type: Literal["profile-merge"]
    id: Id
    relationships: MergeRelationships


class ProfileMerge(Model):
    """`{data: {type, id, relationships: {profiles: {data: [{type, id}]}}}}`."""

    data: MergeData


async def merge_profiles(call: Call[State, ProfileMerge]) -> dict[str, Any]:
    """Merge the profile and return the answer, which names the one that remains."""
    state, data = call.ctx.state, call.body.data
    source = data.relationships.profiles.data[0].id
    services = state.services
    now = state.clock.now()
    into = await request_merge(services, state.account, source, data.id, now, services.system_clock.now())
    links = {"self": call.ctx.links.url(f"/api/profiles/{into}")}
    return {"data": {"type": "profile", "id": into, "links": links}, "links": links}
