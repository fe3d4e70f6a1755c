"""What would have started a flow in the past: events of a metric, and since when people are members of a group.

What is here: paging through the people of locked buckets, with one look-up per person, and what their earlier runs of
the flow did. What is not: where in the flow somebody would be now (`engine.back_populate`). Source: reference 1.7.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from headrace.model import Event
from headrace.storage.database import Connection, Row
from headrace.storage.facts import event_of

_PEOPLE = """
SELECT next.bucket, next.profile_id
FROM unnest($2::smallint[], $3::text[]) AS place (bucket, after) CROSS JOIN LATERAL (
    SELECT bucket, profile_id FROM profile
    WHERE bucket = place.bucket AND account_id = $1 AND profile_id > place.after ORDER BY profile_id LIMIT $4
) AS next
ORDER BY next.bucket, next.profile_id
"""

_EVENTS = """
SELECT e.* FROM unnest($2::smallint[], $3::text[]) AS asked (bucket, profile_id) CROSS JOIN LATERAL (
    SELECT bucket, number, profile_id, metric_id, occurred_at, value, value_currency, properties FROM event e
    WHERE e.bucket = asked.bucket AND e.account_id = $1 AND e.profile_id = asked.profile_id AND e.metric_id = $4
        AND e.occurred_at > $5 AND e.occurred_at <= $6
) AS e
WHERE NOT EXISTS (
    SELECT FROM run r WHERE r.bucket = e.bucket AND r.account_id = $1 AND r.profile_id = e.profile_id
        AND r.flow_id = $7 AND r.event_number = e.number
)
ORDER BY e.bucket, e.profile_id, e.occurred_at, e.number
"""

_MEMBERS = """
SELECT m.bucket, m.profile_id, m.joined_at
FROM unnest($2::smallint[], $3::text[]) AS asked (bucket, profile_id)
JOIN membership m ON m.bucket = asked.bucket AND m.account_id = $1 AND m.profile_id = asked.profile_id
    AND m.group_id = $4
WHERE EXISTS (SELECT FROM profile_group g WHERE g.group_id = m.group_id) AND NOT EXISTS (
    SELECT FROM run r WHERE r.bucket = m.bucket AND r.account_id = $1 AND r.profile_id = m.profile_id
        AND r.flow_id = $5 AND r.state IN (0, 3, 4)
)
ORDER BY m.bucket, m.profile_id
"""

_CARRIED_OUT = """
SELECT r.profile_id, array_agg(DISTINCT v.action_id) AS visited
FROM unnest($2::smallint[], $3::text[]) AS asked (bucket, profile_id)
JOIN run r ON r.bucket = asked.bucket AND r.account_id = $1 AND r.profile_id = asked.profile_id AND r.flow_id = $4
CROSS JOIN LATERAL unnest(r.visited) AS v (action_id)
GROUP BY r.profile_id
"""

_SET_VISITED = """
UPDATE run SET visited = past.visited::bigint[]
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[]) AS past (bucket, account_id, run_id, visited)
WHERE run.bucket = past.bucket AND run.account_id = past.account_id AND run.run_id = past.run_id
"""


async def people_after(
    transaction: Connection, account_id: str, places: Mapping[int, str], limit: int
) -> list[tuple[int, str]]:
    """Return at most `limit` (bucket, profile id) of each bucket that come after the profile id given for it."""
    rows = await transaction.fetch(_PEOPLE, account_id, list(places), list(places.values()), limit)
    return [(row["bucket"], row["profile_id"]) for row in rows]


async def past_events(
    transaction: Connection,
    account_id: str,
    people: Sequence[tuple[int, str]],
    metric_id: str,
    since: datetime,
    until: datetime,
    flow_id: str,
) -> list[tuple[int, Event]]:
    """Return (bucket, event) for each event of a metric in (since, until], in order within each person.

    Events that began a run of the flow are left out: after a merge that run has another id than the event would give.
    """
    buckets, profile_ids = [one[0] for one in people], [one[1] for one in people]
    rows = await transaction.fetch(_EVENTS, account_id, buckets, profile_ids, metric_id, since, until, flow_id)
    return [(row["bucket"], event_of(row)) for row in rows]


async def members(
    transaction: Connection, account_id: str, people: Sequence[tuple[int, str]], group_id: str, flow_id: str
) -> list[Row]:
    """Return bucket, profile_id and joined_at of those who are members of a group and not in a flow now.

    Our choice: who is on the way through the flow gets its messages there, and would get them twice if they were added.
    """
    buckets, profile_ids = [one[0] for one in people], [one[1] for one in people]
    return await transaction.fetch(_MEMBERS, account_id, buckets, profile_ids, group_id, flow_id)


async def carried_out(
    transaction: Connection, account_id: str, people: Collection[tuple[int, str]], flow_id: str
) -> dict[str, list[int]]:
    """Return profile id -> the actions that any earlier run of a flow carried out or skipped for that person."""
    buckets, profile_ids = [one[0] for one in people], [one[1] for one in people]
    rows = await transaction.fetch(_CARRIED_OUT, account_id, buckets, profile_ids, flow_id)
    return {row["profile_id"]: row["visited"] for row in rows}


async def set_visited(transaction: Connection, runs: Sequence[tuple[int, str, uuid.UUID, Sequence[int]]]) -> None:
    """Write which actions new runs, given as (bucket, account id, run id, action ids), have behind them."""
    chosen = [one for one in runs if one[3]]
    if chosen:
        columns = [[one[place] for one in chosen] for place in range(3)]
        visited = ["{" + ",".join(map(str, one[3])) + "}" for one in chosen]
        await transaction.execute(_SET_VISITED, *columns, visited)
