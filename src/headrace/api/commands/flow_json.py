"""The legacy document of a flow. Follows reference 8.3 and the overview ("View your flow JSON")."""

from __future__ import annotations

from typing import Any

from headrace.api.state import State
from headrace.jsonapi.operation import Call
from headrace.storage.flow_files import export_flow


async def show(call: Call[State, Any]) -> dict[str, Any]:
    """Return the camelCase document of a flow; raises `NotFound`."""
    state = call.ctx.state
    return await export_flow(state.database, state.account_id, call.path["id"], base_url=call.ctx.links.base_url)
