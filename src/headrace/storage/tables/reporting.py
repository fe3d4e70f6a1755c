"""Interactions, conversions and the roll-ups that reports read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from headrace.storage.tables.base import Timestamp, bucket_key, metadata

interaction = Table(
    "interaction",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("at", Timestamp, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("delivery_id", Uuid, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("variation", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("sent_at", Timestamp, nullable=False),
)
"""What a person did with a message, or that it arrived: what conversions are attributed to.

`number` is that of the event which records it.
"""

conversion = Table(
    "conversion",
    metadata,
    *bucket_key(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("profile_id", Text, nullable=False),
    Column("metric_id", Text, nullable=False),
    Column("converted_at", Timestamp, nullable=False),
    Column("interaction_number", BigInteger, nullable=False),
    Column("delivery_id", Uuid, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("variation", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("sent_at", Timestamp, nullable=False),
    Column("value_millionths", BigInteger, nullable=False),
    Column("is_first", Boolean, nullable=False),
    Index("conversion_delivery_idx", "bucket", "account_id", "delivery_id", "metric_id"),
    Index("conversion_sent_idx", "account_id", "sent_at"),
)
"""One attributed event. `is_first` marks the delivery's first conversion of its metric."""


def _rollup_key(*extra: Column[Any]) -> tuple[Column[Any], ...]:
    keys = ("flow_id", "message_id", "variation", "format")
    return (
        Column("account_id", Text, primary_key=True),
        Column("grain", SmallInteger, primary_key=True, autoincrement=False),
        Column("slot", Timestamp, primary_key=True),
        *(Column(key, Text, primary_key=True) for key in keys),
        Column("channel", SmallInteger, primary_key=True, autoincrement=False),
        *extra,
    )


def _delta_key(*extra: Column[Any]) -> tuple[Column[Any], ...]:
    keys = ("flow_id", "message_id", "variation", "format")
    return (
        Column("account_id", Text, primary_key=True),
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        Column("slot", Timestamp, nullable=False),
        *(Column(key, Text, nullable=False) for key in keys),
        Column("channel", SmallInteger, nullable=False),
        *extra,
    )


MESSAGE_COUNTS = (
    "delivered",
    "bounced",
    "failed",
    "opens",
    "opens_unique",
    "clicks",
    "clicks_unique",
    "unsubscribes",
    "unsubscribe_uniques",
    "spam_complaints",
    "segments",
    "credits",
)


def _message_counts() -> tuple[Column[Any], ...]:
    counts = (Column(name, Integer, nullable=False, server_default="0") for name in MESSAGE_COUNTS)
    return (*counts, Column("spend_millionths", BigInteger, nullable=False, server_default="0"))


def _conversion_counts() -> tuple[Column[Any], ...]:
    return (
        Column("conversions", Integer, nullable=False),
        Column("conversion_uniques", Integer, nullable=False),
        Column("value_millionths", BigInteger, nullable=False),
    )


message_delta = Table("message_delta", metadata, *_delta_key(), *_message_counts())
"""What a recording transaction adds: one row per batch and key; `slot` is the UTC quarter-hour of the send."""

message_rollup = Table("message_rollup", metadata, *_rollup_key(), *_message_counts())
"""Folded deltas. `grain` 0: UTC quarter-hours; 1 and 2: days and months of the account's zone, `slot` their start."""

conversion_delta = Table(
    "conversion_delta", metadata, *_delta_key(Column("metric_id", Text, nullable=False)), *_conversion_counts()
)

conversion_rollup = Table(
    "conversion_rollup", metadata, *_rollup_key(Column("metric_id", Text, primary_key=True)), *_conversion_counts()
)

rollup_zone = Table(
    "rollup_zone",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("timezone", Text, nullable=False),
)
"""The zone whose days and months an account's roll-ups hold; no row means that none are derived yet."""

step_delta = Table(
    "step_delta",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("flow_id", Text, nullable=False),
    Column("action_id", BigInteger, nullable=False),
    Column("counter", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("amount", Integer, nullable=False),
)
"""What a batch of steps adds to the counts of actions; `storage.step_counts` says which counters there are."""

step_count = Table(
    "step_count",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("flow_id", Text, primary_key=True),
    Column("action_id", BigInteger, primary_key=True, autoincrement=False),
    Column("counter", Text, primary_key=True),
    Column("detail", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)
"""Folded step deltas. `action_id` 0 stands for the flow itself."""
