"""Merging two profiles: what makes one person of two, in one transaction.

What is here: locking the two, the alias, the identifiers and the profile's row. What is not: the rows about them
(`merge_rows`) and the order of it all (`engine.merges`). Source: DESIGN section 8 (identity), reference 7.
"""

from __future__ import annotations

from datetime import datetime

from headrace.ids import bucket_of
from headrace.storage.database import Connection, Row
from headrace.storage.merge_rows import Move
from headrace.storage.profile_rows import TEXT_FIELDS

_LOCK = """
SELECT p.profile_id FROM unnest($2::smallint[], $3::text[]) AS wanted (bucket, profile_id)
JOIN profile p ON p.bucket = wanted.bucket AND p.account_id = $1 AND p.profile_id = wanted.profile_id
ORDER BY p.bucket, p.profile_id FOR UPDATE OF p
"""
_JOIN = f"""
WITH old AS (DELETE FROM profile WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 RETURNING *)
UPDATE profile p SET
    {", ".join(f"{name} = coalesce(p.{name}, old.{name})" for name in TEXT_FIELDS)},
    location = old.location || p.location, properties = old.properties || p.properties,
    predictive = old.predictive || p.predictive, created_at = least(p.created_at, old.created_at),
    last_event_at = greatest(p.last_event_at, old.last_event_at), updated_at = greatest(p.updated_at, $6)
FROM old WHERE p.bucket = $4 AND p.account_id = $2 AND p.profile_id = $5
"""
_ALIAS = """
INSERT INTO profile_alias (bucket, account_id, profile_id, into_profile_id, merged_at) VALUES ($1, $2, $3, $4, $5)
"""
_SHORTEN = "UPDATE profile_alias SET into_profile_id = $3 WHERE account_id = $1 AND into_profile_id = $2"
_IDENTIFIERS = "UPDATE identifier SET profile_id = $3 WHERE account_id = $1 AND profile_id = $2"

_LIVE = """
SELECT * FROM run WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND state IN (0, 3, 4)
"""
_ENTRIES = """
SELECT flow_id, entered_at, state, target_on FROM run
WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND flow_id = ANY($4)
"""
_WITHDRAW = """
UPDATE delivery SET state = 4, reason = $5
WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND run_id = ANY($4) AND state IN (0, 6)
RETURNING flow_id, action_id
"""


async def lock_profiles(transaction: Connection, account_id: str, profile_ids: tuple[str, ...]) -> set[str]:
    """Lock profiles in the order in which everybody does and return those that exist."""
    keys = [bucket_of(one) for one in profile_ids]
    return {row["profile_id"] for row in await transaction.fetch(_LOCK, account_id, keys, list(profile_ids))}


async def join_profiles(transaction: Connection, move: Move, now: datetime) -> None:
    """Make one profile of two locked ones: the old one ends and becomes an alias, the new one takes what it lacks.

    Aliases of the old profile lead to the new one from now on. All identifiers go over, also an address that is not
    the one the new profile shows: who uses it is the same person.
    """
    source, account_id, _, into, _ = move.keys()
    await transaction.execute(_JOIN, source, account_id, move.source, into, move.into, now)
    await transaction.execute(_ALIAS, source, account_id, move.source, move.into, now)
    await transaction.execute(_SHORTEN, account_id, move.source, move.into)
    await move_identifiers(transaction, move)


async def move_identifiers(transaction: Connection, move: Move) -> None:
    """Let the identifiers of the old profile name the new one."""
    await transaction.execute(_IDENTIFIERS, move.account_id, move.source, move.into)


async def live_runs(transaction: Connection, move: Move) -> list[Row]:
    """Return the old profile's runs that wait, are parked or held: all columns."""
    return await transaction.fetch(_LIVE, *move.keys()[:3])


async def entries_of(transaction: Connection, move: Move, flow_ids: set[str]) -> dict[str, list[Row]]:
    """Return flow id -> entered_at, state and target_on of the new profile's runs, for flows into which it entered."""
    found: dict[str, list[Row]] = {}
    place = (bucket_of(move.into), move.account_id, move.into)
    for row in await transaction.fetch(_ENTRIES, *place, sorted(flow_ids)):
        found.setdefault(row["flow_id"], []).append(row)
    return found


async def withdraw_deliveries(
    transaction: Connection, move: Move, run_ids: list[object], reason: str
) -> list[tuple[str, int]]:
    """Skip the messages of runs that still wait to be sent; return the (flow id, action id) of each."""
    rows = await transaction.fetch(_WITHDRAW, *move.keys()[:3], run_ids, reason)
    return [(row["flow_id"], row["action_id"]) for row in rows]
