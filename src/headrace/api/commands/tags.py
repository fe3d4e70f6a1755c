"""What the operations on tags and tag groups do, and the bodies they take. Follows reference 7.7."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from headrace.api.state import State
from headrace.jsonapi.bodies import Change, Identifier, Model, ToMany
from headrace.jsonapi.bodies import New as NewBody
from headrace.jsonapi.operation import Call, Command, Reply
from headrace.storage import tag_ties, tags
from headrace.storage.tag_ties import Taggable

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
EMPTY_ANSWER = Reply(204)


class TagAttributes(Model):
    """A tag's name."""

    name: Name


class GroupAttributes(Model):
    """A tag group; in an exclusive one a flow holds one tag at most."""

    name: Name
    exclusive: bool | None = None


class GroupChanges(Model):
    """The new name of a tag group; `return_fields` is accepted and says nothing here, for the answer is empty."""

    name: Name
    return_fields: list[str] | None = None


class GroupLink(Model):
    """`{data: {type, id}}`."""

    data: Identifier[Literal["tag-group"]] | None = None


class TagRelationships(Model):
    """The group of a new tag."""

    tag_group: GroupLink | None = Field(default=None, alias="tag-group")


class NewTag(Model):
    """A tag to be made."""

    type: Literal["tag"]
    attributes: TagAttributes
    relationships: TagRelationships | None = None


class NewTagBody(Model):
    """`{data: {type, attributes: {name}, relationships?}}`."""

    data: NewTag


FlowsBody = ToMany[Literal["flow"]]
ListsBody = ToMany[Literal["list"]]
SegmentsBody = ToMany[Literal["segment"]]
RenameTagBody = Change[Literal["tag"], TagAttributes]
NewGroupBody = NewBody[Literal["tag-group"], GroupAttributes]
RenameGroupBody = Change[Literal["tag-group"], GroupChanges]


async def create(call: Call[State, Any]) -> str:
    """Write the tag and return its id."""
    state, data = call.ctx.state, call.body.data
    link = data.relationships.tag_group if data.relationships else None
    group_id = link.data.id if link and link.data else None
    async with state.database.transaction() as connection:
        return await tags.create_tag(connection, state.account_id, state.services.ids, data.attributes.name, group_id)


async def rename(call: Call[State, Any]) -> Reply:
    """Rename the tag; the answer is empty."""
    state, name = call.ctx.state, call.body.data.attributes.name
    async with state.database.transaction() as connection:
        await tags.rename_tag(connection, state.account_id, call.path["id"], name)
    return EMPTY_ANSWER


async def delete(call: Call[State, Any]) -> None:
    """Delete the tag and its ties."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        await tags.delete_tag(connection, state.account_id, call.path["id"])


def tie_to(kind: Taggable) -> Command:
    """Return the command that ties the tag to the things of a kind in the body."""

    async def tie(call: Call[State, Any]) -> None:
        state = call.ctx.state
        async with state.database.transaction() as connection:
            ids = [one.id for one in call.body.data]
            await tag_ties.tie(connection, state.account_id, call.path["id"], kind, ids)

    return tie


def untie_from(kind: Taggable) -> Command:
    """Return the command that unties the tag from the things of a kind in the body."""

    async def untie(call: Call[State, Any]) -> None:
        state = call.ctx.state
        async with state.database.transaction() as connection:
            ids = [one.id for one in call.body.data]
            await tag_ties.untie(connection, state.account_id, call.path["id"], kind, ids)

    return untie


async def create_group(call: Call[State, Any]) -> str:
    """Write the tag group and return its id."""
    state, made = call.ctx.state, call.body.data.attributes
    async with state.database.transaction() as connection:
        return await tags.create_group(
            connection, state.account_id, state.services.ids, made.name, bool(made.exclusive)
        )


async def rename_group(call: Call[State, Any]) -> Reply | None:
    """Rename the tag group; the answer is empty, or the group where an old revision's row says 200."""
    state, name = call.ctx.state, call.body.data.attributes.name
    async with state.database.transaction() as connection:
        await tags.rename_group(connection, state.account_id, call.path["id"], name)
    return EMPTY_ANSWER if call.operation.status == 204 else None


async def delete_group(call: Call[State, Any]) -> None:
    """Delete the tag group and its tags."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        await tags.delete_group(connection, state.account_id, call.path["id"])
