"""Events that Headrace records by itself when something about a person changes.

What is here: `OwnEvents`, which readies what must be there before the transaction, and writing inside it. What is not:
what became of messages (`interactions`) and when such an event is due (`consenting`). They have consequences like any
other event, but those of metrics of messages start no flow. Source: reference 1.2, 5.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.clock import Clock, SystemClock, to_second
from headrace.ids import bucket_of, event_number
from headrace.storage.database import Connection
from headrace.storage.events import NewEvent, insert_pending, insert_quietly
from headrace.storage.message_events import METRIC_NAMES
from headrace.storage.metrics import OWN, Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials

ANSWERED = "Received Automated Response SMS"
NOT_ANSWERED = "Failed to Deliver Automated Response SMS"
START_NOTHING = frozenset((*METRIC_NAMES.values(), ANSWERED, NOT_ANSWERED))
"""Metrics that no flow begins with. Source: reference 1.2."""

_SYSTEM = SystemClock()


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """An event of a metric of Headrace's own; of two with the same `key`, unless it is empty, the first is kept."""

    profile_id: str
    metric: str
    at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """Room for some events of one account: metric ids by name, serials to be drawn, and system time.

    With `starts_nothing` the events begin no run.
    """

    account_id: str
    metrics: Mapping[str, str]
    serials: Iterator[int]
    received_at: datetime
    starts_nothing: bool = False


class OwnEvents:
    """Makes room for events; cheap to build from what every process has."""

    __slots__ = ("_clock", "_metrics", "_partitions", "_serials")

    def __init__(self, metrics: Metrics, serials: Serials, partitions: Partitions, clock: Clock = _SYSTEM) -> None:
        self._metrics = metrics
        self._serials = serials
        self._partitions = partitions
        self._clock = clock

    async def room(
        self,
        account_id: str,
        names: Collection[str],
        count: int,
        moments: Collection[datetime],
        *,
        starts_nothing: bool = False,
    ) -> Room:
        """Make what at most `count` events of these metrics and moments need outside the transaction."""
        await self._partitions.ensure("event", moments)
        metrics = await self._metrics.ids(account_id, names, OWN)
        serials = iter(await self._serials.take(count))
        return Room(account_id, metrics, serials, self._clock.now(), starts_nothing)


async def write_own_events(transaction: Connection, room: Room, events: Sequence[OwnEvent], now: datetime) -> int:
    """Write events with their consequences and return how many were new; `now` is the account's time."""
    quiet = [_row(room, event) for event in events if event.metric in START_NOTHING]
    others = [_row(room, event) for event in events if event.metric not in START_NOTHING]
    new = await insert_quietly(transaction, room.account_id, quiet) if quiet else set()
    if others:
        new |= await insert_pending(transaction, room.account_id, others, now, room.received_at)
    return len(new)


def _row(room: Room, event: OwnEvent) -> NewEvent:
    at = to_second(event.at)
    number = event_number(at, next(room.serials))
    return NewEvent(
        bucket=bucket_of(event.profile_id),
        profile_id=event.profile_id,
        metric_id=room.metrics[event.metric],
        unique_id=event.key or f"own:{number}",
        number=number,
        occurred_at=at,
        properties=event.properties,
        backfill=room.starts_nothing,
    )
