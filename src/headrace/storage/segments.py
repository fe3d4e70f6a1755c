"""Segments: making, changing and deleting them. What the API and the command line do; the engine keeps the members.

What is here: the commands, in the caller's transaction. What is not: who is a member (`segment_members`), segments as
the engine reads them (`segment_cache`), working out everybody's membership, which a job does (`engine.segment_jobs`).
A definition, its version and its topics change together; until the job has ended `evaluated_version` lags behind.
Source: reference 1.2 (editing triggers nobody), DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.errors import NotFound
from headrace.ids import IdSource, bucket_of
from headrace.storage import jobs
from headrace.storage.database import Connection, Database, Row

EVALUATE = "evaluate-segment"
"""The kind of job that works out everybody's membership of one segment."""
SEGMENT, VERSION = "segment_id", "version"
"""The arguments of such a job: the segment, and the version of it that the job works out."""
EMPTY = "empty-segment"
"""The kind of the job that takes everybody out of a segment that is gone; its argument is the segment."""
SLICE = 1_000
"""Members that are taken out of a deleted segment at once."""

_INSERT = """
INSERT INTO profile_group (group_id, account_id, kind, name, definition, topics, is_starred, version, created_at,
                           updated_at)
VALUES ($1, $2, 'segment', $3, $4, $5, $6, 1, $7, $7) ON CONFLICT DO NOTHING
"""

_LOCK = """
SELECT group_id, name, definition, topics, is_active, is_starred, version FROM profile_group
WHERE account_id = $1 AND group_id = $2 AND kind = 'segment' FOR NO KEY UPDATE
"""

_CHANGE = """
UPDATE profile_group SET name = $3, is_starred = $4, definition = $5, topics = $6, is_active = $7, version = $8,
    updated_at = $9
WHERE account_id = $1 AND group_id = $2 AND kind = 'segment'
"""

_DELETE = "DELETE FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'segment' RETURNING group_id"
_FORGET_TAGS = "DELETE FROM tag_of_group WHERE account_id = $1 AND group_id = $2"
_MEMBERS = "SELECT profile_id FROM membership WHERE account_id = $1 AND group_id = $2 LIMIT $3"
_FORGET_LOOKS = "DELETE FROM segment_due WHERE bucket = ANY($3::smallint[]) AND account_id = $1 AND group_id = $2"
_TAKE_OUT = """
DELETE FROM membership m USING unnest($3::smallint[], $4::text[]) AS gone (bucket, profile_id)
WHERE m.bucket = gone.bucket AND m.account_id = $1 AND m.profile_id = gone.profile_id AND m.group_id = $2
"""

_SEGMENTS = """
SELECT g.group_id, g.name, g.definition, g.is_active, g.is_starred, g.version, g.evaluated_version, g.created_at,
    g.updated_at, g.is_active AND g.evaluated_version <> g.version AS is_processing
FROM profile_group g
WHERE g.account_id = $1 AND g.kind = 'segment' AND ($2::text IS NULL OR g.group_id = $2)
ORDER BY g.created_at, g.group_id
"""

_OPEN = """
SELECT EXISTS (
    SELECT FROM job WHERE state IN ('queued', 'running') AND kind = $1 AND ($2::text IS NULL OR account_id = $2)
        AND NOT progress ? 'failures'
)
"""


@dataclass(frozen=True, slots=True)
class NewSegment:
    """A segment that is to be made: its checked definition as it is stored, and the topics that it asks about."""

    name: str
    definition: Mapping[str, Any]
    topics: frozenset[str]
    is_starred: bool = False


async def create_segment(
    transaction: Connection, account_id: str, ids: IdSource, segment: NewSegment, now: datetime, system_now: datetime
) -> str:
    """Make a segment, let a job work out its members, and return its id. `now` is the account's time."""
    fields = (segment.name, dict(segment.definition), sorted(segment.topics), segment.is_starred)
    while True:
        group_id = ids.short()
        tag = await transaction.execute(_INSERT, group_id, account_id, *fields, now)
        if tag.endswith(" 1"):
            await _evaluate(transaction, account_id, group_id, 1, ids, system_now)
            return group_id


async def change_segment(
    transaction: Connection,
    account_id: str,
    group_id: str,
    *,
    name: str | None = None,
    is_starred: bool | None = None,
    definition: Mapping[str, Any] | None = None,
    topics: Collection[str] | None = None,
    ids: IdSource,
    now: datetime,
    system_now: datetime,
) -> None:
    """Change what is given of a segment; a definition, which comes with its topics, is worked out anew by a job.

    A definition equal to the stored one changes nothing. Raises `NotFound`, and `ValueError` for a definition without
    topics.
    """
    if definition is not None and topics is None:
        raise ValueError("a definition comes with its topics")
    row = await _lock(transaction, account_id, group_id)
    changed: dict[str, Any] = {"name": name, "is_starred": is_starred}
    if definition is not None and dict(definition) != row["definition"]:
        changed |= {"definition": dict(definition), "topics": sorted(topics or ()), "version": row["version"] + 1}
    await _write(transaction, account_id, row, changed, now)
    if "version" in changed and row["is_active"]:
        await _evaluate(transaction, account_id, group_id, changed["version"], ids, system_now)


async def set_active(
    transaction: Connection,
    account_id: str,
    group_id: str,
    is_active: bool,
    *,
    ids: IdSource,
    now: datetime,
    system_now: datetime,
) -> None:
    """Activate or deactivate a segment. Raises `NotFound`.

    The members of an inactive one stay as they are; one that becomes active is worked out anew, as after an edit.
    """
    row = await _lock(transaction, account_id, group_id)
    if row["is_active"] == is_active:
        return
    version = row["version"] + 1
    await _write(transaction, account_id, row, {"is_active": is_active, "version": version}, now)
    if is_active:
        await _evaluate(transaction, account_id, group_id, version, ids, system_now)


async def request_evaluation(
    transaction: Connection, account_id: str, group_id: str, *, ids: IdSource, system_now: datetime
) -> str | None:
    """Let a job work out a segment's members anew and return its id, None for an inactive segment.

    Raises `NotFound`.
    """
    row = await _lock(transaction, account_id, group_id)
    if not row["is_active"]:
        return None
    await transaction.execute(
        "UPDATE profile_group SET version = version + 1 WHERE account_id = $1 AND group_id = $2", account_id, group_id
    )
    return await _evaluate(transaction, account_id, group_id, row["version"] + 1, ids, system_now)


async def delete_segment(
    transaction: Connection, account_id: str, group_id: str, ids: IdSource, system_now: datetime
) -> None:
    """Delete a segment, everybody's place in it and its tags; what was recorded of joins stays. Raises `NotFound`.

    The segment goes first: that waits for whoever keeps it to let somebody join, and these are taken out as well. A
    job takes out who is left, slice by slice, with when to look at them again; nobody counts as a member by then.
    """
    if await transaction.fetch_value(_DELETE, account_id, group_id) is None:
        raise unknown_segment(group_id)
    await transaction.execute(_FORGET_TAGS, account_id, group_id)
    await take_out_members(transaction, account_id, group_id)
    await jobs.enqueue(transaction, account_id, ids, EMPTY, {SEGMENT: group_id}, system_now)


async def take_out_members(transaction: Connection, account_id: str, group_id: str) -> int:
    """Take members out of a segment that is gone, at most `SLICE`, and return how many were found.

    Only where none was found is none left: a merge may have moved one meanwhile.
    """
    rows = await transaction.fetch(_MEMBERS, account_id, group_id, SLICE)
    people = [row["profile_id"] for row in rows]
    await transaction.execute(_TAKE_OUT, account_id, group_id, [bucket_of(one) for one in people], people)
    return len(people)


async def forget_looks_of(transaction: Connection, account_id: str, group_id: str, buckets: Collection[int]) -> None:
    """Forget when the places of some buckets in a segment that is gone would have been looked at again."""
    await transaction.execute(_FORGET_LOOKS, account_id, group_id, list(buckets))


async def evaluations_open(database: Database | Connection, account_id: str | None = None) -> bool:
    """Tell whether a job works out a segment, in one account where one is given; one that failed does not count."""
    found: bool = await database.fetch_value(_OPEN, EVALUATE, account_id)
    return found


async def list_segments(connection: Connection, account_id: str, group_id: str | None = None) -> list[Row]:
    """Return the account's segments, or one of them, in the order in which they were made.

    The columns are those of `profile_group` and `is_processing`, which tells that members are being worked out.
    """
    return await connection.fetch(_SEGMENTS, account_id, group_id)


async def accounts_with_segments(database: Database | Connection) -> list[str]:
    """Return the ids of the accounts that have a segment."""
    rows = await database.fetch("SELECT DISTINCT account_id FROM profile_group WHERE kind = 'segment' ORDER BY 1")
    return [row["account_id"] for row in rows]


def unknown_segment(group_id: str) -> NotFound:
    """Return the problem of a segment id that the account does not have."""
    return NotFound(f'A segment with id "{group_id}" does not exist.')


async def _lock(transaction: Connection, account_id: str, group_id: str) -> Row:
    row = await transaction.fetch_row(_LOCK, account_id, group_id)
    if row is None:
        raise unknown_segment(group_id)
    return row


async def _write(transaction: Connection, account_id: str, row: Row, changed: Mapping[str, Any], now: datetime) -> None:
    new = dict(row) | {name: value for name, value in changed.items() if value is not None}
    names = ("group_id", "name", "is_starred", "definition", "topics", "is_active", "version")
    await transaction.execute(_CHANGE, account_id, *(new[name] for name in names), now)


async def _evaluate(
    transaction: Connection, account_id: str, group_id: str, version: int, ids: IdSource, system_now: datetime
) -> str:
    arguments = {SEGMENT: group_id, VERSION: version}
    return await jobs.enqueue(transaction, account_id, ids, EVALUATE, arguments, system_now)
