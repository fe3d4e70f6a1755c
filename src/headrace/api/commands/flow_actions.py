"""What the operations on flow actions do, and the bodies they take.

What is here: the way from a request to `storage.flow_edits`. What is not: the rows (`resources.flow_actions`). Follows
reference 7.7.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headrace.api.commands.described import SchemaOf
from headrace.api.state import State
from headrace.conditions.parsing import OneOf
from headrace.errors import Invalid, Problem
from headrace.flows.actions import ACTIONS, ActionModel
from headrace.flows.definition import read_action
from headrace.flows.graph import is_action_id
from headrace.flows.insertion import Anchor
from headrace.jsonapi.bodies import Change, Id, Model, ToOne, mistakes_in
from headrace.jsonapi.operation import Call
from headrace.storage import flow_edits

DEFINITION = ("data", "attributes", "definition")


class ActionAttributes(Model):
    """The whole new definition of the action; it replaces the old one and is not merged with it."""

    definition: Annotated[Any, SchemaOf(Annotated[ActionModel, OneOf(ACTIONS)])]


class AnchorAttributes(Model):
    """The anchor's type and the one link onto which the new action goes."""

    definition: Any


class AnchorAction(Model):
    """An action of the flow."""

    type: Literal["flow-action"]
    id: Id
    attributes: AnchorAttributes


class AnchorData(Model):
    """`{data: {type, id, attributes}}`."""

    data: AnchorAction


class InsertAttributes(Model):
    """The new action, and where it goes; an anchor is taken with and without `data` around it."""

    definition: Annotated[Any, SchemaOf(Annotated[ActionModel, OneOf(ACTIONS)])]
    allow_live_action: bool = False
    anchor_action: AnchorData | AnchorAction | None = Field(default=None, alias="anchor-action")


class InsertRelationships(Model):
    """The flow that gets the action."""

    flow: ToOne[Literal["flow"]] | None = None


class InsertedAction(Model):
    """An action to be inserted."""

    type: Literal["flow-action"]
    attributes: InsertAttributes
    relationships: InsertRelationships | None = None


class InsertAction(Model):
    """`{data: {type, attributes, relationships?}}`."""

    data: InsertedAction

    @classmethod
    def deeper(cls, body: Any) -> list[Problem]:
        """Return the mistakes of the action's definition."""
        return mistakes_in(body, read_action, *DEFINITION)


class ChangeAction(Change[Literal["flow-action"], ActionAttributes]):
    """An action to be changed."""

    @classmethod
    def deeper(cls, body: Any) -> list[Problem]:
        """Return the mistakes of the action's definition."""
        return mistakes_in(body, read_action, *DEFINITION)


async def insert(call: Call[State, Any]) -> str:
    """Insert the action and return its id."""
    state, data = call.ctx.state, call.body.data
    flow = data.relationships.flow if data.relationships else None
    async with state.database.transaction() as connection:
        made = await flow_edits.insert_action(
            connection,
            state.account_id,
            state.services.ids,
            data.attributes.definition,
            state.clock.now(),
            anchor=_anchor(data.attributes.anchor_action),
            flow_id=flow.data.id if flow else None,
            allow_live_action=data.attributes.allow_live_action,
        )
    return str(made)


def _anchor(given: AnchorData | AnchorAction | None) -> Anchor | None:
    if given is None:
        return None
    wrapped = isinstance(given, AnchorData)
    action = given.data if isinstance(given, AnchorData) else given
    base = f"/data/attributes/anchor-action{'/data' if wrapped else ''}"
    if not is_action_id(action.id):
        raise Invalid(f'"{action.id}" is not a flow action id: each character must be a digit.', pointer=f"{base}/id")
    return Anchor(int(action.id), action.attributes.definition, f"{base}/attributes/definition")


async def update(call: Call[State, Any]) -> None:
    """Replace the action's definition."""
    state, definition = call.ctx.state, call.body.data.attributes.definition
    async with state.database.transaction() as connection:
        await flow_edits.update_action(
            connection, state.account_id, state.services.ids, int(call.path["id"]), definition, state.clock.now()
        )


async def delete(call: Call[State, Any]) -> None:
    """Delete the action."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        await flow_edits.delete_action(connection, state.account_id, int(call.path["id"]), state.clock.now())
