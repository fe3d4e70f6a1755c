"""Ingest: the one transaction that makes accepted events durable.

It writes identifiers, profile changes, event keys, events and their `pending` rows, and nothing more: what follows from
an event is worked out later by the consumer. It takes no bucket lock. Source: DESIGN section 3 (ingest).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from headrace.errors import Problem
from headrace.ids import IdSource, bucket_of, number_of_second
from headrace.storage.database import Connection
from headrace.storage.events import EventColumns, insert_pending_columns, written_properties
from headrace.storage.identity import NOTHING, IncomingProfile
from headrace.storage.resolve import Resolver, recognize_plain

MICROSECONDS = 1_000_000
"""Of a second; events happen at whole ones."""


class IncomingEvent(NamedTuple):
    """An event as a request describes it, its metric already known by id.

    `occurred_at` is UTC, cut to the second. `unique_id` None stands for the event's own second, so that two events of
    one metric and person within a second are one. `written` are the properties as JSON, where somebody has written
    them already. Source: reference 5.4.
    """

    profile: IncomingProfile
    metric_id: str
    occurred_at: datetime
    unique_id: str | None = None
    properties: Mapping[str, Any] = NOTHING
    value: Decimal | float | None = None
    value_currency: str | None = None
    backfill: bool = False
    chain: int = 0
    written: str | None = None


class Accepted(NamedTuple):
    """An event that is durable. `is_new` is False for a repetition, of which nothing was stored."""

    profile_id: str
    number: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a batch arrived: on the account's clock and on the machine's."""

    accepted_at: datetime
    received_at: datetime


async def ingest(
    transaction: Connection,
    account_id: str,
    events: Sequence[IncomingEvent],
    serials: Sequence[int],
    arrival: Arrival,
    ids: IdSource,
) -> list[Accepted | Problem]:
    """Write a batch of events of one account and return, in their order, what became of each.

    `serials` holds one serial per event. Partitions for the events' times must exist. Raises `resolve.LostRace` when
    the transaction must be rolled back and begun anew.
    """
    resolver = Resolver(transaction, account_id, ids, arrival.accepted_at)
    people = await resolver.resolve([event.profile for event in events])
    return await _insert(transaction, account_id, events, serials, arrival, people)


async def ingest_of_known(
    connection: Connection,
    account_id: str,
    events: Sequence[IncomingEvent],
    serials: Sequence[int],
    arrival: Arrival,
    ids: IdSource,
) -> list[Accepted | Problem] | None:
    """Do what `ingest` does where no identifier is new and no profile changes; otherwise write nothing, return None.

    The one statement that writes is a transaction of its own, so that `connection` must not be inside another. That
    people are found before it begins changes nothing: finding them locks nobody in a transaction either.
    """
    described = [event.profile for event in events]
    people: Sequence[str | Problem] | None = await recognize_plain(connection, account_id, described)
    if people is None:
        people = await Resolver(connection, account_id, ids, arrival.accepted_at).recognize(described)
    if people is None:
        return None
    return await _insert(connection, account_id, events, serials, arrival, people)


async def _insert(
    connection: Connection,
    account_id: str,
    events: Sequence[IncomingEvent],
    serials: Sequence[int],
    arrival: Arrival,
    people: Sequence[str | Problem],
) -> list[Accepted | Problem]:
    given = [(event, person) for event, person in zip(events, people, strict=True) if isinstance(person, str)]
    kept = [event for event, _ in given]
    seconds = [int(event.occurred_at.timestamp()) for event in kept]
    taken = [number_of_second(second, serial) for second, serial in zip(seconds, serials, strict=False)]
    if not given:
        return list(people)  # type: ignore[arg-type]
    columns = _columns(kept, [person for _, person in given], seconds, taken)
    fresh = await insert_pending_columns(connection, account_id, columns, arrival.accepted_at, arrival.received_at)
    numbers = iter(taken)
    return [
        Accepted(person, number := next(numbers), number in fresh) if isinstance(person, str) else person
        for person in people
    ]


def _columns(
    events: Sequence[IncomingEvent], people: Sequence[str], seconds: Sequence[int], numbers: Sequence[int]
) -> EventColumns:
    _, metrics, _, unique_ids, properties, values, currencies, backfills, chains, written = zip(*events, strict=True)
    return EventColumns(
        [bucket_of(person) for person in people],
        people,
        metrics,
        [one or str(second) for one, second in zip(unique_ids, seconds, strict=True)],
        numbers,
        [second * MICROSECONDS for second in seconds],
        [one or written_properties(other) for one, other in zip(written, properties, strict=True)],
        [None if one is None else str(one) for one in values],
        currencies,
        backfills,
        chains,
    )
