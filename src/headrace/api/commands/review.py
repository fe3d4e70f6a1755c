"""Releasing and canceling messages under review, as the API is asked to.

A request works on at most 10,000 messages and answers when it is done; `remaining` tells whether there are more, and
asking again goes on with them. Follows reference 1.1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from headrace.api.state import State
from headrace.engine import review
from headrace.engine.core import Core
from headrace.engine.review import Chosen, Released
from headrace.engine.setup import build_core
from headrace.jsonapi.bodies import Model, New
from headrace.jsonapi.operation import Call
from headrace.messages.rendered import Workshop
from headrace.storage.review import count_review

TYPE = "headrace-review-decision"
COUNT_TYPE = "headrace-review-count"
MOST_NAMED = 1000
"""Messages that one request may name."""

ActionId = Annotated[str, StringConstraints(pattern="^[0-9]{1,18}$")]
FlowId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Work: TypeAlias = Callable[[Core, str, Chosen], Awaitable[Released]]


class Choice(Model):
    """Which messages are meant: those named by id, or all of a flow or of an action."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_NAMED)] | None = None
    flow_id: FlowId | None = None
    action_id: ActionId | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Choice:
        wide = self.flow_id is not None or self.action_id is not None
        if (self.ids is None) is not wide:
            raise ValueError("either ids or flow_id and action_id must be given, and not both")
        return self

    def chosen(self) -> Chosen:
        """Return the choice as the engine takes it."""
        named = None if self.ids is None else frozenset(self.ids)
        return Chosen(named, self.flow_id, None if self.action_id is None else int(self.action_id))


NewDecision = New[Literal["headrace-review-decision"], Choice]


async def release(call: Call[State, NewDecision]) -> dict[str, Any]:
    """Release messages and return what became of them."""
    return await _decide(call, review.release)


async def cancel(call: Call[State, NewDecision]) -> dict[str, Any]:
    """Cancel messages and return how many."""
    return await _decide(call, review.cancel)


async def counts(call: Call[State, None]) -> dict[str, Any]:
    """Return how many messages of each action are under review."""
    state = call.ctx.state
    rows = await count_review(state.database, state.account_id, Chosen())
    return {
        "data": [
            {
                "type": COUNT_TYPE,
                "id": str(row["action_id"]),
                "attributes": {"flow_id": row["flow_id"], "messages": row["messages"]},
            }
            for row in rows
        ]
    }


async def _decide(call: Call[State, NewDecision], work: Work) -> dict[str, Any]:
    state = call.ctx.state
    services = state.services
    workshop = Workshop(services.signer, services.config.public_url or call.ctx.links.base_url)
    core = build_core(state.database, workshop, providers={}, clock=services.system_clock, ids=services.ids)
    done = await work(core, state.account_id, call.body.data.attributes.chosen())
    return {"data": {"type": TYPE, "id": services.ids.uuid(), "attributes": done.document()}}
