"""A flow's counts as the API answers them."""

from __future__ import annotations

from typing import Any

from headrace.api.state import State
from headrace.jsonapi.context import fill
from headrace.jsonapi.operation import Call
from headrace.jsonapi.shapes.loading import parent_key
from headrace.storage.step_counts import flow_counts


async def show(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of a flow's counts; raises `NotFound`."""
    flow_id = await parent_key(call)
    state = call.ctx.state
    attributes = await flow_counts(state.database, state.account_id, flow_id)
    links = {"self": call.ctx.links.url(fill(call.operation.path, call.path))}
    return {"data": {"type": "headrace-flow-counts", "id": flow_id, "attributes": attributes, "links": links}}
