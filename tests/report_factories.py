"""Deliveries, interactions and events in a database, for the tests of recording, roll-ups and reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from headrace.clock import SystemClock, VirtualClock
from headrace.ids import SeededIds, bucket_of, delivery_id, event_number, run_id
from headrace.model import Account, Channel, DeliveryState
from headrace.reports.attribution import WINDOWS
from headrace.storage.accounts import create_account
from headrace.storage.conversions import Candidate, attribute_conversions
from headrace.storage.database import Database
from headrace.storage.interactions import Interaction, Kind, Recorder, record_interactions
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ACCOUNT = "AAAAAA"

_ADD_DELIVERY = """
INSERT INTO delivery (bucket, account_id, delivery_id, run_id, flow_id, action_id, message_id, variation, profile_id,
                      channel, format, state, clock, queued_at, due_at, sent_at, segments)
VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, 0, $12, $12, $13, $14)
"""


@dataclass(frozen=True)
class Sent:
    """A delivery in the database."""

    bucket: int
    profile_id: str
    delivery_id: UUID
    channel: Channel

    def interaction(self, kind: Kind, at: datetime, **rest: Any) -> Interaction:
        """Return something that became of this delivery."""
        return Interaction(kind, self.channel, self.bucket, self.delivery_id, at, **rest)


@dataclass
class Shop:
    """An account with what records and reads its messages."""

    database: Database
    account: Account
    metrics: Metrics
    serials: Serials
    recorder: Recorder
    made: int = field(default=0)

    @classmethod
    async def open(cls, database: Database, timezone: str = "UTC", account_id: str = ACCOUNT) -> Shop:
        """Make an account over a database."""
        clock, ids = VirtualClock(NOON), SeededIds(1)
        account = await create_account(
            database, ids, Account(account_id=account_id, name="Shop", timezone=timezone), SystemClock()
        )
        metrics, serials = Metrics(database, clock, ids), Serials(database)
        return cls(database, account, metrics, serials, Recorder(metrics, serials, Partitions(database, clock)))

    async def send(
        self,
        sent_at: datetime | None = NOON,
        *,
        profile_id: str = "P1",
        flow_id: str = "FLOW01",
        message_id: str = "MESS01",
        channel: Channel = Channel.EMAIL,
        variation: str = "",
        format: str = "",
        segments: int = 0,
    ) -> Sent:
        """Store a delivery that was attempted at `sent_at`; nothing is recorded about it yet."""
        self.made += 1
        run = run_id(flow_id, profile_id, str(self.made))
        key, bucket = delivery_id(run, 1, variation), bucket_of(profile_id)
        keys = (bucket, self.account.account_id, key, run, flow_id, message_id, variation, profile_id)
        rest = (channel, format, DeliveryState.SENT, sent_at or NOON, sent_at, segments)
        async with self.database.transaction() as transaction:
            await transaction.execute(_ADD_DELIVERY, *keys, *rest)
        return Sent(bucket, profile_id, key, channel)

    async def record(self, *items: Interaction) -> tuple[Interaction, ...]:
        """Record a batch in a transaction of its own."""
        batch = await self.recorder.prepare(self.account.account_id, items)
        async with self.database.transaction() as transaction:
            return await record_interactions(transaction, batch)

    async def metric(self, name: str = "Placed Order") -> str:
        """Return the id of a metric of the shop."""
        return (await self.metrics.ids(self.account.account_id, [name]))[name]

    async def candidate(
        self, at: datetime, *, profile_id: str = "P1", metric: str = "Placed Order", value: str | None = None
    ) -> Candidate:
        """Return an event as the consumer of pending rows hands it to attribution."""
        number = event_number(at, (await self.serials.take(1))[0])
        amount = None if value is None else Decimal(value)
        return Candidate(bucket_of(profile_id), profile_id, await self.metric(metric), number, at, amount)

    async def attribute(self, *events: Candidate) -> set[int]:
        """Attribute a batch in a transaction of its own."""
        async with self.database.transaction() as transaction:
            return await attribute_conversions(transaction, self.account.account_id, events, WINDOWS)

    async def rows(self, table: str, columns: str = "*", order: str = "1", group: str = "") -> list[tuple[Any, ...]]:
        """Return a table's rows as tuples."""
        grouped = f"GROUP BY {group}" if group else ""
        rows = await self.database.fetch(f"SELECT {columns} FROM {table} {grouped} ORDER BY {order}")
        return [tuple(row.values()) for row in rows]

    async def total(self, table: str, columns: Iterable[str]) -> dict[str, int]:
        """Return the sums of columns over a table, those that are not 0."""
        sums = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in columns)
        row = await self.database.fetch_row(f"SELECT {sums} FROM {table}")
        assert row is not None
        return {name: value for name, value in row.items() if value}


def minutes(count: float) -> timedelta:
    """Return a duration in minutes."""
    return timedelta(minutes=count)
