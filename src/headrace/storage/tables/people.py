"""People and what they did: profiles, identifiers, events, memberships, consent."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from headrace.storage.tables.base import BUSY, NOTHING, Timestamp, bucket_key, metadata, stamps

event_serial = Sequence("event_serial", metadata=metadata)
"""Blocks of event serials: one value stands for `serials.BLOCK` numbers."""

profile = Table(
    "profile",
    metadata,
    *bucket_key(),
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
    Column("predictive", JSONB, nullable=False, server_default=NOTHING),
    *stamps(),
    Column("last_event_at", Timestamp),
    Index(None, "account_id", "profile_id"),
    Index(None, "account_id", "updated_at", "profile_id"),
    Index(None, "account_id", "email"),
)

identifier = Table(
    "identifier",
    metadata,
    *bucket_key(),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("value", Text, primary_key=True),
    Column("profile_id", Text, nullable=False),
    Index(None, "account_id", "profile_id"),
)
"""Which profile an e-mail, phone number, external or anonymous id names. Its bucket hashes account, kind and value."""

event_key = Table(
    "event_key",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("metric_id", Text, primary_key=True),
    Column("unique_id", Text, primary_key=True),
)
"""What keeps `unique_id` unique; unpartitioned, because a partitioned table cannot. See DESIGN section 8."""

event = Table(
    "event",
    metadata,
    *bucket_key(),
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
    *bucket_key(),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("metric_id", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("occurred_at", Timestamp, nullable=False),
    Column("accepted_at", Timestamp, nullable=False),
    Column("received_at", Timestamp, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("chain", SmallInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False, server_default="0"),
    Column("group_id", Text),
    Column("topics", ARRAY(Text)),
    postgresql_with={"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_threshold": "5000"},
)
"""What happened to people and whose consequences are still to come: accepted events, joined groups, changed people.

`kind` is a `storage.pending.Kind`. Only events have a metric and a number; else these are empty and 0. `backfill` marks
what starts no run. `accepted_at` is the account's time, `received_at` system. `topics` say what of a person changed,
as `conditions.topics` spells it; null stands for everything.
"""

membership = Table(
    "membership",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("joined_at", Timestamp, nullable=False),
    Index(None, "account_id", "group_id", "joined_at", "profile_id"),
)

membership_change = Table(
    "membership_change",
    metadata,
    *bucket_key(),
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("joined", Boolean, nullable=False),
    Index(None, "account_id", "group_id", "at"),
    Index(None, "bucket", "account_id", "profile_id", "at"),
)
"""Who joined or left a list or segment, and when by the account's clock: for reports and a person's history."""

segment_due = Table(
    "segment_due",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("due_at", Timestamp, nullable=False),
    Column("clock", Integer, nullable=False),
    Column("starts_nothing", Boolean, nullable=False, server_default="false"),
    Index("segment_due_idx", "clock", "bucket", "account_id", "due_at"),
    postgresql_with=BUSY,
)
"""When a person's place in a segment may change though nothing happens to them: time alone goes on.

While a segment is worked out for everybody, also the moment at which something happened to the person; `starts_nothing`
tells that no flow begins by it.
"""

profile_alias = Table(
    "profile_alias",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("into_profile_id", Text, nullable=False),
    Column("merged_at", Timestamp, nullable=False),
    Index(None, "account_id", "into_profile_id"),
)
"""Which profile a merged one went into; the bucket is the old profile's. See DESIGN section 8 (identity)."""

opt_in = Table(
    "opt_in",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("list_id", Text, primary_key=True),
    Column("channel", SmallInteger, primary_key=True, autoincrement=False),
    Column("state", SmallInteger, nullable=False),
    Column("asked_at", Timestamp, nullable=False),
    Column("email", Text),
    Column("method", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("custom_source", Text),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("lease_until", Timestamp),
    Column("sent_at", Timestamp),
    Column("confirmed_at", Timestamp),
    Index("opt_in_waiting_idx", "bucket", "account_id", postgresql_where=text("state IN (0, 1)")),
)
"""Who was asked to confirm a subscription to a list, and how far that has come. Source: reference 4.4.

`list_id` is empty where no list is meant, `email` the address that is asked. `state` is 0 to be asked, 1 being asked,
2 asked, 3 confirmed, 4 could not be asked. `lease_until` is system time, the other times are the account's.
"""

consent = Table(
    "consent",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("channel", SmallInteger, primary_key=True, autoincrement=False),
    Column("purpose", SmallInteger, primary_key=True, autoincrement=False, server_default="0"),
    Column("subscription", Text, nullable=False),
    Column("changed_at", Timestamp, nullable=False),
    Column("recorded_at", Timestamp),
    Column("method", Text),
    Column("detail", Text),
    Column("custom_source", Text),
    Column("double_opt_in", Boolean, nullable=False, server_default="false"),
    Column("rcs_capable", Boolean),
)
"""What a person agreed to on a channel. `purpose` 0 is marketing, 1 transactional.

`subscription` is SUBSCRIBED or UNSUBSCRIBED; no row means NEVER_SUBSCRIBED. `changed_at` is when it took effect,
`recorded_at` when it was written, if that is another moment. Source: reference 4.4.
"""

suppression = Table(
    "suppression",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("list_id", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("at", Timestamp, nullable=False),
)
"""Why a person is not mailed; `list_id` is empty where that holds for everything. Source: reference 4.3, 4.4.

`reason` is HARD_BOUNCE, INVALID_EMAIL, SPAM_COMPLAINT, UNSUBSCRIBE or USER_SUPPRESSED.
"""

push_token = Table(
    "push_token",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    *stamps(),
    Column("enablement_status", Text),
    Column("background", Text),
    Column("metadata", JSONB, nullable=False, server_default=NOTHING),
    Index("push_token_id_idx", "account_id", text("md5(token)")),
)
"""A device that takes push messages; `enabled` tells whether its owner allows them.

`enablement_status` is the permission as the device put it, if it did. The API names a token by its MD5.
"""

custom_object = Table(
    "custom_object",
    metadata,
    *bucket_key(),
    Column("profile_id", Text, primary_key=True),
    Column("object_type_id", Text, primary_key=True),
    Column("relationship_id", Text, primary_key=True),
    Column("object_id", Text, primary_key=True),
    Column("properties", JSONB, nullable=False),
)
"""Records of other kinds that are linked to a person; `properties` maps property ids to values."""
