"""Managing a flow as a whole: archiving it, adding past profiles, settling people whose entry was held.

What is here: the way from a request to the commands of the engine and of storage. What is not: the rows
(`resources.headrace_flows`). Follows reference 1.1 and 1.7.
"""

from __future__ import annotations

from typing import Any, Literal

from headrace.api.state import State
from headrace.engine import experiments
from headrace.engine.back_populate import request_back_populate
from headrace.jsonapi.bodies import Model, New
from headrace.jsonapi.context import fill
from headrace.jsonapi.operation import Call
from headrace.jsonapi.shapes.loading import parent_key
from headrace.storage import flow_states, held

HELD_TYPE = "headrace-held-entries"
EXPERIMENT_TYPE = "headrace-experiment"


class BackPopulation(Model):
    """How past profiles are added; flows that begin with a metric take no mode."""

    mode: str | None = None


NewBackPopulation = New[Literal["headrace-back-population"], BackPopulation]


async def archive(call: Call[State, None]) -> str:
    """Archive the flow and return its id."""
    state, services = call.ctx.state, call.ctx.state.services
    async with state.database.transaction() as connection:
        place = (connection, state.account_id, services.ids, call.path["id"], state.clock.now())
        await flow_states.archive(*place, services.system_clock.now())
    return call.path["id"]


async def unarchive(call: Call[State, None]) -> str:
    """Open the flow again and return its id."""
    state = call.ctx.state
    async with state.database.transaction() as connection:
        await flow_states.unarchive(connection, state.account_id, call.path["id"], state.clock.now())
    return call.path["id"]


async def back_populate(call: Call[State, Any]) -> str:
    """Ask that past profiles be added and return the id of the job that does it."""
    state, services = call.ctx.state, call.ctx.state.services
    mode = call.body.data.attributes.mode
    async with state.database.transaction() as connection:
        place = (connection, state.account_id, services.ids, call.path["id"], mode)
        return await request_back_populate(*place, services.system_clock.now())


async def release_held(call: Call[State, None]) -> str:
    """Let the held people enter and return the id of the job that does it."""
    return await _settle(call, held.RELEASE)


async def discard_held(call: Call[State, None]) -> str:
    """Discard the held people and return the id of the job that does it."""
    return await _settle(call, held.DISCARD)


async def show_held(call: Call[State, None]) -> dict[str, Any]:
    """Return how many people are held before the flow, and since when."""
    flow_id, state = await parent_key(call), call.ctx.state
    found = await held.held_of(state.database, state.account_id, flow_id)
    attributes = {"runs": found.runs, "holding_since": found.holding_since}
    links = {"self": call.ctx.links.url(fill(call.operation.path, call.path))}
    return {"data": {"type": HELD_TYPE, "id": flow_id, "attributes": attributes, "links": links}}


async def show_experiments(call: Call[State, None]) -> dict[str, Any]:
    """Return the flow's experiments, with figures of this moment where they run."""
    flow_id, state = await parent_key(call), call.ctx.state
    found = await experiments.show_experiments(state.database, state.account_id, flow_id)
    links = {"self": call.ctx.links.url(fill(call.operation.path, call.path))}
    return {
        "data": [
            {"type": EXPERIMENT_TYPE, "id": f"{one['action_id']}:{one['experiment_id']}", "attributes": one}
            for one in found
        ],
        "links": links,
    }


async def _settle(call: Call[State, None], kind: str) -> str:
    state, services = call.ctx.state, call.ctx.state.services
    async with state.database.transaction() as connection:
        place = (connection, state.account_id, services.ids, call.path["id"], kind, state.clock.now())
        return await held.settle_held(*place, services.system_clock.now())
