"""Subscribing and unsubscribing people by jobs.

What is here: the checks that need the account's clock or the database, and putting the job in the queue. What is not:
the shape of requests (`subscription_bodies`) and what the job does (`engine.subscription_jobs`). Everything that can be
known to be wrong is refused with its row before anything is done. Follows reference 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.api.commands.subscription_bodies import (
    ROWS,
    ListRelationship,
    Row,
    Rules,
    SubscribeJob,
    UnsubscribeJob,
    each_once,
    mistakes_in,
    person_of,
    repeated,
)
from headrace.api.state import State
from headrace.engine.subscription_rows import SUBSCRIBE, UNSUBSCRIBE, Order, Person, arguments
from headrace.errors import Invalid, NotFound, Problem, raise_any
from headrace.jsonapi.operation import Call
from headrace.storage import jobs, profile_rows
from headrace.storage.aliases import follow

LIST_AT = "/data/relationships/list/data/id"
_IS_LIST = "SELECT EXISTS (SELECT FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list')"


async def subscribe(call: Call[State, SubscribeJob]) -> None:
    """Put a job in the queue that subscribes people; raises `Problems` and `NotFound`."""
    state, data = call.ctx.state, call.body.data
    historical = bool(data.attributes.historical_import)
    rules = Rules(state.clock.now(), historical, state.account.settings.sms_minimum_age)
    people = await _people(state, data.attributes.profiles.data, rules)
    order = Order(
        rules.now,
        await _list_id(state, data.relationships),
        historical=historical,
        custom_source=data.attributes.custom_source,
        detail=state.key_end,
    )
    await _enqueue(state, SUBSCRIBE, order, people)


async def unsubscribe(call: Call[State, UnsubscribeJob]) -> None:
    """Put a job in the queue that unsubscribes people; raises `Problems` and `NotFound`."""
    state, data = call.ctx.state, call.body.data
    rules = Rules(state.clock.now())
    people = await _people(state, data.attributes.profiles.data, rules)
    order = Order(rules.now, await _list_id(state, data.relationships), detail=state.key_end)
    await _enqueue(state, UNSUBSCRIBE, order, people)


async def _enqueue(state: State, kind: str, order: Order, people: Sequence[Person]) -> None:
    system_now = state.services.system_clock.now()
    async with state.database.transaction() as transaction:
        told = arguments(order, people)
        await jobs.enqueue(transaction, state.account_id, state.services.ids, kind, told, system_now)


async def _people(state: State, rows: Sequence[Row], rules: Rules) -> list[Person]:
    """Return what the rows ask for, each once; raises `Problems` naming the rows that are wrong."""
    people = [person_of(row) for row in rows]
    problems = [problem for number, row in enumerate(rows) for problem in mistakes_in(row, number, rules)]
    problems += (
        Invalid(
            f'"{name}" is "{value}", which the row at {ROWS}/{first} has as well and asks for something else; name '
            "everybody once.",
            pointer=f"{ROWS}/{number}",
        )
        for number, first, name, value in repeated(people)
    )
    problems += await _unknown(state, people)
    raise_any(problems)
    return each_once(people)


async def _unknown(state: State, people: Sequence[Person]) -> list[Problem]:
    named = {one.profile_id for one in people if one.profile_id}
    if not named:
        return []
    async with state.database.connection() as connection:
        known = await profile_rows.existing(connection, state.account_id, named)
        known |= (await follow(connection, state.account_id, named - known)).keys()
    return [
        Invalid(f'There is no profile with the id "{one.profile_id}".', pointer=f"{ROWS}/{number}/id")
        for number, one in enumerate(people)
        if one.profile_id and one.profile_id not in known
    ]


async def _list_id(state: State, related: ListRelationship | None) -> str | None:
    if related is None or related.list is None:
        return None
    return await list_named(state, related.list.data.id)


async def list_named(state: State, list_id: str) -> str:
    """Return the id of a list that is there; raises `NotFound`."""
    if not await state.database.fetch_value(_IS_LIST, state.account_id, list_id):
        raise NotFound(f'There is no list with the id "{list_id}".', pointer=LIST_AT)
    return list_id
