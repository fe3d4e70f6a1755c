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
    alert_recipient,
    api_key,
    clock_serial,
    entry_guard,
    experiment,
    flow,
    flow_action,
    flow_message,
    flow_version,
    job,
    metric,
    one_time_link,
    profile_group,
    tag,
    tag_flow,
    tag_group,
    template,
)
from headrace.storage.tables.engine import delivery, inbox_message, journal, planned_entry, planning, run
from headrace.storage.tables.people import (
    consent,
    custom_object,
    event,
    event_key,
    event_serial,
    identifier,
    membership,
    pending,
    profile,
    push_token,
    suppression,
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
    step_count,
    step_delta,
)

__all__ = [
    "BIG_TABLES",
    "MESSAGE_COUNTS",
    "account",
    "action_serial",
    "alert_recipient",
    "api_key",
    "clock_serial",
    "consent",
    "conversion",
    "conversion_delta",
    "conversion_rollup",
    "custom_object",
    "delivery",
    "entry_guard",
    "event",
    "event_key",
    "event_serial",
    "experiment",
    "flow",
    "flow_action",
    "flow_message",
    "flow_version",
    "identifier",
    "inbox_message",
    "interaction",
    "job",
    "journal",
    "membership",
    "message_delta",
    "message_rollup",
    "metadata",
    "metric",
    "one_time_link",
    "pending",
    "planned_entry",
    "planning",
    "profile",
    "profile_group",
    "push_token",
    "rollup_zone",
    "run",
    "step_count",
    "step_delta",
    "suppression",
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
    suppression,
    push_token,
    custom_object,
    planned_entry,
    planning,
)
