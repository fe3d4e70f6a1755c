"""Letting things go wrong for a tester, as the API is asked to. Our choice: all of it.

What is here: the body, who may, and the way to storage. What is not: meeting a fault (`api.faults`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from headrace.api.state import State
from headrace.clock import Clock
from headrace.engine.account_clock import may_be_moved
from headrace.errors import Invalid, PermissionDenied
from headrace.ids import IdSource
from headrace.jsonapi.bodies import Model, New
from headrace.jsonapi.operation import Call
from headrace.model import Account
from headrace.storage.database import Database
from headrace.storage.faults import NewFault, add_fault, delete_faults

TYPE = "headrace-fault"
LONGEST = 30_000
"""Milliseconds that a request may be delayed by: what clients commonly wait for, and no more."""
MOST_REQUESTS = 10_000
MOST_FAULTS = 100
"""Faults of an account that are not used up."""
HOUR = 3600


class Fault(Model):
    """What the next `count` requests of an operation meet; `operation` null stands for every one of the API."""

    operation: Annotated[str, Field(max_length=100)] | None = None
    status: Literal[429, 500, 503] | None = None
    latency_ms: Annotated[int, Field(ge=0, le=LONGEST, strict=True)] = 0
    retry_after: Annotated[int, Field(ge=0, le=HOUR, strict=True)] | None = None
    count: Annotated[int, Field(ge=1, le=MOST_REQUESTS, strict=True)] = 1

    @model_validator(mode="after")
    def _does_something(self) -> Fault:
        if self.status is None and not self.latency_ms:
            raise ValueError("a fault has a status (429, 500 or 503) or latency_ms above 0, or both")
        if self.status is None and self.retry_after is not None:
            raise ValueError("retry_after goes with a status; requests that are only delayed are answered as usual")
        return self


NewFaultBody = New[Literal["headrace-fault"], Fault]


async def create(call: Call[State, NewFaultBody]) -> str:
    """Keep a fault and return its id."""
    state, services = call.ctx.state, call.ctx.state.services
    asked: Fault = call.body.data.attributes
    return await keep_fault(state.database, services.ids, services.system_clock, state.account, asked)


async def keep_fault(database: Database, ids: IdSource, clock: Clock, account: Account, asked: Fault) -> str:
    """Keep a fault and return its id.

    Raises `PermissionDenied` for an account that is not one for tests, and `Invalid` for an operation that is none, or
    beyond 100 faults that are not used up.
    """
    check_may(account)
    check_operation(asked.operation)
    parts = (asked.operation, asked.status, asked.latency_ms, asked.retry_after, asked.count)
    fault = NewFault(ids.short(), *parts)
    async with database.transaction() as transaction:
        if not await add_fault(transaction, account.account_id, fault, clock.now(), MOST_FAULTS):
            raise Invalid(
                f"The account has {MOST_FAULTS} faults that are not used up, the most allowed; remove some of them "
                "(DELETE /headrace/faults removes all)."
            )
    return fault.fault_id


async def delete(call: Call[State, Any]) -> None:
    """Take one fault back."""
    async with call.ctx.state.database.transaction() as transaction:
        await delete_faults(transaction, call.ctx.account_id, call.path["id"])


async def clear(call: Call[State, Any]) -> None:
    """Take every fault back."""
    async with call.ctx.state.database.transaction() as transaction:
        await delete_faults(transaction, call.ctx.account_id)


def check_may(account: Account) -> None:
    """Raise `PermissionDenied` for an account that is not one for tests."""
    if not may_be_moved(account):
        raise PermissionDenied(
            f"The account {account.account_id} is not a test account, so nothing may be made to go wrong in it; "
            "make one with `headrace account create NAME --test`."
        )


def check_operation(operation: str | None) -> None:
    """Raise `Invalid` for an id that no operation has that can meet a fault."""
    from headrace.api.resources import OPERATIONS  # these rows are among them, so they cannot be had any earlier

    known = {one.id for one in OPERATIONS if not one.path.startswith("/headrace/")}
    if operation is not None and operation not in known:
        raise Invalid(
            f'"operation" is "{operation}"; it must be null, for all, or the id of an operation under /api/ '
            "such as get_flows (operationId in /openapi.json).",
            pointer="/data/attributes/operation",
        )
