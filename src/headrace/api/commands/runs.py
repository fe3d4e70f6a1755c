"""A run's journal as the API answers it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.api.state import State
from headrace.engine.explain import Step, load_known, steps_of
from headrace.jsonapi.context import fill
from headrace.jsonapi.operation import Call
from headrace.jsonapi.shapes.loading import one_row, primary
from headrace.storage.run_histories import journals_of

TYPE = "headrace-step"


async def journal(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of a run's steps, in their order; raises `NotFound`."""
    resource, table = primary(call)
    run = await one_row(call, resource, table, call.path["id"])
    state = call.ctx.state
    journals = await journals_of(state.database, state.account_id, run["profile_id"], [run["run_id"]])
    rows = journals.get(run["run_id"], ())
    steps = steps_of(rows, await load_known(state.database, state.account_id, run["flow_id"], rows))
    links = {"self": call.ctx.links.url(fill(call.operation.path, call.path))}
    return {"data": [_resource(str(run["run_id"]), number, step) for number, step in enumerate(steps)], "links": links}


def _resource(run_id: str, number: int, step: Step) -> dict[str, Any]:
    attributes = asdict(step)
    attributes["action_id"] = None if step.action_id is None else str(step.action_id)
    return {"type": TYPE, "id": f"{run_id}:{number}", "attributes": attributes}
