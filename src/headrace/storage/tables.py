"""Every table of Headrace, as SQLAlchemy Core.

What is here: names, columns, keys and indexes. What is not: statements (one module per record family beside this one)
and partitions, which `partitions.py` makes on demand.

Two kinds of table (DESIGN section 1). *Definitions* (account, metric, flow ...) are small and keyed by their own id.
*Big tables* hold what grows with people and time: each carries `bucket` and `account_id`, and every key of it starts
with the two, so that the same schema can be distributed. `BIG_TABLES` names them; a test checks the rule.

Times are `timestamptz` in UTC. Columns that end in `_at` are domain time unless the comment says system time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Timestamp = DateTime(timezone=True)
NOTHING = text("'{}'::jsonb")

event_serial = Sequence("event_serial", metadata=metadata)
"""Blocks of event serials: one value stands for `serials.BLOCK` numbers."""
action_serial = Sequence("action_serial", start=10_000_001, metadata=metadata)
"""Ids of flow actions, which are decimal numbers. Source: reference section 9."""
clock_serial = Sequence("clock_serial", metadata=metadata)
"""Numbers of virtual clocks; 0 is the machine's."""


def _account() -> Column[Any]:
    return Column("account_id", Text, nullable=False)


def _bucket_key() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
        Column("account_id", Text, primary_key=True),
    )


def _stamps() -> tuple[Column[Any], Column[Any]]:
    return Column("created_at", Timestamp, nullable=False), Column("updated_at", Timestamp, nullable=False)


# --- definitions ------------------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("industry", Text),
    Column("organization", JSONB, nullable=False, server_default=NOTHING),
    Column("sender_email", Text, nullable=False),
    Column("sender_label", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=NOTHING),
    Column("clock", Integer, nullable=False, server_default="0"),
    Column("clock_now", Timestamp),
    Column("created_at", Timestamp, nullable=False),
)
"""`clock` 0 is the machine's; else `clock_now` holds the present moment of the account's own, virtual clock."""

api_key = Table(
    "api_key",
    metadata,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("key_id", Text, nullable=False, unique=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("last_used_at", Timestamp),
    Column("revoked_at", Timestamp),
    Index(None, "account_id"),
)
"""Private keys, hashed; the times are system time. `key_id` is the readable handle that lists and revokes them."""

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _account(),
    Column("purpose", Text, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("used_at", Timestamp),
)
"""Links that open a page once; the times are system time."""

metric = Table(
    "metric",
    metadata,
    Column("metric_id", Text, primary_key=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("integration_name", Text, nullable=False),
    Column("integration_category", Text, nullable=False),
    *_stamps(),
    UniqueConstraint("account_id", "name", "integration_name"),
)

profile_group = Table(
    "profile_group",
    metadata,
    Column("group_id", Text, primary_key=True),
    _account(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("opt_in_process", Text),
    Column("definition", JSONB),
    *_stamps(),
    Index(None, "account_id", "kind"),
)
"""Lists (`kind` list) and segments (`kind` segment)."""

template = Table(
    "template",
    metadata,
    Column("template_id", Text, primary_key=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("editor_type", Text, nullable=False),
    Column("html", Text),
    Column("text", Text),
    Column("amp", Text),
    Column("message_id", Text),
    *_stamps(),
    Index(None, "account_id"),
)
"""`message_id` names the flow message that owns this copy. Source: reference 2.2 (attaching a template copies it)."""

tag_group = Table(
    "tag_group",
    metadata,
    Column("tag_group_id", Text, primary_key=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("exclusive", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Index(None, "account_id"),
)

tag = Table(
    "tag",
    metadata,
    Column("tag_id", Text, primary_key=True),
    _account(),
    Column("tag_group_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("account_id", "name"),
)

tag_flow = Table(
    "tag_flow",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("tag_id", Text, primary_key=True),
    Column("flow_id", Text, primary_key=True),
    Index(None, "account_id", "flow_id"),
)

flow = Table(
    "flow",
    metadata,
    Column("flow_id", Text, primary_key=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    Column("trigger_type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    *_stamps(),
    Column("deleted_at", Timestamp),
    Index(None, "account_id"),
)
"""`version` is the present row of `flow_version`; a deleted flow keeps its row so that its reports can name it."""

flow_version = Table(
    "flow_version",
    metadata,
    Column("flow_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _account(),
    Column("definition", JSONB, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)

flow_action = Table(
    "flow_action",
    metadata,
    Column("action_id", BigInteger, primary_key=True, autoincrement=False),
    _account(),
    Column("flow_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text),
    Column("definition", JSONB, nullable=False),
    *_stamps(),
    Column("deleted_at", Timestamp),
    Column("successor_id", BigInteger),
    Index(None, "account_id", "flow_id"),
)
"""The actions of every flow's present version, and tombstones: a deleted action keeps its row and its successor."""

flow_message = Table(
    "flow_message",
    metadata,
    Column("message_id", Text, primary_key=True),
    _account(),
    Column("flow_id", Text, nullable=False),
    Column("action_id", BigInteger, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("template_id", Text),
    Column("definition", JSONB, nullable=False),
    *_stamps(),
    Column("deleted_at", Timestamp),
    Index(None, "account_id", "action_id"),
    Index(None, "account_id", "flow_id"),
)

# --- people and events ------------------------------------------------------------------------------------------

profile = Table(
    "profile",
    metadata,
    *_bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("email", Text),
    Column("phone_number", Text),
    Column("external_id", Text),
    Column("anonymous_id", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("organization", Text),
    Column("title", Text),
    Column("image", Text),
    Column("locale", Text),
    Column("timezone", Text),
    Column("location", JSONB, nullable=False, server_default=NOTHING),
    Column("properties", JSONB, nullable=False, server_default=NOTHING),
    *_stamps(),
    Column("last_event_at", Timestamp),
    Index(None, "account_id", "profile_id"),
    Index(None, "account_id", "updated_at", "profile_id"),
    Index(None, "account_id", "email"),
)

identifier = Table(
    "identifier",
    metadata,
    *_bucket_key(),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("value", Text, primary_key=True),
    Column("profile_id", Text, nullable=False),
    Index(None, "account_id", "profile_id"),
)
"""Which profile an e-mail, phone number, external or anonymous id names. Its bucket hashes account, kind and value."""

event_key = Table(
    "event_key",
    metadata,
    *_bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("metric_id", Text, primary_key=True),
    Column("unique_id", Text, primary_key=True),
)
"""What keeps `unique_id` unique; unpartitioned, because a partitioned table cannot. See DESIGN section 8."""

event = Table(
    "event",
    metadata,
    *_bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("metric_id", Text, primary_key=True),
    Column("occurred_at", Timestamp, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Numeric),
    Column("value_currency", Text),
    Column("properties", JSONB, nullable=False),
    Index(None, "account_id", "number"),
    postgresql_partition_by="RANGE (occurred_at)",
)

pending = Table(
    "pending",
    metadata,
    *_bucket_key(),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("metric_id", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("occurred_at", Timestamp, nullable=False),
    Column("accepted_at", Timestamp, nullable=False),
    Column("received_at", Timestamp, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("chain", SmallInteger, nullable=False),
    postgresql_with={"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_threshold": "5000"},
)
"""Accepted events whose consequences are still to come. `accepted_at` is the account's time, `received_at` system."""

membership = Table(
    "membership",
    metadata,
    *_bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("joined_at", Timestamp, nullable=False),
    Index(None, "account_id", "group_id", "joined_at", "profile_id"),
)

consent = Table(
    "consent",
    metadata,
    *_bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("channel", SmallInteger, primary_key=True, autoincrement=False),
    Column("subscription", Text, nullable=False),
    Column("changed_at", Timestamp, nullable=False),
    Column("method", Text),
    Column("detail", Text),
)
"""`subscription` is SUBSCRIBED or UNSUBSCRIBED; no row means NEVER_SUBSCRIBED. Source: reference 4.4."""

# --- the engine -------------------------------------------------------------------------------------------------

_BUSY = {
    "fillfactor": "80",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "10000",
    "autovacuum_vacuum_cost_delay": "0",
    "autovacuum_analyze_scale_factor": "0.05",
}

run = Table(
    "run",
    metadata,
    *_bucket_key(),
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
    Index("run_due_idx", "clock", "bucket", "resume_at", postgresql_where=text("state = 0")),
    Index("run_entry_idx", "bucket", "account_id", "profile_id", "flow_id", "entered_at"),
    postgresql_with=_BUSY,
)
"""One row per run; `model.Run` documents the columns. The triggering event is named by its whole key."""

journal = Table(
    "journal",
    metadata,
    *_bucket_key(),
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
    *_bucket_key(),
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
    Column("clock", Integer, nullable=False),
    Column("queued_at", Timestamp, nullable=False),
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
    Index("delivery_due_idx", "clock", "bucket", "due_at", postgresql_where=text("state = 0")),
    Index("delivery_lease_idx", "lease_until", postgresql_where=text("state = 1")),
    Index("delivery_profile_idx", "bucket", "account_id", "profile_id", "channel", "queued_at"),
    Index("delivery_sent_idx", "account_id", "sent_at", postgresql_where=text("sent_at IS NOT NULL")),
    postgresql_with=_BUSY,
)
"""One message to one person. `lease_until` is system time. `sent_at` is when delivery was attempted."""

inbox_message = Table(
    "inbox_message",
    metadata,
    *_bucket_key(),
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

# --- interactions and reports -----------------------------------------------------------------------------------

interaction = Table(
    "interaction",
    metadata,
    *_bucket_key(),
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
    *_bucket_key(),
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

BIG_TABLES = (
    profile,
    identifier,
    event_key,
    event,
    pending,
    membership,
    consent,
    run,
    journal,
    delivery,
    inbox_message,
    interaction,
    conversion,
)
