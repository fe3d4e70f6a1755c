"""How many people joined and left segments, for reports.

What is here: the statements that count changes by spans of time, and members. What is not: statistics (`reports`).
Changes are recorded for good, so a count of the past stays as it was, but for people who were merged since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.storage.database import Connection

_SEGMENTS = """
SELECT group_id FROM profile_group
WHERE account_id = $1 AND kind = 'segment' AND ($2::text[] IS NULL OR group_id = ANY($2)) ORDER BY group_id
"""

_CHANGES = """
SELECT group_id, width_bucket(at, $3::timestamptz[]) - 1 AS place, count(*) FILTER (WHERE joined) AS added,
    count(*) FILTER (WHERE NOT joined) AS removed
FROM membership_change
WHERE account_id = $1 AND group_id = ANY($2) AND at >= $3[1] AND ($4::timestamptz IS NULL OR at < $4)
GROUP BY 1, 2
"""

_MEMBERS = """
SELECT group_id, count(*) AS members FROM membership WHERE account_id = $1 AND group_id = ANY($2) GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """How many joined and left a segment between two edges; `place` len(edges) - 1 is what came after the last."""

    segment_id: str
    place: int
    added: int
    removed: int


async def existing_segments(connection: Connection, account_id: str, wanted: Sequence[str] | None) -> list[str]:
    """Return the ids of the account's segments, or of those that are wanted, in their order."""
    rows = await connection.fetch(_SEGMENTS, account_id, None if wanted is None else list(wanted))
    return [row["group_id"] for row in rows]


async def count_changes(
    connection: Connection, account_id: str, segment_ids: Sequence[str], edges: Sequence[datetime], *, later: bool
) -> list[Changes]:
    """Return who joined and left between ascending edges, and with `later` also after the last one."""
    until = None if later else edges[-1]
    rows = await connection.fetch(_CHANGES, account_id, list(segment_ids), list(edges), until)
    return [Changes(row["group_id"], row["place"], row["added"], row["removed"]) for row in rows]


async def count_members(connection: Connection, account_id: str, segment_ids: Sequence[str]) -> dict[str, int]:
    """Return how many people are in each segment now; one without any is left out."""
    rows = await connection.fetch(_MEMBERS, account_id, list(segment_ids))
    return {row["group_id"]: row["members"] for row in rows}
