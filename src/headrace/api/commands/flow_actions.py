"""What the operations on flow actions do, and the bodies they take.

What is here: the way from a request to `storage.flows`. What is not: the rows (`resources.flow_actions`). Follows
reference 7.7.
"""

from __future__ import annotations

from typing import Any, Literal

from headrace.api.state import State
from headrace.jsonapi.bodies import Change, Model
from headrace.jsonapi.operation import Call
from headrace.storage import flows


class ActionAttributes(Model):
    """The whole new definition of the action; it replaces the old one and is not merged with it."""

    definition: Any


ChangeAction = Change[Literal["flow-action"], ActionAttributes]


async def update(call: Call[State, Any]) -> None:
    """Replace the action's definition."""
    state, definition = call.ctx.state, call.body.data.attributes.definition
    async with state.database.transaction() as connection:
        await flows.update_action(
            connection, state.account_id, state.services.ids, int(call.path["id"]), definition, state.clock.now()
        )


async def delete(call: Call[State, Any]) -> None:
    """Delete the action."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        await flows.delete_action(connection, state.account_id, int(call.path["id"]), state.clock.now())
