"""Stopping and moving the clock of a test account, as the API is asked to.

A move is made within the request and answers when it is done, which is what a test wants: for 30 days of a small flow
that is a second. Our choice: after 20 seconds it ends early, and `complete` is false; asking again goes on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import field_validator, model_validator

from headrace.api.state import State
from headrace.engine import account_clock
from headrace.engine.account_clock import Moved
from headrace.engine.core import Core
from headrace.engine.durations import read_duration, read_moment
from headrace.engine.setup import build_core, choose_providers
from headrace.errors import CommandError, Conflict
from headrace.jsonapi.bodies import Model, New
from headrace.jsonapi.context import fill
from headrace.jsonapi.operation import Call
from headrace.messages.rendered import Workshop

TYPE = "headrace-clock"
PATIENCE = 20.0
"""Seconds after which a request makes no further portion of a move."""


class ClockAction(Model):
    """What to do: `advance` goes `by` a duration or `to` a moment; the others take neither."""

    action: Literal["advance", "follow", "freeze", "run-to-next"]
    by: str | None = None
    to: str | None = None

    @field_validator("by")
    @classmethod
    def _is_duration(cls, text: str | None) -> str | None:
        if text is not None:
            _understood(read_duration, text)
        return text

    @field_validator("to")
    @classmethod
    def _is_moment(cls, text: str | None) -> str | None:
        if text is not None:
            _understood(read_moment, text)
        return text

    @model_validator(mode="after")
    def _fits(self) -> ClockAction:
        given = [name for name in ("by", "to") if getattr(self, name) is not None]
        if self.action == "advance" and len(given) != 1:
            raise ValueError("advance takes either by (a duration, like 3d) or to (a moment)")
        if self.action != "advance" and given:
            raise ValueError(f"{self.action} takes no {given[0]}; only advance does")
        return self


NewClock = New[Literal["headrace-clock"], ClockAction]


async def show(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of the account's clock."""
    return await _document(call, None)


async def act(call: Call[State, NewClock]) -> dict[str, Any]:
    """Do what the body asks of the account's clock and return its document."""
    asked: ClockAction = call.body.data.attributes
    state = call.ctx.state
    database, system = state.database, state.services.system_clock
    match asked.action:
        case "freeze":
            await account_clock.freeze_clock(database, state.account_id, system)
        case "follow":
            await account_clock.follow_clock(database, state.account_id)
        case "advance" | "run-to-next":
            return await _document(call, await _move(call, asked))
    return await _document(call, None)


async def _move(call: Call[State, NewClock], asked: ClockAction) -> Moved:
    state = call.ctx.state
    services = state.services
    providers = choose_providers(state.database, services.config.smtp_url, services.config.webhooks)
    workshop = Workshop(services.signer, services.config.public_url or call.ctx.links.base_url)
    core = build_core(state.database, workshop, providers=providers, clock=services.system_clock, ids=services.ids)
    try:
        if asked.action == "run-to-next":
            return await account_clock.run_to_next(core, state.account_id)
        to = await _target(core, state.account_id, asked)
        return await account_clock.advance(core, state.account_id, to, patience=PATIENCE)
    except CommandError as error:  # the clock was moved or let go by somebody else meanwhile
        raise Conflict(f"{error}.") from error
    finally:
        for provider in providers.values():
            await provider.close()


async def _target(core: Core, account_id: str, asked: ClockAction) -> datetime:
    if asked.to is not None:
        return read_moment(asked.to)
    return (await account_clock.standing(core.database, account_id, core.clock)).now + read_duration(asked.by or "")


async def _document(call: Call[State, Any], moved: Moved | None) -> dict[str, Any]:
    state = call.ctx.state
    found = await account_clock.standing(state.database, state.account_id, state.services.system_clock)
    attributes: dict[str, Any] = {
        "mode": found.mode,
        "now": found.now,
        "next_at": found.next_at,
        "test": found.test,
        "work": None if moved is None else moved.work,
        "complete": moved is None or moved.complete,
    }
    links = {"self": call.ctx.links.url(fill(call.operation.path, call.path))}
    return {"data": {"type": TYPE, "id": state.account_id, "attributes": attributes, "links": links}}


def _understood(read: Any, text: str) -> None:
    """Raise `ValueError`, which becomes a problem with its pointer, where a text cannot be read."""
    try:
        read(text)
    except CommandError as error:
        raise ValueError(str(error)) from None
