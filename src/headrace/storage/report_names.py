"""The names that a report shows: of flows, messages, variations and tags.

What is here: one look-up each, for the ids that a report found. What is not: its numbers (`report_query`).
Deleted flows and messages keep their rows, so that their reports can name them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from headrace.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Names:
    """Names by id; `tags` holds (id, name) of each tag of a flow, by name."""

    flows: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


_NAMES = """
SELECT 'flow' AS kind, flow_id AS id, name, NULL AS tag_id FROM flow WHERE account_id = $1 AND flow_id = ANY($2)
UNION ALL
SELECT 'message', message_id, name, NULL FROM flow_message WHERE account_id = $1 AND message_id = ANY($3)
UNION ALL
SELECT 'tag', f.flow_id, t.name, t.tag_id FROM tag_flow f JOIN tag t USING (account_id, tag_id)
WHERE account_id = $1 AND f.flow_id = ANY($2)
ORDER BY kind, name, tag_id
"""


async def read_names(
    connection: Connection, account_id: str, flow_ids: Collection[str], message_ids: Collection[str]
) -> Names:
    """Return the names of flows and messages, and the tags of the flows; ids without a row are left out."""
    rows = await connection.fetch(_NAMES, account_id, list(flow_ids), list(message_ids))
    tags: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "tag":
            tags[row["id"]].append((row["tag_id"], row["name"]))
    return Names(
        flows={row["id"]: row["name"] for row in rows if row["kind"] == "flow"},
        messages={row["id"]: row["name"] for row in rows if row["kind"] == "message"},
        tags={flow_id: tuple(found) for flow_id, found in tags.items()},
    )


async def metric_exists(connection: Connection, account_id: str, metric_id: str) -> bool:
    """Tell whether the account has a metric of this id."""
    found = await connection.fetch_value(
        "SELECT 1 FROM metric WHERE account_id = $1 AND metric_id = $2", account_id, metric_id
    )
    return found is not None


async def metrics_named(connection: Connection, account_id: str, name: str) -> list[str]:
    """Return the ids of the account's metrics of a name, one for each integration that has it."""
    rows = await connection.fetch(
        "SELECT metric_id FROM metric WHERE account_id = $1 AND name = $2 ORDER BY metric_id", account_id, name
    )
    return [row["metric_id"] for row in rows]
