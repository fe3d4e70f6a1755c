"""What a check of an installation looks for, and the statements that put right what can be put right.

What is here: one query per symptom, all accounts at once, and repairs as single statements that do no harm beside
working workers. What is not: what a symptom means and which repair it gets (`engine.doctor`). These queries read whole
tables: they are for operators, not for requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from headrace.storage.database import Connection, Database, Row

Clocks: TypeAlias = Sequence[tuple[int, datetime]]
"""(number, present moment) of every clock."""

_CLOCKS = "unnest($1::int[], $2::timestamptz[]) AS c (clock, now)"
_CLOSED = "(f.flow_id IS NULL OR f.archived OR f.deleted_at IS NOT NULL)"
_EXITING = """EXISTS (
    SELECT FROM job j WHERE j.account_id = r.account_id AND j.kind = 'exit-runs' AND j.state IN ('queued', 'running')
        AND j.arguments->>'flow_id' = r.flow_id)"""

_OVERDUE_RUNS = f"""
SELECT r.account_id, r.flow_id, count(*) AS amount, min(r.resume_at) AS since, NULL AS detail,
    min(r.run_id::text) AS example
FROM {_CLOCKS} JOIN run r ON r.clock = c.clock AND r.state = 0 AND r.resume_at <= c.now - $3::interval
WHERE $4::timestamptz IS NOT NULL
GROUP BY r.account_id, r.flow_id ORDER BY r.account_id, r.flow_id
"""
_OVERDUE_DELIVERIES = f"""
SELECT d.account_id, d.flow_id, count(*) AS amount, min(d.due_at) AS since, min(d.reason) AS detail,
    min(d.delivery_id::text) AS example
FROM {_CLOCKS} JOIN delivery d ON d.clock = c.clock AND d.state = 0 AND d.due_at <= c.now - $3::interval
    AND (d.lease_until IS NULL OR d.lease_until <= $4)
GROUP BY d.account_id, d.flow_id ORDER BY d.account_id, d.flow_id
"""
_PARKED = """
SELECT account_id, flow_id, count(*) AS amount, min(resume_at) AS since, error AS detail,
    min(run_id::text) AS example
FROM run WHERE state = 3 GROUP BY account_id, flow_id, error ORDER BY account_id, flow_id, error
"""
_HELD = """
SELECT account_id, flow_id, count(*) AS amount, min(entered_at) AS since, NULL AS detail, min(run_id::text) AS example
FROM run WHERE state = 4 GROUP BY account_id, flow_id ORDER BY account_id, flow_id
"""
_ON_VANISHED = f"""
FROM run r JOIN flow f ON f.flow_id = r.flow_id AND NOT {_CLOSED}
WHERE r.state = 0 AND r.action_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM flow_action a WHERE a.action_id = r.action_id AND a.flow_id = r.flow_id)
"""
_VANISHED = f"""
SELECT r.account_id, r.flow_id, count(*) AS amount, min(r.resume_at) AS since, min(r.action_id::text) AS detail,
    min(r.run_id::text) AS example
{_ON_VANISHED} GROUP BY r.account_id, r.flow_id ORDER BY r.account_id, r.flow_id
"""
_CLOSED_FLOWS = f"""
SELECT r.account_id, r.flow_id, count(*) AS amount, min(r.entered_at) AS since, min(f.name) AS detail,
    min(r.run_id::text) AS example
FROM run r LEFT JOIN flow f ON f.flow_id = r.flow_id
WHERE r.state IN (0, 3, 4) AND {_CLOSED} AND NOT {_EXITING}
GROUP BY r.account_id, r.flow_id ORDER BY r.account_id, r.flow_id
"""
_IN_VAIN = """
FROM run r WHERE r.state = 0 AND r.awaits IS NOT NULL AND NOT EXISTS (
    SELECT FROM delivery d WHERE d.bucket = r.bucket AND d.account_id = r.account_id AND d.delivery_id = r.awaits
        AND d.state IN (0, 1))
"""
_AWAITING = f"""
SELECT r.account_id, r.flow_id, count(*) AS amount, min(r.resume_at) AS since, NULL AS detail,
    min(r.run_id::text) AS example
{_IN_VAIN} GROUP BY r.account_id, r.flow_id ORDER BY r.account_id, r.flow_id
"""
_LAPSED = """
SELECT account_id, flow_id, count(*) AS amount, min(lease_until) AS since, min(claimed_by) AS detail,
    min(delivery_id::text) AS example
FROM delivery WHERE state = 1 AND lease_until < $4::timestamptz - $3::interval
    AND $1::int[] IS NOT NULL AND $2::timestamptz[] IS NOT NULL
GROUP BY account_id, flow_id ORDER BY account_id, flow_id
"""
_UNCONFIRMED = """
SELECT account_id, flow_id, count(*) AS amount, min(due_at) AS since, min(reason) AS detail,
    min(delivery_id::text) AS example
FROM delivery WHERE state = 5 GROUP BY account_id, flow_id ORDER BY account_id, flow_id
"""
_NOT_ENTERED = """
LEFT JOIN flow f ON f.flow_id = p.flow_id
WHERE f.flow_id IS NULL OR f.archived OR f.deleted_at IS NOT NULL OR f.status = 'draft'
"""
_PLANNED = f"""
SELECT p.account_id, p.flow_id, count(*) AS amount, min(p.enters_at) AS since, NULL AS detail,
    min(p.profile_id) AS example
FROM planned_entry p {_NOT_ENTERED} GROUP BY p.account_id, p.flow_id ORDER BY p.account_id, p.flow_id
"""
_PLANNING = """
SELECT account_id, flow_id, count(*) AS amount, NULL::timestamptz AS since, NULL AS detail, NULL AS example
FROM planning GROUP BY account_id, flow_id ORDER BY account_id, flow_id
"""
_PENDING = """
SELECT account_id, NULL AS flow_id, count(*) AS amount, min(received_at) AS since, NULL AS detail,
    min(profile_id) AS example
FROM pending WHERE $1::int[] IS NOT NULL AND $2::timestamptz[] IS NOT NULL
GROUP BY account_id HAVING min(received_at) <= $4::timestamptz - $3::interval ORDER BY account_id
"""
_OVERDUE_LOOKS = f"""
SELECT d.account_id, NULL AS flow_id, count(*) AS amount, min(d.due_at) AS since, min(d.group_id) AS detail,
    min(d.profile_id) AS example
FROM {_CLOCKS} JOIN segment_due d ON d.clock = c.clock AND d.due_at <= c.now - $3::interval
WHERE $4::timestamptz IS NOT NULL
GROUP BY d.account_id ORDER BY d.account_id
"""
_UNEVALUATED = """
SELECT g.account_id, NULL AS flow_id, 1 AS amount, g.updated_at AS since, g.name AS detail, g.group_id AS example
FROM profile_group g
WHERE g.kind = 'segment' AND g.is_active AND g.definition IS NOT NULL AND g.evaluated_version <> g.version
    AND NOT EXISTS (
        SELECT FROM job j WHERE j.account_id = g.account_id AND j.kind = 'evaluate-segment'
            AND j.state IN ('queued', 'running') AND j.arguments->>'segment_id' = g.group_id
    )
ORDER BY g.account_id, g.group_id
"""
_GONE_GROUPS = """
WITH asked AS (
    SELECT f.account_id, f.flow_id, f.flow_id AS example, f.name, one.path #>> '{}' AS group_id
    FROM flow f JOIN flow_version v ON v.flow_id = f.flow_id AND v.version = f.version
    CROSS JOIN LATERAL (
        SELECT CASE WHEN strpos(v.definition::text, '\\u0000') = 0 THEN v.definition::jsonb END
    ) AS d (definition)
    CROSS JOIN LATERAL (
        SELECT jsonb_path_query(d.definition, '$.triggers[*] ? (@.type == "list" || @.type == "segment").id')
        UNION SELECT jsonb_path_query(d.definition, '$.**.group_ids[*] ? (@.type() == "string")')
        UNION SELECT jsonb_path_query(d.definition, '$.**.list_id ? (@.type() == "string")')
    ) AS one (path)
    WHERE f.status <> 'draft' AND NOT f.archived AND f.deleted_at IS NULL
    UNION
    SELECT g.account_id, NULL, g.group_id, g.name, substr(topic, 7)
    FROM profile_group g CROSS JOIN LATERAL unnest(g.topics) AS topic
    WHERE g.kind = 'segment' AND g.is_active AND starts_with(topic, 'group:')
)
SELECT a.account_id, a.flow_id, count(DISTINCT a.group_id) AS amount, NULL::timestamptz AS since,
    min(a.name) || ' asks about ' || string_agg(DISTINCT a.group_id, ', ') AS detail, a.example
FROM asked a
WHERE a.group_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM profile_group g WHERE g.account_id = a.account_id AND g.group_id = a.group_id
)
GROUP BY a.account_id, a.flow_id, a.example ORDER BY a.account_id, a.flow_id, a.example
"""
_JOBS = """
SELECT account_id, arguments->>'flow_id' AS flow_id, count(*) AS amount, min(updated_at) AS since,
    min(coalesce(error, kind)) AS detail, min(job_id) AS example
FROM job WHERE {which} AND $1::int[] IS NOT NULL AND $2::timestamptz[] IS NOT NULL
GROUP BY account_id, arguments->>'flow_id', kind ORDER BY account_id, 2, kind
"""
_STUCK_JOBS = _JOBS.format(
    which="state IN ('queued', 'running') AND updated_at <= $4::timestamptz - $3::interval "
    "AND (lease_until IS NULL OR lease_until <= $4)"
)
_FAILED_JOBS = _JOBS.format(
    which="state = 'failed' AND finished_at > $4::timestamptz - greatest($3, interval '7 days')"
)
_WEBHOOKS = """
SELECT account_id, NULL AS flow_id, attempts AS amount, failing_since AS since,
    CASE WHEN enabled THEN error ELSE 'switched off: ' || error END AS detail, webhook_id AS example
FROM webhook WHERE failing_since <= $4::timestamptz - $3::interval
    AND $1::int[] IS NOT NULL AND $2::timestamptz[] IS NOT NULL
ORDER BY account_id, webhook_id
"""

_DIFFERENCES = """
WITH shown AS (
    SELECT account_id, flow_id, action_id, counter, sum(amount) AS amount FROM (
        SELECT account_id, flow_id, action_id, counter, amount FROM step_count
        UNION ALL SELECT account_id, flow_id, action_id, counter, amount FROM step_delta
    ) AS every
    WHERE counter = 'waiting' OR (counter IN ('held', 'parked') AND action_id = 0)
    GROUP BY account_id, flow_id, action_id, counter
), counted AS (
    SELECT account_id, flow_id, CASE state WHEN 0 THEN waiting_in ELSE 0 END AS action_id,
        CASE state WHEN 0 THEN 'waiting' WHEN 3 THEN 'parked' ELSE 'held' END AS counter, count(*) AS amount
    FROM run WHERE state IN (3, 4) OR (state = 0 AND waiting_in IS NOT NULL)
    GROUP BY account_id, flow_id, 3, 4
), wrong AS (
    SELECT account_id, flow_id, action_id, counter, coalesce(c.amount, 0) - coalesce(s.amount, 0) AS missing
    FROM shown s FULL JOIN counted c USING (account_id, flow_id, action_id, counter)
    WHERE coalesce(c.amount, 0) <> coalesce(s.amount, 0)
)
"""
_GAUGES = f"""{_DIFFERENCES}
SELECT account_id, flow_id, count(*) AS amount, NULL::timestamptz AS since,
    string_agg(counter || ' of ' || action_id || ': ' || missing, ', ' ORDER BY action_id, counter) AS detail,
    NULL AS example
FROM wrong GROUP BY account_id, flow_id ORDER BY account_id, flow_id
"""
_CORRECT = f"""{_DIFFERENCES},
written AS (
    INSERT INTO step_delta (account_id, flow_id, action_id, counter, detail, amount)
    SELECT account_id, flow_id, action_id, counter, '', missing FROM wrong
)
SELECT count(*) FROM wrong
"""

QUERIES: Mapping[str, tuple[str, bool]] = {
    "overdue_runs": (_OVERDUE_RUNS, True),
    "overdue_deliveries": (_OVERDUE_DELIVERIES, True),
    "pending": (_PENDING, True),
    "overdue_looks": (_OVERDUE_LOOKS, True),
    "unevaluated": (_UNEVALUATED, False),
    "gone_group": (_GONE_GROUPS, False),
    "parked": (_PARKED, False),
    "held": (_HELD, False),
    "vanished_action": (_VANISHED, False),
    "closed_flow": (_CLOSED_FLOWS, False),
    "awaiting_in_vain": (_AWAITING, False),
    "lapsed_lease": (_LAPSED, True),
    "unconfirmed": (_UNCONFIRMED, False),
    "planned_entry": (_PLANNED, False),
    "planning": (_PLANNING, False),
    "gauges": (_GAUGES, False),
    "stuck_job": (_STUCK_JOBS, True),
    "failed_job": (_FAILED_JOBS, True),
    "failing_webhook": (_WEBHOOKS, True),
}
"""Symptom -> its query, and whether that takes the clocks, the patience and the machine's time."""

_MAKE_DUE = f"""
UPDATE run SET resume_at = least(run.resume_at, c.now)
FROM {_CLOCKS}, (SELECT r.bucket, r.account_id, r.run_id {{which}}) AS found (bucket, account_id, run_id)
WHERE run.bucket = found.bucket AND run.account_id = found.account_id AND run.run_id = found.run_id
    AND run.clock = c.clock AND run.state = 0
"""
_HURRY = {
    "vanished_action": _MAKE_DUE.format(which=_ON_VANISHED),
    "awaiting_in_vain": _MAKE_DUE.format(which=_IN_VAIN),
    "closed_flow": _MAKE_DUE.format(
        which=f"FROM run r LEFT JOIN flow f ON f.flow_id = r.flow_id WHERE r.state = 0 AND {_CLOSED}"
    ),
}
_FORGET = f"""
DELETE FROM {{table}} WHERE (bucket, account_id, flow_id) IN (
    SELECT p.bucket, p.account_id, p.flow_id FROM {{table}} p {_NOT_ENTERED}
)
"""
_PARKED_RUNS = "SELECT bucket, account_id, run_id FROM run WHERE state = 3 ORDER BY bucket, run_id LIMIT $1"


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that is not as it should be: how often in one flow, since when, and one of its rows by id.

    `flow_id` is None where it is about a whole account; `detail` and `since` mean what the symptom's query says.
    """

    kind: str
    account_id: str
    flow_id: str | None
    amount: int
    since: datetime | None
    detail: str | None
    example: str | None


async def look(
    database: Database, kind: str, clocks: Clocks, patience: timedelta, system_now: datetime
) -> list[Symptom]:
    """Return what one of `QUERIES` finds; what is late by less than `patience` is not late."""
    query, timed = QUERIES[kind]
    times = ([one[0] for one in clocks], [one[1] for one in clocks], patience, system_now)
    rows = await database.fetch(query, *(times if timed else ()))
    names = ("account_id", "flow_id", "amount", "since", "detail", "example")
    return [Symptom(kind, *(row[name] for name in names)) for row in rows]


async def hurry(transaction: Connection, kind: str, clocks: Clocks) -> int:
    """Let runs that would wait in vain go on now and return how many; `kind` is a symptom of runs.

    Safe beside workers: where one moves a run at the same moment, the run is where that worker left it.
    """
    tag = await transaction.execute(_HURRY[kind], [one[0] for one in clocks], [one[1] for one in clocks])
    return int(tag.rpartition(" ")[2])


async def forget_entries(transaction: Connection) -> int:
    """Delete planned entries, and people to be planned, of flows that nobody enters; return how many."""
    tags = [await transaction.execute(_FORGET.format(table=table)) for table in ("planned_entry", "planning")]
    return sum(int(tag.rpartition(" ")[2]) for tag in tags)


async def correct_gauges(transaction: Connection) -> int:
    """Make the gauges what a recount says and return how many were wrong.

    One statement sees runs and counts as they are together, so that nothing needs to stand still.
    """
    wrong: int = await transaction.fetch_value(_CORRECT)
    return wrong


async def parked_runs(database: Database, limit: int) -> list[Row]:
    """Return the keys of at most `limit` parked runs: bucket, account_id, run_id."""
    return await database.fetch(_PARKED_RUNS, limit)
