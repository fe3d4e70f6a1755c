"""What stands around flows and people: images, universal content, metrics of one's own, webhooks, and the API's state.

Rate windows and faults count requests in system time; everything else tells the account's.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from headrace.storage.tables.base import BUSY, NOTHING, Timestamp, account_column, bucket_key, metadata, stamps

image_serial = Sequence("image_serial", start=100_001, metadata=metadata)
"""Ids of images, which are decimal numbers. Source: reference section 9."""

image = Table(
    "image",
    metadata,
    Column("image_id", BigInteger, primary_key=True, autoincrement=False),
    account_column(),
    Column("name", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    Column("digest", LargeBinary, nullable=False),
    *stamps(),
    Index(None, "account_id", "updated_at"),
)
"""Images that messages show. `size` is in bytes; `digest` is the SHA-256 of the content, which lies in a file."""

universal_content = Table(
    "universal_content",
    metadata,
    Column("content_id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    *stamps(),
    Index(None, "account_id"),
)
"""Blocks that several templates show."""

custom_metric = Table(
    "custom_metric",
    metadata,
    Column("custom_metric_id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("metric_ids", ARRAY(Text), nullable=False),
    *stamps(),
    Index(None, "account_id"),
)
"""Metrics that are put together from others; `metric_ids` are those that the definition names, in its order."""

mapped_metric = Table(
    "mapped_metric",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("mapping", Text, primary_key=True),
    Column("metric_id", Text),
    Column("custom_metric_id", Text),
    Column("updated_at", Timestamp, nullable=False),
)
"""Which metric stands for revenue, orders and so on; at most one of the two ids is given."""

metric_property = Table(
    "metric_property",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("metric_id", Text, primary_key=True),
    Column("property", Text, primary_key=True),
    Column("property_id", Text, nullable=False),
    Column("inferred_type", Text, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    Column("first_at", Timestamp, nullable=False),
    Index(None, "account_id", "property_id"),
)
"""The properties that events of a metric were seen to have; `first_number` and `first_at` name the first such event.

Values are not kept: they belong to people, and go with them.
"""

tracking_setting = Table(
    "tracking_setting",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("auto_add_parameters", Boolean, nullable=False),
    Column("parameters", JSONB, nullable=False, server_default=NOTHING),
    Column("updated_at", Timestamp, nullable=False),
)
"""What an account adds to its links; no row means the defaults."""

webhook = Table(
    "webhook",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("endpoint_url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("topics", ARRAY(Text), nullable=False),
    *stamps(),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("failing_since", Timestamp),
    Column("not_before", Timestamp),
    Column("claimed_by", Text),
    Column("lease_until", Timestamp),
    Column("error", Text),
    Index(None, "account_id"),
)
"""Who is told of events of the account; `secret` is sealed with the installation's key.

`attempts` counts failures since the last success, the first of which was at `failing_since`. But for the stamps the
times are system time.
"""

webhook_event = Table(
    "webhook_event",
    metadata,
    *bucket_key(),
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("webhook_id", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("metric_id", Text, nullable=False),
    Column("event_number", BigInteger, nullable=False),
    Column("occurred_at", Timestamp, nullable=False),
    Column("properties", JSONB, nullable=False),
    Index(None, "bucket", "account_id", "webhook_id", "number"),
    Index(None, "bucket", "account_id", "profile_id"),
    postgresql_with=BUSY,
)
"""What a webhook is still to be told, in the order of `number`; told rows are removed. `occurred_at` is domain time."""

rate_window = Table(
    "rate_window",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("used", Integer, nullable=False),
    postgresql_with=BUSY,
    prefixes=["UNLOGGED"],
)
"""How much of a rate limit is used: the requests of window `number` of windows that last `seconds`. System time.

Unlogged, so that counting waits for no disk; after a crash of the server the windows begin anew.
"""

fault = Table(
    "fault",
    metadata,
    Column("fault_id", Text, primary_key=True),
    account_column(),
    Column("operation", Text),
    Column("status", SmallInteger),
    Column("latency_ms", Integer, nullable=False, server_default="0"),
    Column("retry_after", Integer),
    Column("remaining", Integer, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Index(None, "account_id"),
)
"""What a tester lets go wrong: an operation's next `remaining` requests, or every operation's. System time.

`status` null only delays them by `latency_ms`; `retry_after` is in seconds.
"""
