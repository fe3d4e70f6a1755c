"""Which segments ask about a segment, so that they are worked out anew when it goes.

Also which segments ask about a list or segment that is gone. What is not here: what else names a segment (flows, which
keep their definition), and lists, which people leave one by one when they go. Our choice: a list or segment that is in
use can be deleted, as the sources know no refusal; nobody is in it then, and segments that ask about it see that.
"""

from __future__ import annotations

from datetime import datetime

from headrace.conditions.topics import of_group
from headrace.ids import IdSource
from headrace.storage.database import Connection
from headrace.storage.segments import request_evaluation

_ASKING = """
SELECT group_id FROM profile_group
WHERE account_id = $1 AND kind = 'segment' AND is_active AND $2 = ANY(topics) AND group_id <> $3
ORDER BY group_id
"""

_GONE = """
SELECT g.group_id, array_agg(substr(topic, 7) ORDER BY topic) AS gone
FROM profile_group g CROSS JOIN LATERAL unnest(g.topics) AS topic
WHERE g.account_id = $1 AND g.kind = 'segment' AND starts_with(topic, 'group:') AND NOT EXISTS (
    SELECT FROM profile_group asked WHERE asked.account_id = $1 AND asked.group_id = substr(topic, 7)
)
GROUP BY g.group_id
"""


async def gone_groups(connection: Connection, account_id: str) -> dict[str, list[str]]:
    """Return segment id -> ids of the lists and segments that it asks about and that are gone; others are left out."""
    return {row["group_id"]: list(row["gone"]) for row in await connection.fetch(_GONE, account_id)}


async def look_again(
    transaction: Connection, account_id: str, group_id: str, *, ids: IdSource, system_now: datetime
) -> None:
    """Let jobs work out anew every segment that asks about a segment which is being deleted."""
    rows = await transaction.fetch(_ASKING, account_id, of_group(group_id), group_id)
    for row in rows:
        await request_evaluation(transaction, account_id, row["group_id"], ids=ids, system_now=system_now)
