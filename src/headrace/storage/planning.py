"""Planning that is still to be done: whose entries into date-based flows must be worked out, and how far that has come.

What is here: asking for plans and going through the people of a flow page by page. What is not: the plans (`planned`),
noting who changed (`noting`), working plans out (`engine.dates`). Source: reference 1.5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from headrace.ids import BUCKETS
from headrace.storage.database import Connection, Database, Row
from headrace.storage.planned import PlanKey

_REQUEST = f"""
INSERT INTO planning (bucket, account_id, flow_id, after_profile_id)
SELECT number::smallint, $1, $2, '' FROM generate_series(0, {BUCKETS - 1}) AS b (number)
ON CONFLICT (bucket, account_id, flow_id) DO UPDATE SET after_profile_id = ''
"""

_FORGET = """
DELETE FROM {table} WHERE bucket = ANY($3::smallint[]) AND account_id = $1 AND flow_id = $2
"""

_PLANNING = """
SELECT p.bucket, p.account_id, p.flow_id, p.after_profile_id
FROM unnest($1::smallint[]) AS b (number) CROSS JOIN LATERAL (
    SELECT * FROM planning WHERE bucket = b.number ORDER BY account_id, flow_id LIMIT $2 FOR UPDATE
) AS p
ORDER BY p.bucket, p.account_id, p.flow_id LIMIT $2
"""

_PEOPLE = """
SELECT asked.bucket, asked.account_id, asked.flow_id, p.profile_id
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS asked (bucket, account_id, flow_id, after)
CROSS JOIN LATERAL (
    SELECT profile_id FROM profile
    WHERE bucket = asked.bucket AND account_id = asked.account_id AND profile_id > asked.after
    ORDER BY profile_id LIMIT $5
) AS p
ORDER BY asked.bucket, asked.account_id, asked.flow_id, p.profile_id
"""

_GO_ON = """
UPDATE planning SET after_profile_id = reached.profile_id
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS reached (bucket, account_id, flow_id, profile_id)
WHERE planning.bucket = reached.bucket AND planning.account_id = reached.account_id
    AND planning.flow_id = reached.flow_id
"""

_DONE = """
DELETE FROM planning USING unnest($1::smallint[], $2::text[], $3::text[]) AS done (bucket, account_id, flow_id)
WHERE planning.bucket = done.bucket AND planning.account_id = done.account_id AND planning.flow_id = done.flow_id
"""

_PLANNING_BUCKETS = f"""
SELECT b.number AS bucket FROM generate_series(0, {BUCKETS - 1}) AS b (number)
WHERE EXISTS (
    SELECT FROM planning p WHERE p.bucket = b.number::smallint AND ($1::text IS NULL OR p.account_id = $1)
)
"""


async def request_planning(transaction: Connection, account_id: str, flow_id: str) -> None:
    """Let the engine plan everybody's entries into a date-based flow, from the start where that was under way."""
    await transaction.execute(_REQUEST, account_id, flow_id)


async def forget_plans(transaction: Connection, account_id: str, flow_id: str) -> None:
    """Drop what is planned for a flow, and the planning that is under way."""
    for table in ("planning", "planned_entry"):
        await transaction.execute(_FORGET.format(table=table), account_id, flow_id, list(range(BUCKETS)))


async def buckets_to_plan(connection: Connection | Database, account_id: str | None = None) -> list[int]:
    """Return the buckets whose people are still to be planned for some flow, of one account where one is given."""
    return [row["bucket"] for row in await connection.fetch(_PLANNING_BUCKETS, account_id)]


async def claim_planning(transaction: Connection, buckets: Sequence[int], limit: int) -> list[Row]:
    """Return at most `limit` rows of `planning` in locked buckets; who asks for plans meanwhile waits."""
    return await transaction.fetch(_PLANNING, list(buckets), limit)


async def people_to_plan(transaction: Connection, rows: Sequence[Row], limit: int) -> list[PlanKey]:
    """Return the next people of each `planning` row, at most `limit` for each, in the order of their ids."""
    columns = ([row[name] for row in rows] for name in ("bucket", "account_id", "flow_id", "after_profile_id"))
    found = await transaction.fetch(_PEOPLE, *columns, limit)
    return [(row["bucket"], row["account_id"], row["flow_id"], row["profile_id"]) for row in found]


async def note_progress(transaction: Connection, rows: Sequence[Row], people: Sequence[PlanKey], limit: int) -> None:
    """Write down whom the planning reached, and end it for each row that had fewer than `limit` people left."""
    found: defaultdict[tuple[int, str, str], list[str]] = defaultdict(list)
    for bucket, account_id, flow_id, profile_id in people:
        found[bucket, account_id, flow_id].append(profile_id)
    keys = [(row["bucket"], row["account_id"], row["flow_id"]) for row in rows]
    done = [key for key in keys if len(found[key]) < limit]
    reached = [(*key, found[key][-1]) for key in keys if len(found[key]) >= limit]
    if done:
        await transaction.execute(_DONE, *map(list, zip(*done, strict=True)))
    if reached:
        await transaction.execute(_GO_ON, *map(list, zip(*reached, strict=True)))
