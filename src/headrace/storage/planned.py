"""Planned entries: when each person next enters a date-based flow.

What is here: statements, all for many rows at once. What is not: asking for plans and going through everybody
(`planning`), working out when somebody enters (`engine.dates`). Everything that writes happens under the bucket locks.
Source: reference 1.5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeAlias

from headrace.ids import BUCKETS
from headrace.model import RunState
from headrace.storage.buckets import due_buckets
from headrace.storage.database import Connection, Database, Row
from headrace.storage.lanes import lanes, share

DATE_CHANGED = "date_changed"
"""Why a run ends whose date is not what it was. Source: reference 1.5."""
ALWAYS = "enters_at IS NOT NULL"
"""The condition of an index that holds every row."""

PlanKey: TypeAlias = tuple[int, str, str, str]
"""bucket, account id, flow id, profile id."""


class Plan(NamedTuple):
    """The next entry of a person into a flow; `enters_at` is UTC on the account's clock."""

    bucket: int
    account_id: str
    flow_id: str
    profile_id: str
    enters_at: datetime
    target_on: date
    clock: int

    @property
    def key(self) -> PlanKey:
        """What names the plan."""
        return self[:4]


_PUT = """
INSERT INTO planned_entry (bucket, account_id, flow_id, profile_id, enters_at, target_on, clock)
SELECT * FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::date[], $7::int[])
ON CONFLICT (bucket, account_id, flow_id, profile_id) DO UPDATE
SET enters_at = excluded.enters_at, target_on = excluded.target_on, clock = excluded.clock
"""

_DROP = """
DELETE FROM planned_entry p
USING unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS gone (bucket, account_id, flow_id, profile_id)
WHERE p.bucket = gone.bucket AND p.account_id = gone.account_id AND p.flow_id = gone.flow_id
    AND p.profile_id = gone.profile_id
"""

_OF_PEOPLE = """
SELECT p.bucket, p.account_id, p.flow_id, p.profile_id, p.enters_at, p.target_on, p.clock
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS asked (bucket, account_id, flow_id, profile_id)
JOIN planned_entry p USING (bucket, account_id, flow_id, profile_id)
"""

_DUE = f"""
WITH RECURSIVE
{lanes("planned_entry", "SELECT $1::int AS clock, unnest($2::smallint[]) AS bucket", ALWAYS)}
SELECT bucket, account_id, flow_id, profile_id, enters_at, target_on, clock FROM (
    SELECT due.*, row_number() OVER (PARTITION BY due.account_id ORDER BY due.enters_at, due.profile_id) AS turn
    FROM lane CROSS JOIN LATERAL (
        SELECT * FROM planned_entry
        WHERE clock = $1 AND bucket = lane.bucket AND account_id = lane.account_id AND enters_at <= $3 {{in_order}}
        ORDER BY enters_at LIMIT $5
    ) AS due
) AS fair
ORDER BY turn, enters_at, profile_id, flow_id LIMIT $4
"""
_DUE_AT_ONCE = _DUE.format(in_order="")
_DUE_IN_ORDER = _DUE.format(
    in_order="""AND NOT EXISTS (
            SELECT FROM segment_due d WHERE d.bucket = planned_entry.bucket AND d.account_id = planned_entry.account_id
                AND d.profile_id = planned_entry.profile_id AND d.clock = $1 AND d.due_at <= planned_entry.enters_at
        )"""
)

_DUE_BUCKETS = due_buckets("planned_entry", "enters_at", ALWAYS)

_NEXT = f"""
SELECT min(first.at) FROM generate_series(0, {BUCKETS - 1}) AS b (number) CROSS JOIN LATERAL (
    SELECT enters_at AS at FROM planned_entry
    WHERE clock = $1 AND bucket = b.number::smallint AND account_id = $2 AND enters_at > $3
    ORDER BY enters_at LIMIT 1
) AS first
"""

_ENTERED = """
SELECT asked.flow_id, asked.profile_id, r.target_on
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS asked (bucket, account_id, flow_id, profile_id)
JOIN run r ON r.bucket = asked.bucket AND r.account_id = asked.account_id AND r.profile_id = asked.profile_id
    AND r.flow_id = asked.flow_id
WHERE r.target_on IS NOT NULL AND (r.state <> $5 OR r.exit_reason IS DISTINCT FROM $6)
"""

# --- planning ---------------------------------------------------------------------------------------------------------


async def put_plans(transaction: Connection, plans: Collection[Plan]) -> None:
    """Write plans, each in the place of what was planned for the same person and flow."""
    if plans:
        await transaction.execute(_PUT, *map(list, zip(*sorted(plans), strict=True)))


async def drop_plans(transaction: Connection, keys: Collection[PlanKey]) -> None:
    """Delete plans; those that do not exist are passed over."""
    if keys:
        await transaction.execute(_DROP, *map(list, zip(*sorted(keys), strict=True)))


async def plans_of(transaction: Connection, keys: Sequence[PlanKey]) -> dict[PlanKey, Plan]:
    """Return what is planned for people in flows."""
    if not keys:
        return {}
    rows = await transaction.fetch(_OF_PEOPLE, *map(list, zip(*keys, strict=True)))
    return {plan.key: plan for plan in map(_plan, rows)}


async def dates_entered(transaction: Connection, keys: Sequence[PlanKey]) -> dict[tuple[str, str], frozenset[date]]:
    """Return (flow id, profile id) -> the dates to which runs led that did not end because their date had changed."""
    if not keys:
        return {}
    found: defaultdict[tuple[str, str], set[date]] = defaultdict(set)
    columns = map(list, zip(*keys, strict=True))
    for row in await transaction.fetch(_ENTERED, *columns, int(RunState.EXITED), DATE_CHANGED):
        found[row["flow_id"], row["profile_id"]].add(row["target_on"])
    return {key: frozenset(dates) for key, dates in found.items()}


# --- entering -----------------------------------------------------------------------------------------------------


async def claim_planned(
    transaction: Connection, clock: int, buckets: Sequence[int], now: datetime, limit: int
) -> list[Plan]:
    """Return at most `limit` due plans of locked buckets; accounts take turns, within one the earliest come first.

    On a virtual clock those are left out before which a look at the same person's segments is due.
    """
    statement = _DUE_IN_ORDER if clock else _DUE_AT_ONCE
    rows = await transaction.fetch(statement, clock, list(buckets), now, limit, share(limit, len(buckets)))
    return [_plan(row) for row in rows]


async def buckets_with_planned(
    database: Database | Connection, clocks: Sequence[tuple[int, datetime]]
) -> dict[int, list[int]]:
    """Return clock -> the buckets with planned entries due by its present moment; clocks without any are left out."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row in await database.fetch(_DUE_BUCKETS, [one[0] for one in clocks], [one[1] for one in clocks]):
        found[row["clock"]].append(row["bucket"])
    return dict(found)


async def next_planned(connection: Connection, clock: int, account_id: str, after: datetime) -> datetime | None:
    """Return when the next planned entry of an account's clock is due after a moment, None when none is."""
    moment: datetime | None = await connection.fetch_value(_NEXT, clock, account_id, after)
    return moment


def _plan(row: Row) -> Plan:
    return Plan(*(row[name] for name in Plan._fields))
