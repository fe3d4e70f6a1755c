"""Every table of Headrace, as SQLAlchemy Core.

What is here: names, columns, keys and indexes. What is not: statements (one module per record family beside this one)
and partitions, which `partitions.py` makes on demand.

Two kinds of table (DESIGN section 1). *Definitions* (account, metric, flow ...) are small and keyed by their own id.
*Big tables* hold what grows with people and time: each carries `bucket` and `account_id`, and every key of it starts
with the two, so that the same schema can be distributed. `BIG_TABLES` names them; a test checks the rule.

Times are `timestamptz` in UTC. Columns that end in `_at` are domain time unless the comment says system time.
"""

from __future__ import annotations

from headrace.storage.tables.base import metadata
from headrace.storage.tables.definitions import (
    account,
    action_serial,
    api_key,
    clock_serial,
    flow,
    flow_action,
    flow_message,
    flow_version,
    metric,
    one_time_link,
    profile_group,
    tag,
    tag_flow,
    tag_group,
    template,
)
from headrace.storage.tables.engine import delivery, inbox_message, journal, run
from headrace.storage.tables.people import (
    consent,
    event,
    event_key,
    event_serial,
    identifier,
    membership,
    pending,
    profile,
)
from headrace.storage.tables.reporting import (
    MESSAGE_COUNTS,
    conversion,
    conversion_delta,
    conversion_rollup,
    interaction,
    message_delta,
    message_rollup,
    rollup_zone,
)

__all__ = [
    "BIG_TABLES",
    "MESSAGE_COUNTS",
    "account",
    "action_serial",
    "api_key",
    "clock_serial",
    "consent",
    "conversion",
    "conversion_delta",
    "conversion_rollup",
    "delivery",
    "event",
    "event_key",
    "event_serial",
    "flow",
    "flow_action",
    "flow_message",
    "flow_version",
    "identifier",
    "inbox_message",
    "interaction",
    "journal",
    "membership",
    "message_delta",
    "message_rollup",
    "metadata",
    "metric",
    "one_time_link",
    "pending",
    "profile",
    "profile_group",
    "rollup_zone",
    "run",
    "tag",
    "tag_flow",
    "tag_group",
    "template",
]

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
