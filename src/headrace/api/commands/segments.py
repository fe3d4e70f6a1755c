"""Making, changing and deleting segments, and the bodies these take. Who is in one the engine works out.

Follows reference 3.4 and 7.7. Our choice: a condition that cannot run here is refused, for a segment runs from the
moment it is made; a flow that holds one can still be kept as a draft.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import StrictBool, StringConstraints

from headrace.api.commands.described import SchemaOf
from headrace.api.state import State
from headrace.conditions.segment_definition import (
    SegmentDefinition,
    compile_segment,
    obstacles,
    read_segment,
    references,
)
from headrace.errors import Invalid, Problem, raise_any
from headrace.jsonapi.bodies import Change, Model, New, mistakes_in
from headrace.jsonapi.operation import Call
from headrace.storage import group_uses, segments
from headrace.storage.database import Connection
from headrace.storage.segment_rules import reference_problems
from headrace.storage.segments import NewSegment

ATTRIBUTES = "/data/attributes"
DEFINITION = f"{ATTRIBUTES}/definition"

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class SegmentAttributes(Model):
    """A segment to be made; its definition is checked as a whole."""

    name: Name
    definition: Annotated[Any, SchemaOf(SegmentDefinition)]
    is_starred: StrictBool | None = None


class SegmentChanges(Model):
    """What may be changed about a segment; null leaves it as it is."""

    name: Name | None = None
    definition: Annotated[Any, SchemaOf(SegmentDefinition | None)] = None
    is_starred: StrictBool | None = None
    is_active: StrictBool | None = None


class NewSegmentBody(New[Literal["segment"], SegmentAttributes]):
    """A segment to be made."""

    @classmethod
    def deeper(cls, body: Any) -> list[Problem]:
        """Return the mistakes of the definition."""
        return mistakes_in(body, read_segment, "data", "attributes", "definition")


class ChangedSegmentBody(Change[Literal["segment"], SegmentChanges]):
    """A segment to be changed."""

    @classmethod
    def deeper(cls, body: Any) -> list[Problem]:
        """Return the mistakes of the definition."""
        return mistakes_in(body, read_segment, "data", "attributes", "definition")


@dataclass(frozen=True, slots=True)
class _Checked:
    """A definition that was found correct, as it is stored, and what it asks about."""

    document: dict[str, Any]
    topics: frozenset[str]


async def create_segment(call: Call[State, Any]) -> str:
    """Make a segment and return its id; until its members are worked out it is being processed."""
    state, made = call.ctx.state, call.body.data.attributes
    services = state.services
    async with state.database.transaction() as transaction:
        checked = await _check(transaction, state.account_id, made.definition)
        new = NewSegment(made.name, checked.document, checked.topics, bool(made.is_starred))
        asked_at = services.system_clock.now()
        return await segments.create_segment(
            transaction, state.account_id, services.ids, new, state.clock.now(), asked_at
        )


async def update_segment(call: Call[State, Any]) -> None:
    """Change a segment, or its being active: deactivating one is a request of its own."""
    state, changes, segment_id = call.ctx.state, call.body.data.attributes, call.path["id"]
    services = state.services
    given = changes.model_dump(exclude_none=True)
    is_active = given.pop("is_active", None)
    if is_active is False and given:
        rule = f"A segment is deactivated by a request that changes nothing else; this one has {', '.join(given)} too."
        raise Invalid(rule, pointer=f"{ATTRIBUTES}/is_active")
    times: dict[str, Any] = {"ids": services.ids, "now": state.clock.now(), "system_now": services.system_clock.now()}
    async with state.database.transaction() as transaction:
        if "definition" in given:
            checked = await _check(transaction, state.account_id, given["definition"], segment_id)
            given |= {"definition": checked.document, "topics": checked.topics}
        if given:
            await segments.change_segment(transaction, state.account_id, segment_id, **given, **times)
        if is_active is not None:
            await segments.set_active(transaction, state.account_id, segment_id, is_active, **times)


async def delete_segment(call: Call[State, None]) -> None:
    """Delete a segment; the people in it stay, and segments that ask about it are worked out anew."""
    state, services, segment_id = call.ctx.state, call.ctx.state.services, call.path["id"]
    async with state.database.transaction() as transaction:
        asked_at = services.system_clock.now()
        await segments.delete_segment(transaction, state.account_id, segment_id, services.ids, asked_at)
        await group_uses.look_again(transaction, state.account_id, segment_id, ids=services.ids, system_now=asked_at)


async def _check(transaction: Connection, account_id: str, document: Any, segment_id: str | None = None) -> _Checked:
    """Return the definition; raises `Problems` with every mistake in it, pointing inside the body."""
    definition = read_segment(document, DEFINITION)
    named = references(definition, DEFINITION)
    raise_any(
        [
            *obstacles(definition, DEFINITION),
            *await reference_problems(transaction, account_id, named, segment_id),
        ]
    )
    return _Checked(document, compile_segment(definition, segment_id or "").topics())
