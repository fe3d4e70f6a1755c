"""Definitions: accounts, keys, metrics, groups, templates, tags and flows; small tables, keyed by their own id."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from headrace.storage.tables.base import NOTHING, Timestamp, account_column, metadata, stamps

action_serial = Sequence("action_serial", start=10_000_001, metadata=metadata)
"""Ids of flow actions, which are decimal numbers. Source: reference section 9."""
clock_serial = Sequence("clock_serial", metadata=metadata)
"""Numbers of virtual clocks; 0 is the machine's."""

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
    account_column(),
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
    account_column(),
    Column("purpose", Text, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("used_at", Timestamp),
)
"""Links that open a page once; the times are system time."""

metric = Table(
    "metric",
    metadata,
    Column("metric_id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("integration_name", Text, nullable=False),
    Column("integration_category", Text, nullable=False),
    *stamps(),
    UniqueConstraint("account_id", "name", "integration_name"),
)

profile_group = Table(
    "profile_group",
    metadata,
    Column("group_id", Text, primary_key=True),
    account_column(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("opt_in_process", Text),
    Column("definition", JSONB),
    *stamps(),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("is_starred", Boolean, nullable=False, server_default=text("false")),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("evaluated_version", Integer, nullable=False, server_default="0"),
    Column("topics", ARRAY(Text)),
    Index(None, "account_id", "kind"),
)
"""Lists (`kind` list) and segments (`kind` segment).

`version` counts the definitions that a segment has had, `evaluated_version` is the last of which everybody's membership
has been worked out; where they differ, that is going on. `topics` is what the definition asks about, as
`conditions.topics` spells it.
"""

tag_of_group = Table(
    "tag_of_group",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("tag_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Index(None, "account_id", "group_id"),
)
"""The tags of lists and segments."""

template = Table(
    "template",
    metadata,
    Column("template_id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("editor_type", Text, nullable=False),
    Column("html", Text),
    Column("text", Text),
    Column("amp", Text),
    Column("message_id", Text),
    *stamps(),
    Index(None, "account_id"),
)
"""`message_id` names the flow message that owns this copy. Source: reference 2.2 (attaching a template copies it)."""

tag_group = Table(
    "tag_group",
    metadata,
    Column("tag_group_id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("exclusive", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Index(None, "account_id"),
)

tag = Table(
    "tag",
    metadata,
    Column("tag_id", Text, primary_key=True),
    account_column(),
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
    account_column(),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    Column("trigger_type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    *stamps(),
    Column("opened_at", Timestamp),
    Column("deleted_at", Timestamp),
    Index(None, "account_id"),
)
"""`version` is the present row of `flow_version`. `opened_at` is when the flow last ceased to be a draft: events from
before start no runs. A deleted flow keeps its row so that its reports can name it."""

flow_version = Table(
    "flow_version",
    metadata,
    Column("flow_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    account_column(),
    Column("definition", JSON, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)
"""A definition is kept as the text it came as (JSON, not JSONB), so that it goes out with its keys in their order."""

flow_action = Table(
    "flow_action",
    metadata,
    Column("action_id", BigInteger, primary_key=True, autoincrement=False),
    account_column(),
    Column("flow_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text),
    Column("definition", JSON, nullable=False),
    *stamps(),
    Column("deleted_at", Timestamp),
    Column("successor_id", BigInteger),
    Index(None, "account_id", "flow_id"),
)
"""The actions of every flow's present version, and tombstones: a deleted action keeps its row and its successor."""

flow_message = Table(
    "flow_message",
    metadata,
    Column("message_id", Text, primary_key=True),
    account_column(),
    Column("flow_id", Text, nullable=False),
    Column("action_id", BigInteger, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("template_id", Text),
    Column("definition", JSON, nullable=False),
    *stamps(),
    Column("deleted_at", Timestamp),
    Index(None, "account_id", "action_id"),
    Index(None, "account_id", "flow_id"),
)

experiment = Table(
    "experiment",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("action_id", BigInteger, primary_key=True, autoincrement=False),
    Column("experiment_id", Text, primary_key=True),
    Column("flow_id", Text, nullable=False),
    Column("began_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("winner", Text),
    Column("reason", Text),
    Column("figures", JSONB, nullable=False, server_default=NOTHING),
)
"""A test of variations: when it ran, which variation won and why. Source: reference 2.4."""

entry_guard = Table(
    "entry_guard",
    metadata,
    Column("flow_id", Text, primary_key=True),
    account_column(),
    Column("window_began_at", Timestamp, nullable=False),
    Column("entered", Integer, nullable=False),
    Column("holding_since", Timestamp),
)
"""Entries of the present window, where an account limits bursts; while `holding_since` is set, new runs are held."""

alert_recipient = Table(
    "alert_recipient",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("email", Text, primary_key=True),
    Column("confirmed_at", Timestamp),
)
"""Who gets internal alerts, once they have confirmed their address. Source: reference 2."""

job_item = Table(
    "job_item",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    account_column(),
    Column("item", JSONB, nullable=False),
    Column("profile_id", Text),
    Column("error", JSONB),
)
"""The rows of a bulk job: what each asks for, and which profile or which error came of it."""

job = Table(
    "job",
    metadata,
    Column("job_id", Text, primary_key=True),
    account_column(),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("arguments", JSONB, nullable=False),
    Column("progress", JSONB, nullable=False, server_default=NOTHING),
    Column("error", Text),
    Column("lease_until", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("finished_at", Timestamp),
    Index(None, "account_id", "kind", "created_at"),
    Index("job_waiting_idx", "created_at", postgresql_where=text("state IN ('queued', 'running')")),
)
"""Longer work that goes on in the background and survives restarts; the times are system time.

`state` is queued, running, complete or failed.
"""

file_import = Table(
    "file_import",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("file_key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("last_row", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("errors_size", BigInteger, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("finished_at", Timestamp),
)
"""How far the import of a file has come; written in the transaction that writes its rows. The times are system time.

`position` is how many bytes of the file are done, `last_row` the number of the last row in them, and `errors_size` how
many bytes of the error file tell of them.
"""
