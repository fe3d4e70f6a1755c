"""What is kept about one person and one flow: runs, their journals, deliveries, and what might have begun a run.

What is here: reading it, by the keys of one bucket. What is not: what it means (`engine.explain`, `engine.why`).
A refused entry is journalled under the id of the run that never was, which its cause names: it is found by working the
ids of all causes out anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.ids import bucket_of, event_id, run_id
from headrace.model import Event
from headrace.storage.database import Connection, Database, Row
from headrace.storage.facts import event_of

MOST_RUNS = 50
MOST_EVENTS = 500
"""Runs and triggering events that are looked at, the newest."""
NO_ROWS: tuple[Row, ...] = ()

_RUNS = """
SELECT run_id, flow_id, profile_id, version, event_number, entered_at, action_id, resume_at, state, exit_reason, error,
    visited, steps, source, target_on, awaits, waiting_in
FROM run WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND flow_id = $4
ORDER BY entered_at DESC, run_id LIMIT $5
"""
_JOURNAL = """
SELECT j.run_id, j.at, j.step, j.action_id, j.outcome, j.detail
FROM unnest($3::uuid[]) AS asked (run_id) JOIN journal j ON j.bucket = $1 AND j.account_id = $2
    AND j.run_id = asked.run_id
ORDER BY j.at, j.step
"""
_DELIVERIES = """
SELECT d.run_id, d.delivery_id, d.action_id, d.message_id, d.variation, d.channel, d.state, d.reason, d.detail,
    d.queued_at, d.due_at, d.sent_at, d.attempts, d.lease_until, d.bounced_at, m.name
FROM unnest($3::uuid[]) AS asked (run_id)
JOIN delivery d ON d.bucket = $1 AND d.account_id = $2 AND d.run_id = asked.run_id
LEFT JOIN flow_message m ON m.account_id = d.account_id AND m.message_id = d.message_id
ORDER BY d.queued_at, d.action_id, d.variation
"""
_ACTIONS = """
SELECT action_id, type, status, definition, created_at, deleted_at FROM flow_action
WHERE account_id = $1 AND flow_id = $2 ORDER BY action_id
"""
_MESSAGES = """
SELECT message_id, action_id, name FROM flow_message WHERE account_id = $1 AND flow_id = $2 ORDER BY message_id
"""
_EVENTS = """
SELECT number, profile_id, metric_id, occurred_at, value, value_currency, properties FROM event
WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND metric_id = $4
ORDER BY occurred_at DESC, number DESC LIMIT $5
"""
_JOINED = """
SELECT joined_at FROM membership WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND group_id = $4
"""
_PLANNED = """
SELECT enters_at, target_on FROM planned_entry
WHERE bucket = $1 AND account_id = $2 AND flow_id = $4 AND profile_id = $3
"""
_PENDING = """
SELECT EXISTS (SELECT FROM pending WHERE bucket = $1 AND account_id = $2 AND profile_id = $3)
"""
_PROFILE = "SELECT profile_id FROM profile WHERE account_id = $1 AND profile_id = $2"
_BY_EMAIL = "SELECT profile_id FROM profile WHERE account_id = $1 AND lower(email) = lower($2) ORDER BY profile_id"
_NAMES = """
SELECT metric_id AS id, name FROM metric WHERE account_id = $1 AND metric_id = ANY($2)
UNION ALL
SELECT group_id, name FROM profile_group WHERE account_id = $1 AND group_id = ANY($2)
"""
_FLOW = """
SELECT flow_id, name, status, archived, deleted_at, opened_at, version FROM flow WHERE account_id = $1 AND flow_id = $2
"""


@dataclass(frozen=True, slots=True)
class Causes:
    """What might have begun a run: events of the flow's metric, the newest first; the group's membership; a plan.

    `joined_at` is None for who is no member. `planned` (enters_at, target_on) is None where no entry is planned.
    """

    events: tuple[Event, ...] = ()
    joined_at: Any = None
    planned: Row | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What is kept about one person and one flow.

    `runs` are the newest first; `journal` and `deliveries` are by run id, in order. `refused` are the journal rows of
    entries that were refused, the newest first. `pending` tells whether something of the person is still to be worked
    out. `names` are those of the metrics, lists and segments that the rest names by id, as far as they were loaded.
    """

    profile_id: str
    flow: Row
    actions: tuple[Row, ...]
    messages: tuple[Row, ...]
    runs: tuple[Row, ...]
    journal: Mapping[uuid.UUID, Sequence[Row]]
    deliveries: Mapping[uuid.UUID, Sequence[Row]]
    refused: tuple[Row, ...] = ()
    causes: Causes = field(default_factory=Causes)
    pending: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


async def find_profile(connection: Database | Connection, account_id: str, named: str) -> str | None:
    """Return the id of the profile with an id or an e-mail address; None where there is none. Of several the first."""
    found: str | None = await connection.fetch_value(_PROFILE, account_id, named)
    if found is None and "@" in named:
        found = await connection.fetch_value(_BY_EMAIL, account_id, named.strip())
    return found


async def load_history(
    connection: Database | Connection,
    account_id: str,
    profile_id: str,
    flow_id: str,
    *,
    metric_id: str | None = None,
    group_id: str | None = None,
) -> History | None:
    """Return what is kept about a person and a flow; None where there is no such flow.

    `metric_id` and `group_id` are what the flow waits for.
    """
    flow = await connection.fetch_row(_FLOW, account_id, flow_id)
    if flow is None:
        return None
    place = (bucket_of(profile_id), account_id)
    runs = await connection.fetch(_RUNS, *place, profile_id, flow_id, MOST_RUNS)
    causes = await _causes(connection, place, profile_id, flow_id, metric_id, group_id)
    never = _ids_of(flow_id, profile_id, causes, group_id)
    ids = [row["run_id"] for row in runs]
    refused = [row for row in await connection.fetch(_JOURNAL, *place, never) if row["outcome"] == "refused"]
    return History(
        profile_id,
        flow,
        await load_actions(connection, account_id, flow_id),
        tuple(await connection.fetch(_MESSAGES, account_id, flow_id)),
        tuple(runs),
        _by_run(await connection.fetch(_JOURNAL, *place, ids)),
        _by_run(await connection.fetch(_DELIVERIES, *place, ids)),
        tuple(reversed(refused)),
        causes,
        bool(await connection.fetch_value(_PENDING, *place, profile_id)),
    )


async def load_actions(connection: Database | Connection, account_id: str, flow_id: str) -> tuple[Row, ...]:
    """Return a flow's actions, deleted ones too: action_id, type, status, definition, created_at, deleted_at."""
    return tuple(await connection.fetch(_ACTIONS, account_id, flow_id))


async def names_of(connection: Database | Connection, account_id: str, ids: Iterable[str]) -> dict[str, str]:
    """Return id -> name of the account's metrics, lists and segments with these ids."""
    found = await connection.fetch(_NAMES, account_id, sorted(ids))
    return {row["id"]: row["name"] for row in found}


async def journals_of(
    connection: Database | Connection, account_id: str, profile_id: str, run_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[Row]]:
    """Return run id -> journal rows (at, step, action_id, outcome, detail) of a person's runs, in order."""
    return _by_run(await connection.fetch(_JOURNAL, bucket_of(profile_id), account_id, list(run_ids)))


async def _causes(
    connection: Database | Connection,
    place: tuple[int, str],
    profile_id: str,
    flow_id: str,
    metric_id: str | None,
    group_id: str | None,
) -> Causes:
    events = await connection.fetch(_EVENTS, *place, profile_id, metric_id, MOST_EVENTS) if metric_id else NO_ROWS
    joined_at = await connection.fetch_value(_JOINED, *place, profile_id, group_id) if group_id else None
    planned = await connection.fetch_row(_PLANNED, *place, profile_id, flow_id)
    return Causes(tuple(event_of(row) for row in events), joined_at, planned)


def _ids_of(flow_id: str, profile_id: str, causes: Causes, group_id: str | None) -> list[uuid.UUID]:
    """Return the ids of the runs that causes have begun, or would have."""
    names = [event_id(event.number) for event in causes.events]
    if causes.joined_at is not None:
        names.append(f"joined:{group_id}:{causes.joined_at.isoformat()}")
    return [run_id(flow_id, profile_id, name) for name in names]


def _by_run(rows: Sequence[Row]) -> dict[uuid.UUID, list[Row]]:
    found: dict[uuid.UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row["run_id"], []).append(row)
    return found
