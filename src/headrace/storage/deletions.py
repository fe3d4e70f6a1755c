"""Deleting a person for good: every row that tells who they were or what they did.

What is here: the statements, table by table, each of which does nothing the second time. What is not: their order and
the job (`engine.deletions`). What reports count stays, without a name. Our choice: each delivery that was attempted
gets a new random id, owner and run, its interactions and conversions follow it, and all that it said is gone; joins and
leaves of groups stay under a random owner per group, ended by a leave. No two of these rows can be told to have been
one person's, and none leads back. Source: reference 7 (data privacy); DESIGN section 5 (counts by send date).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.ids import IdSource, bucket_of, event_id, run_id
from headrace.storage.database import Connection, Row
from headrace.storage.identity import Kind

AT_ONCE = 1_000
"""Deliveries, runs and events that one transaction deletes."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose rows go: one profile id, of the person or of a profile that was merged into theirs."""

    account_id: str
    profile_id: str

    @property
    def place(self) -> tuple[int, str, str]:
        """The first three arguments of every statement here."""
        return bucket_of(self.profile_id), self.account_id, self.profile_id


_OF = "bucket = $1 AND account_id = $2 AND profile_id = $3"

_PROFILE = f"DELETE FROM profile WHERE {_OF} RETURNING email, phone_number"
_IDENTIFIERS = "DELETE FROM identifier WHERE account_id = $1 AND profile_id = ANY($2) RETURNING kind, value"
_OLD_IDS = "SELECT profile_id FROM profile_alias WHERE account_id = $1 AND into_profile_id = $2"
_ALIASES = "DELETE FROM profile_alias WHERE account_id = $1 AND (into_profile_id = ANY($2) OR profile_id = ANY($2))"

_SMALL = [
    f"DELETE FROM {table} WHERE {_OF}"
    for table in (
        "consent",
        "suppression",
        "push_token",
        "custom_object",
        "opt_in",
        "planned_entry",
        "segment_due",
        "webhook_event",
        "pending",
    )
]
_LEAVE = f"""
WITH gone AS (DELETE FROM membership WHERE {_OF} RETURNING bucket, account_id, profile_id, group_id)
INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
SELECT bucket, account_id, profile_id, group_id, $4, false FROM gone
"""
_GROUPS = f"SELECT DISTINCT group_id FROM membership_change WHERE {_OF}"
_FORGET_CHANGES = """
UPDATE membership_change c SET profile_id = n.name
FROM unnest($4::text[], $5::text[]) AS n (group_id, name)
WHERE c.bucket = $1 AND c.account_id = $2 AND c.profile_id = $3 AND c.group_id = n.group_id
"""

_LIVE = f"SELECT * FROM run WHERE {_OF} AND state IN (0, 3, 4)"
_WITHDRAW = f"""
UPDATE delivery SET state = 4, reason = $4 WHERE {_OF} AND state IN (0, 6) RETURNING flow_id, action_id
"""
_DELIVERIES = f"""
SELECT delivery_id FROM delivery WHERE {_OF} AND state <> 1 ORDER BY delivery_id LIMIT $4 FOR UPDATE
"""
_ANONYMIZE = (
    """
    UPDATE delivery d SET delivery_id = n.new, run_id = n.run, profile_id = n.owner, provider_id = NULL, detail = NULL,
        claimed_by = NULL, lease_until = NULL
    FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[]) AS n (old, new, run, owner)
    WHERE d.bucket = $1 AND d.account_id = $2 AND d.delivery_id = n.old
    """,
    """
    UPDATE conversion c SET delivery_id = n.new, profile_id = n.owner
    FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[]) AS n (old, new, run, owner)
    WHERE c.bucket = $1 AND c.account_id = $2 AND c.delivery_id = n.old
    """,
)
_ANONYMIZE_INTERACTIONS = """
UPDATE interaction i SET delivery_id = n.new, profile_id = n.owner
FROM unnest($3::uuid[], $4::uuid[], $5::text[]) AS n (old, new, owner)
WHERE i.bucket = $1 AND i.account_id = $2 AND i.profile_id = $6 AND i.delivery_id = n.old
"""
_INBOX = "DELETE FROM inbox_message WHERE bucket = $1 AND account_id = $2 AND delivery_id = ANY($3)"
_IN_FLIGHT = f"SELECT EXISTS (SELECT FROM delivery WHERE {_OF} AND state = 1)"

_RUNS = f"SELECT run_id FROM run WHERE {_OF} AND state IN (1, 2) LIMIT $4"
_DELETE_RUNS = "DELETE FROM run WHERE bucket = $1 AND account_id = $2 AND run_id = ANY($3)"
_JOURNAL = "DELETE FROM journal WHERE bucket = $1 AND account_id = $2 AND run_id = ANY($3)"
_FLOWS = """
SELECT f.flow_id, v.definition #>> '{triggers,0,id}' AS trigger_id
FROM flow f JOIN flow_version v ON v.flow_id = f.flow_id AND v.version = f.version WHERE f.account_id = $1
"""
_JOINS = f"SELECT group_id, at FROM membership_change WHERE {_OF} AND joined"

_CUT = f"""
SELECT occurred_at, number FROM (
    SELECT occurred_at, number FROM event WHERE {_OF} ORDER BY occurred_at DESC, number DESC LIMIT $4
) AS newest ORDER BY occurred_at, number LIMIT 1
"""
_EVENTS = f"""
DELETE FROM event WHERE {_OF} AND occurred_at >= $4 AND (occurred_at, number) >= ($4, $5) RETURNING metric_id, number
"""
_EVENT_KEYS = f"DELETE FROM event_key WHERE {_OF}"

_JOBS = "SELECT job_id FROM job WHERE account_id = $1 AND job_id > $2 ORDER BY job_id LIMIT $3"
_ITEMS = """
UPDATE job_item i SET item = '{}', profile_id = NULL,
    error = CASE WHEN i.error IS NULL THEN NULL ELSE '{"detail": "The person of this row was deleted."}'::jsonb END
FROM job j
WHERE j.job_id = ANY($1) AND i.job_id = j.job_id AND i.account_id = $2 AND (
    i.profile_id = ANY($3) OR j.state IN ('complete', 'failed') AND EXISTS (
        SELECT FROM unnest($4::text[]) AS v (value)
        WHERE strpos(lower(i.item::text || coalesce(i.error::text, '')), value) > 0
    )
)
"""
_JOB_ROWS = """
UPDATE job SET arguments = '{}', error = NULL
WHERE job_id = ANY($1) AND account_id = $2 AND state IN ('complete', 'failed') AND EXISTS (
    SELECT FROM unnest($3::text[]) AS v (value) WHERE strpos(lower(arguments::text || coalesce(error, '')), value) > 0
)
"""
_FORGET_JOB = "UPDATE job SET arguments = '{}' WHERE job_id = $1"


async def delete_identity(transaction: Connection, person: Person) -> tuple[list[str], list[str]]:
    """Delete the profile's row and identifiers; return its former ids, and its addresses and numbers."""
    old = await transaction.fetch(_OLD_IDS, person.account_id, person.profile_id)
    old_ids = [row["profile_id"] for row in old]
    row = await transaction.fetch_row(_PROFILE, *person.place)
    known = await transaction.fetch(_IDENTIFIERS, person.account_id, [person.profile_id, *old_ids])
    values = {one["value"] for one in known if one["kind"] in (Kind.EMAIL, Kind.PHONE)}
    values.update(value for value in (row.values() if row else ()) if value)
    return old_ids, sorted(values)


async def delete_identifiers(transaction: Connection, account_id: str, profile_ids: Collection[str]) -> None:
    """Delete what identifiers still name profiles."""
    await transaction.execute(_IDENTIFIERS, account_id, list(profile_ids))


async def delete_small(transaction: Connection, person: Person, ids: IdSource, now: datetime) -> None:
    """Delete consent, suppressions, devices, objects, plans and what is pending; leave every group at `now`."""
    for statement in _SMALL:
        await transaction.execute(statement, *person.place)
    await _delete_refused_joins(transaction, person)
    await transaction.execute(_LEAVE, *person.place, now)
    groups = [row["group_id"] for row in await transaction.fetch(_GROUPS, *person.place)]
    if groups:
        await transaction.execute(_FORGET_CHANGES, *person.place, groups, [ids.ulid(now) for _ in groups])


async def live_runs(transaction: Connection, person: Person) -> list[Row]:
    """Return the runs that wait, are parked or held: all columns."""
    return await transaction.fetch(_LIVE, *person.place)


async def withdraw_deliveries(transaction: Connection, person: Person, reason: str) -> list[tuple[str, int]]:
    """Skip the messages that wait to be sent or for a user; return the (flow id, action id) of each."""
    rows = await transaction.fetch(_WITHDRAW, *person.place, reason)
    return [(row["flow_id"], row["action_id"]) for row in rows]


async def anonymize_deliveries(transaction: Connection, person: Person, ids: IdSource, limit: int = AT_ONCE) -> int:
    """Take the person out of a bounded number of deliveries, those in a worker's hands excepted; return how many."""
    bucket, account_id, profile_id = person.place
    rows = await transaction.fetch(_DELIVERIES, *person.place, limit)
    old = [row["delivery_id"] for row in rows]
    if old:
        new, runs = [uuid.UUID(ids.uuid()) for _ in old], [uuid.UUID(ids.uuid()) for _ in old]
        owners = [one.hex for one in new]
        for statement in _ANONYMIZE:
            await transaction.execute(statement, bucket, account_id, old, new, runs, owners)
        await transaction.execute(_ANONYMIZE_INTERACTIONS, bucket, account_id, old, new, owners, profile_id)
        await transaction.execute(_INBOX, bucket, account_id, old)
    return len(old)


async def has_in_flight(transaction: Connection, person: Person) -> bool:
    """Tell whether a message to the person is in a worker's hands."""
    found: bool = await transaction.fetch_value(_IN_FLIGHT, *person.place)
    return found


async def delete_runs(transaction: Connection, person: Person, limit: int = AT_ONCE) -> int:
    """Delete a bounded number of runs that are over, with their journal; return how many."""
    runs = [row["run_id"] for row in await transaction.fetch(_RUNS, *person.place, limit)]
    if runs:
        await transaction.execute(_DELETE_RUNS, *person.place[:2], runs)
    await _delete_journal(transaction, person, runs)
    return len(runs)


async def delete_events(transaction: Connection, person: Person, limit: int = AT_ONCE) -> int:
    """Delete the newest events and what the journal says of flows that refused them; return how many events."""
    cut = await transaction.fetch_row(_CUT, *person.place, limit)
    await transaction.execute(_EVENT_KEYS, *person.place)
    if cut is None:
        return 0
    rows = await transaction.fetch(_EVENTS, *person.place, cut["occurred_at"], cut["number"])
    waiting = await _flows_by_trigger(transaction, person.account_id)
    refused = [
        run_id(flow_id, person.profile_id, event_id(row["number"]))
        for row in rows
        for flow_id in waiting.get(row["metric_id"], ())
    ]
    await _delete_journal(transaction, person, refused)
    return len(rows)


async def delete_aliases(transaction: Connection, account_id: str, profile_ids: Collection[str]) -> None:
    """Delete the aliases that lead to or from profiles."""
    await transaction.execute(_ALIASES, account_id, list(profile_ids))


async def clean_jobs(
    transaction: Connection, account_id: str, after: str, profile_ids: Sequence[str], values: Sequence[str], limit: int
) -> str | None:
    """Empty the rows of the next jobs that name a person, and what these were asked; return the last job's id.

    `values` are addresses and numbers, which are looked for as whole JSON texts. What a job has not worked off yet
    stays: rows that were there before the deletion and named the person were settled by it (`deletion_imports`), and
    later ones make a new person.
    """
    quoted = [json.dumps(value.lower(), ensure_ascii=False) for value in values]
    jobs = [row["job_id"] for row in await transaction.fetch(_JOBS, account_id, after, limit)]
    if not jobs:
        return None
    await transaction.execute(_ITEMS, jobs, account_id, list(profile_ids), quoted)
    await transaction.execute(_JOB_ROWS, jobs, account_id, [*(f'"{one.lower()}"' for one in profile_ids), *quoted])
    return str(jobs[-1])


async def forget_job(transaction: Connection, job_id: str) -> None:
    """Take what a job was asked out of its row."""
    await transaction.execute(_FORGET_JOB, job_id)


async def _delete_refused_joins(transaction: Connection, person: Person) -> None:
    """Delete what the journal says of flows that refused a person who joined their group."""
    joins = await transaction.fetch(_JOINS, *person.place)
    if joins:
        waiting = await _flows_by_trigger(transaction, person.account_id)
        refused = [
            run_id(flow_id, person.profile_id, f"joined:{row['group_id']}:{row['at'].isoformat()}")
            for row in joins
            for flow_id in waiting.get(row["group_id"], ())
        ]
        await _delete_journal(transaction, person, refused)


async def _flows_by_trigger(transaction: Connection, account_id: str) -> dict[str, list[str]]:
    """Return id of a metric or group -> the flows that wait for it, deleted ones too."""
    found: dict[str, list[str]] = {}
    for row in await transaction.fetch(_FLOWS, account_id):
        found.setdefault(row["trigger_id"], []).append(row["flow_id"])
    return found


async def _delete_journal(transaction: Connection, person: Person, runs: Sequence[uuid.UUID]) -> None:
    """Delete the journal of runs; a refused entry is journalled under the id of the run that never was."""
    if runs:
        await transaction.execute(_JOURNAL, *person.place[:2], runs)
