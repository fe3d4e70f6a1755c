"""Moving what is kept about one person to another one: the rows of every table that names people.

What is here: statements that delete rows of the old profile and insert them for the new one, in its bucket; a bucket is
never updated. What is not: who becomes whom (`merges.py`) and when (`engine.merges`). What reports recount moves whole:
a delivery together with its interactions and conversions, a run with its journal. All of it does nothing the second
time. Source: DESIGN section 8 (identity).

Locks are taken as recorders take them, deliveries by their ids and before anything else, so that the two do not end one
another.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table

from headrace.ids import bucket_of
from headrace.storage import tables as t
from headrace.storage.database import Connection

NEWEST = 1_000
"""Deliveries, runs and events that one transaction moves, the newest first."""
KEYS = 10 * NEWEST
"""The same for the keys of events, which are small."""


@dataclass(frozen=True, slots=True)
class Move:
    """Whose rows become whose."""

    account_id: str
    source: str
    into: str

    def keys(self) -> tuple[int, str, str, int, str]:
        """Return the first five arguments of every statement here."""
        return bucket_of(self.source), self.account_id, self.source, bucket_of(self.into), self.into


def _move(table: Table, which: str = "true", conflict: str = "", by_person: bool = True) -> str:
    """Return a statement that moves those rows of a table for which a condition over `t` holds.

    Numbers that the database draws are kept. `$1` to `$5` are `Move.keys`.
    """
    changed = {"bucket": "$4::smallint", "profile_id": "$5::text"}
    names = [column.name for column in table.columns]
    kept = " OVERRIDING SYSTEM VALUE" if any(column.identity for column in table.columns) else ""
    values = ", ".join(changed.get(name, name) for name in names)
    person = "t.profile_id = $3" if by_person else "$3::text IS NOT NULL AND $5::text IS NOT NULL"
    return f"""
    WITH gone AS (
        DELETE FROM {table.name} t WHERE t.bucket = $1::smallint AND t.account_id = $2 AND {person} AND {which}
        RETURNING t.*
    )
    , put AS (
        INSERT INTO {table.name} ({", ".join(names)}){kept} SELECT {values} FROM gone {conflict}
    )
    SELECT count(*) FROM gone"""


_UNSENT = "state IN (0, 1, 6)"
_OF_SOURCE = "bucket = $1 AND account_id = $2 AND profile_id = $3"

_CHOOSE_DELIVERIES = f"""
(SELECT delivery_id, run_id, state FROM delivery WHERE {_OF_SOURCE} AND {_UNSENT})
UNION
(SELECT delivery_id, run_id, state FROM delivery WHERE {_OF_SOURCE} ORDER BY queued_at DESC, delivery_id LIMIT $4)
"""
_LOCK_DELIVERIES = """
SELECT FROM delivery WHERE bucket = $1 AND account_id = $2 AND delivery_id = ANY($3) ORDER BY delivery_id FOR UPDATE
"""
_INBOX = _move(t.inbox_message, "t.delivery_id = ANY($6::uuid[])", "ON CONFLICT DO NOTHING")
_BY_DELIVERY = [
    _move(table, "t.delivery_id = ANY($6::uuid[])") for table in (t.delivery, t.interaction, t.conversion)
] + [_INBOX]

_CHOOSE_RUNS = f"""
(SELECT run_id, state, event_number, event_at FROM run WHERE {_OF_SOURCE} AND (state IN (0, 3, 4) OR run_id = ANY($5)))
UNION
(SELECT DISTINCT ON (flow_id) run_id, state, event_number, event_at FROM run WHERE {_OF_SOURCE}
 ORDER BY flow_id, entered_at DESC)
UNION
(SELECT run_id, state, event_number, event_at FROM run WHERE {_OF_SOURCE} ORDER BY entered_at DESC, run_id LIMIT $4)
"""
_RUNS = _move(t.run, "t.run_id = ANY($6::uuid[])")
_JOURNAL = _move(t.journal, "t.run_id = ANY($6::uuid[])", by_person=False)

_PENDING_COLUMNS = ", ".join(
    column.name for column in t.pending.columns if column.name not in ("bucket", "profile_id", "seq")
)
_PENDING = f"""
WITH gone AS (DELETE FROM pending WHERE {_OF_SOURCE} RETURNING *),
moved AS (
    INSERT INTO pending (bucket, profile_id, {_PENDING_COLUMNS})
    SELECT $4::smallint, $5::text, {_PENDING_COLUMNS} FROM gone ORDER BY seq
)
SELECT number, occurred_at FROM gone
"""

_NAMED_EVENTS = _move(t.event, "t.occurred_at BETWEEN $7 AND $8 AND t.number = ANY($6::bigint[])")
_CUT = f"""
SELECT occurred_at, number FROM (
    SELECT occurred_at, number FROM event WHERE {_OF_SOURCE} ORDER BY occurred_at DESC, number DESC LIMIT $4
) AS newest ORDER BY occurred_at, number LIMIT 1
"""
_NEWEST_EVENTS = _move(t.event, "t.occurred_at >= $6 AND (t.occurred_at, t.number) >= ($6, $7::bigint)")
_LAST_KEY = f"""
SELECT metric_id, unique_id FROM (
    SELECT metric_id, unique_id FROM event_key WHERE {_OF_SOURCE} ORDER BY metric_id, unique_id LIMIT $4
) AS first ORDER BY metric_id DESC, unique_id DESC LIMIT 1
"""
_EVENT_KEYS = _move(t.event_key, "(t.metric_id, t.unique_id) <= ($6, $7)", "ON CONFLICT DO NOTHING")

_MEMBERSHIP = _move(
    t.membership,
    conflict="""ON CONFLICT (bucket, account_id, profile_id, group_id)
    DO UPDATE SET joined_at = least(membership.joined_at, excluded.joined_at)""",
)
_CONSENT = _move(
    t.consent,
    conflict=f"""ON CONFLICT (bucket, account_id, profile_id, channel, purpose) DO UPDATE SET
    {", ".join(f"{one.name} = excluded.{one.name}" for one in t.consent.columns if not one.primary_key)}
    WHERE excluded.subscription = 'UNSUBSCRIBED' AND consent.subscription <> 'UNSUBSCRIBED'""",
)
_SUPPRESSION = _move(
    t.suppression,
    conflict="""ON CONFLICT (bucket, account_id, profile_id, list_id, reason)
    DO UPDATE SET at = least(suppression.at, excluded.at)""",
)
_OPT_IN = _move(
    t.opt_in,
    conflict=f"""ON CONFLICT (bucket, account_id, profile_id, list_id, channel) DO UPDATE SET
    {", ".join(f"{one.name} = excluded.{one.name}" for one in t.opt_in.columns if not one.primary_key)}
    WHERE excluded.state = 3 AND opt_in.state <> 3""",
)
_SMALL = (
    _CONSENT,
    _SUPPRESSION,
    _MEMBERSHIP,
    _OPT_IN,
    _move(t.push_token, conflict="ON CONFLICT DO NOTHING"),
    _move(t.custom_object, conflict="ON CONFLICT DO NOTHING"),
    _move(t.webhook_event),
)
_PLANNED = f"DELETE FROM planned_entry WHERE {_OF_SOURCE}"
_DUE = f"DELETE FROM segment_due WHERE {_OF_SOURCE}"

_CHANGE_COLUMNS = "bucket, account_id, number, profile_id, group_id, at, joined"
_CHANGES = f"""
WITH gone AS (DELETE FROM membership_change WHERE {_OF_SOURCE} RETURNING *),
own AS (
    DELETE FROM membership_change
    WHERE bucket = $4::smallint AND account_id = $2 AND profile_id = $5 AND group_id IN (SELECT group_id FROM gone)
    RETURNING *
),
together AS (
    SELECT b.*, sum(CASE WHEN b.joined THEN 1 ELSE -1 END) OVER (PARTITION BY group_id ORDER BY at, number) AS depth
    FROM (SELECT * FROM gone UNION ALL SELECT * FROM own) AS b
)
INSERT INTO membership_change ({_CHANGE_COLUMNS}) OVERRIDING SYSTEM VALUE
SELECT $4::smallint, account_id, number, $5::text, group_id, at, joined FROM together
WHERE depth = CASE WHEN joined THEN 1 ELSE 0 END
"""
"""Of two histories in one group one remains: in from the first join on, out when both had left."""


async def move_deliveries(transaction: Connection, move: Move, limit: int = NEWEST) -> tuple[int, list[uuid.UUID]]:
    """Move all that wait or are in a worker's hands, and the newest others, with what became of them.

    Return how many, and the runs of those that are not sent yet. Claims move as they are: whoever holds one finds the
    delivery by its new place.
    """
    place = move.keys()
    rows = await transaction.fetch(_CHOOSE_DELIVERIES, *place[:3], limit)
    chosen = [row["delivery_id"] for row in rows]
    if chosen:
        await transaction.execute(_LOCK_DELIVERIES, *place[:2], chosen)
        for statement in _BY_DELIVERY:
            await transaction.execute(statement, *place, chosen)
    return len(chosen), [row["run_id"] for row in rows if row["state"] in (0, 1, 6)]


async def move_inbox(transaction: Connection, move: Move, delivery_ids: Sequence[uuid.UUID]) -> None:
    """Move what the inbox came to keep of deliveries that had moved before it was told of them."""
    await transaction.execute(_INBOX, *move.keys(), list(delivery_ids))


async def move_runs(transaction: Connection, move: Move, needed: Sequence[uuid.UUID], limit: int = NEWEST) -> int:
    """Move the runs that are not over, those `needed`, the last of every flow and the newest others; return how many.

    The events that live ones began with come along, because their steps look at them.
    """
    place = move.keys()
    rows = await transaction.fetch(_CHOOSE_RUNS, *place[:3], limit, list(needed))
    chosen = [row["run_id"] for row in rows]
    if chosen:
        await transaction.execute(_RUNS, *place, chosen)
        await transaction.execute(_JOURNAL, *place, chosen)
        live = [row for row in rows if row["event_number"] is not None and row["event_at"] is not None]
        await move_events(transaction, move, [(row["event_number"], row["event_at"]) for row in live])
    return len(chosen)


async def move_pending(transaction: Connection, move: Move) -> int:
    """Move what is still to be worked out, behind what waits for the new profile, and the events it names."""
    rows = await transaction.fetch(_PENDING, *move.keys())
    await move_events(transaction, move, [(row["number"], row["occurred_at"]) for row in rows if row["number"]])
    return len(rows)


async def move_events(transaction: Connection, move: Move, named: Sequence[tuple[int, datetime]]) -> None:
    """Move single events, given as (number, time)."""
    if named:
        moments = [at for _, at in named]
        numbers = [number for number, _ in named]
        await transaction.execute(_NAMED_EVENTS, *move.keys(), numbers, min(moments), max(moments))


async def move_newest_events(transaction: Connection, move: Move, limit: int = NEWEST) -> int:
    """Move the newest events and return how many.

    Two events with one `unique_id` are both kept; what is refused from now on is a third one.
    """
    place = move.keys()
    cut = await transaction.fetch_row(_CUT, *place[:3], limit)
    if cut is None:
        return 0
    count: int = await transaction.fetch_value(_NEWEST_EVENTS, *place, cut["occurred_at"], cut["number"])
    return count


async def move_event_keys(transaction: Connection, move: Move, limit: int = KEYS) -> int:
    """Move keys of events and return how many; what both had is kept once."""
    place = move.keys()
    last = await transaction.fetch_row(_LAST_KEY, *place[:3], limit)
    if last is None:
        return 0
    count: int = await transaction.fetch_value(_EVENT_KEYS, *place, last["metric_id"], last["unique_id"])
    return count


async def move_small(transaction: Connection, move: Move) -> None:
    """Move consent, suppressions, places in groups, devices, objects and opt-ins; drop what is planned.

    Where both have a row: who unsubscribed stays unsubscribed, otherwise the new profile's consent counts; both sets
    of suppressions hold; a member is one since the earlier join; a confirmed opt-in stays confirmed; of devices and
    objects the new profile's row stays. Entries by a date and looks at segments are planned anew.
    """
    place = move.keys()
    for statement in _SMALL:
        await transaction.execute(statement, *place)
    await transaction.execute(_CHANGES, *place)
    await transaction.execute(_PLANNED, *place[:3])
    await transaction.execute(_DUE, *place[:3])
