"""What the operations on flows do, and the bodies they take.

What is here: the way from a request to `storage.flows`. What is not: the rows (`resources.flows`). Follows reference
7.7.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headrace.api.commands.described import SchemaOf
from headrace.api.state import State
from headrace.errors import Problem
from headrace.flows.definition import DefinitionModel, validate
from headrace.jsonapi.bodies import Change, Model, New, mistakes_in
from headrace.jsonapi.operation import Call
from headrace.storage import flow_states, flows


class FlowAttributes(Model):
    """A flow to be made; its definition is checked as a whole, and an empty name is told together with its mistakes."""

    name: Annotated[str, Field(json_schema_extra={"minLength": 1})]
    definition: Annotated[Any, SchemaOf(DefinitionModel)]


class StatusAttributes(Model):
    """The status to set: draft, manual or live."""

    status: str


class NewFlow(New[Literal["flow"], FlowAttributes]):
    """A flow to be made."""

    @classmethod
    def deeper(cls, body: Any) -> list[Problem]:
        """Return the mistakes of the definition."""
        return mistakes_in(body, _read, "data", "attributes", "definition")


def _read(document: Any, base: str) -> None:
    validate(document, creating=True, base=base)


FlowStatus = Change[Literal["flow"], StatusAttributes]


async def create(call: Call[State, Any]) -> str:
    """Write the flow and return its id."""
    state, made = call.ctx.state, call.body.data.attributes
    async with state.database.transaction() as connection:
        return await flows.create_flow(
            connection, state.account_id, state.services.ids, state.clock.now(), made.name, made.definition
        )


async def set_status(call: Call[State, Any]) -> None:
    """Set the status of the flow and of every action in it."""
    state, status = call.ctx.state, call.body.data.attributes.status
    async with state.database.transaction() as connection:
        await flows.set_status(connection, state.account_id, call.path["id"], status, state.clock.now())


async def delete(call: Call[State, Any]) -> None:
    """Delete the flow."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        place = (connection, state.account_id, state.services.ids, call.path["id"])
        await flow_states.delete(*place, state.clock.now(), state.services.system_clock.now())
