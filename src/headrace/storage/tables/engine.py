"""The engine: runs, their journal, deliveries, and what the inbox provider keeps."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from headrace.storage.tables.base import BUSY, NOTHING, Timestamp, bucket_key, metadata

run = Table(
    "run",
    metadata,
    *bucket_key(),
    Column("run_id", Uuid, primary_key=True),
    Column("flow_id", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_number", BigInteger),
    Column("event_metric_id", Text),
    Column("event_at", Timestamp),
    Column("entered_at", Timestamp, nullable=False),
    Column("action_id", BigInteger),
    Column("resume_at", Timestamp, nullable=False),
    Column("clock", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("exit_reason", Text),
    Column("error", Text),
    Column("visited", ARRAY(BigInteger), nullable=False),
    Column("steps", Integer, nullable=False),
    Column("chain", SmallInteger, nullable=False),
    Column("source", SmallInteger, nullable=False, server_default="0"),
    Column("target_on", Date),
    Column("awaits", Uuid),
    Column("outputs", JSONB),
    Column("waiting_in", BigInteger),
    Index("run_due_idx", "clock", "bucket", "account_id", "resume_at", postgresql_where=text("state = 0")),
    Index("run_entry_idx", "bucket", "account_id", "profile_id", "flow_id", "entered_at"),
    postgresql_with=BUSY,
)
"""One row per run; `model.Run` documents the columns. The triggering event is named by its whole key.

`source` is a `model.RunSource`. `target_on` is the date that a date-based run leads to. `awaits` names the delivery
whose result the run waits for, and `outputs` maps action ids to what their webhooks answered. `waiting_in` is where a
waiting run waits: a delay, or the message that quiet hours hold; null where it is about to begin.
"""

journal = Table(
    "journal",
    metadata,
    *bucket_key(),
    Column("run_id", Uuid, primary_key=True),
    Column("at", Timestamp, primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("flow_id", Text, nullable=False),
    Column("action_id", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("detail", JSONB),
    postgresql_partition_by="RANGE (at)",
)
"""One compact row per step: what came of it, and the values that each condition saw."""

delivery = Table(
    "delivery",
    metadata,
    *bucket_key(),
    Column("delivery_id", Uuid, primary_key=True),
    Column("run_id", Uuid, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("action_id", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("variation", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("clock", Integer, nullable=False),
    Column("queued_at", Timestamp, nullable=False),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("due_at", Timestamp, nullable=False),
    Column("claimed_by", Text),
    Column("lease_until", Timestamp),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("sent_at", Timestamp),
    Column("provider_id", Text),
    Column("segments", SmallInteger, nullable=False, server_default="0"),
    Column("bounced_at", Timestamp),
    Column("first_open_at", Timestamp),
    Column("first_click_at", Timestamp),
    Column("unsubscribed_at", Timestamp),
    Column("opens", Integer, nullable=False, server_default="0"),
    Column("clicks", Integer, nullable=False, server_default="0"),
    Column("unsubscribes", Integer, nullable=False, server_default="0"),
    UniqueConstraint("bucket", "account_id", "run_id", "action_id", "variation"),
    Index("delivery_due_idx", "clock", "bucket", "account_id", "due_at", postgresql_where=text("state = 0")),
    Index("delivery_lease_idx", "lease_until", postgresql_where=text("state = 1")),
    Index("delivery_profile_idx", "bucket", "account_id", "profile_id", "channel", "queued_at"),
    Index("delivery_review_idx", "account_id", "flow_id", "queued_at", postgresql_where=text("state = 6")),
    Index("delivery_sent_idx", "account_id", "sent_at", postgresql_where=text("sent_at IS NOT NULL")),
    postgresql_with=BUSY,
)
"""One message to one person. `step` is the run's, and tells which of two messages of one moment goes first.

`lease_until` is system time. `sent_at` is when delivery was attempted.
"""

planned_entry = Table(
    "planned_entry",
    metadata,
    *bucket_key(),
    Column("flow_id", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),
    Column("enters_at", Timestamp, nullable=False),
    Column("target_on", Date, nullable=False),
    Column("clock", Integer, nullable=False),
    Index("planned_entry_due_idx", "clock", "bucket", "account_id", "enters_at"),
    postgresql_with=BUSY,
)
"""The next entry of a person into a date-based flow: when it begins, and the date that it leads to."""

planning = Table(
    "planning",
    metadata,
    *bucket_key(),
    Column("flow_id", Text, primary_key=True),
    Column("after_profile_id", Text, nullable=False, server_default=""),
)
"""Buckets whose people are still to be planned for a date-based flow that went live or changed."""

inbox_message = Table(
    "inbox_message",
    metadata,
    *bucket_key(),
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text),
    Column("html", Text),
    Column("text", Text),
    Column("headers", JSONB, nullable=False, server_default=NOTHING),
    Column("sent_at", Timestamp, nullable=False),
    Index(None, "account_id", "number"),
)
"""What the inbox provider keeps: every rendered message, once per delivery."""
