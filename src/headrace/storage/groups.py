"""Lists and their members.

What is here: making, renaming and deleting a list, and who is on it. What is not: segments, whose members the engine
works out. `now` is always the account's time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from headrace.ids import IdSource, bucket_of
from headrace.storage.database import Connection, Database, Row
from headrace.storage.jobs import enqueue
from headrace.storage.pending import Happening, Kind, note_happenings
from headrace.storage.tables import profile_group

DOUBLE_OPT_IN = "double_opt_in"
TAKE_OFF = "take-off-list"
"""The kind of the job that takes the members of a deleted list off it."""
SLICE = 1_000
"""Members that are taken off a deleted list at once."""

_INSERT = """
INSERT INTO profile_group (group_id, account_id, kind, name, opt_in_process, created_at, updated_at)
VALUES ($1, $2, 'list', $3, $4, $5, $5) ON CONFLICT DO NOTHING
"""

_IS_THERE = "SELECT 1 FROM profile_group WHERE account_id = $1 AND group_id = $2 FOR KEY SHARE"

_JOIN = """
WITH joined AS (
    INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
    SELECT bucket, $1, profile_id, $2, $3 FROM unnest($4::smallint[], $5::text[]) AS joining (bucket, profile_id)
    ORDER BY bucket, profile_id
    ON CONFLICT DO NOTHING
    RETURNING bucket, profile_id
)
INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
SELECT bucket, $1, profile_id, $2, $3, true FROM joined
RETURNING profile_id
"""

_LEAVE = """
WITH gone AS (
    DELETE FROM membership m USING unnest($4::smallint[], $5::text[]) AS leaving (bucket, profile_id)
    WHERE m.bucket = leaving.bucket AND m.account_id = $1 AND m.profile_id = leaving.profile_id AND m.group_id = $2
    RETURNING m.bucket, m.profile_id
)
INSERT INTO membership_change (bucket, account_id, profile_id, group_id, at, joined)
SELECT bucket, $1, profile_id, $2, $3, false FROM gone
RETURNING profile_id
"""

_MEMBERS = """
SELECT profile_id FROM membership WHERE account_id = $1 AND group_id = $2 ORDER BY joined_at, profile_id LIMIT $3
"""
_DELETE = "DELETE FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list'"
_PAGE = """
SELECT profile_id, joined_at FROM membership
WHERE account_id = $1 AND group_id = $2 AND joined_at <= $3
    AND ($4::timestamptz IS NULL OR (joined_at, profile_id) > ($4, $5))
ORDER BY joined_at, profile_id LIMIT $6
"""
_COUNT = "SELECT count(*) FROM membership WHERE account_id = $1 AND group_id = $2 AND joined_at <= $3"
_AMONG = """
SELECT m.profile_id FROM unnest($3::smallint[], $4::text[]) AS asked (bucket, profile_id)
JOIN membership m ON m.bucket = asked.bucket AND m.account_id = $1 AND m.profile_id = asked.profile_id
    AND m.group_id = $2
"""
_BY_NAME = "SELECT group_id, name FROM profile_group WHERE account_id = $1 AND kind = $2 AND name = ANY($3)"


async def create_list(
    transaction: Connection,
    account_id: str,
    ids: IdSource,
    name: str,
    now: datetime,
    opt_in_process: str = DOUBLE_OPT_IN,
) -> str:
    """Make a list and return its id."""
    while True:
        group_id = ids.short()
        tag = await transaction.execute(_INSERT, group_id, account_id, name, opt_in_process, now)
        if tag.endswith(" 1"):
            return group_id


async def change_list(
    transaction: Connection, account_id: str, group_id: str, changes: dict[str, Any], now: datetime
) -> None:
    """Change a list's `name` or `opt_in_process`."""
    table = profile_group
    own = (table.c.account_id == account_id, table.c.group_id == group_id, table.c.kind == "list")
    await transaction.execute(table.update().where(*own).values(**changes, updated_at=now))


async def delete_list(
    transaction: Connection, account_id: str, group_id: str, ids: IdSource, now: datetime, received_at: datetime
) -> None:
    """Delete a list and everybody's place on it; the people stay.

    The list goes first: that waits for flows that keep it to put somebody on it, and they are taken off as well. Of a
    large list a job takes the members off, slice by slice. `now` is the account's time, `received_at` system time.
    """
    await transaction.execute(_DELETE, account_id, group_id)
    if await take_off_members(transaction, account_id, group_id, now, received_at) == SLICE:
        await enqueue(transaction, account_id, ids, TAKE_OFF, {"list_id": group_id}, received_at)


async def take_off_members(
    transaction: Connection, account_id: str, group_id: str, now: datetime, received_at: datetime
) -> int:
    """Take members of a list that is gone off it, at most `SLICE`, and return how many that was."""
    rows = await transaction.fetch(_MEMBERS, account_id, group_id, SLICE)
    await leave_group(transaction, account_id, group_id, [row["profile_id"] for row in rows], now, received_at)
    return len(rows)


async def join_group(
    transaction: Connection,
    account_id: str,
    group_id: str,
    profile_ids: Collection[str],
    now: datetime,
    received_at: datetime,
    *,
    starts_nothing: bool = False,
) -> list[str]:
    """Put profiles that exist on a list and return those that were not on it before; nobody where the list is gone.

    Flows that wait for new members learn of these, unless the joins start nothing. `received_at` is system time.
    Source: reference 1.2 (which joins count; repeated ones do not).
    """
    if await transaction.fetch_value(_IS_THERE, account_id, group_id) is None:
        return []
    rows = await transaction.fetch(_JOIN, account_id, group_id, now, *_keys(profile_ids))
    joined = [row["profile_id"] for row in rows]
    happenings = [Happening(one, Kind.JOINED, group_id, starts_nothing=starts_nothing) for one in joined]
    await note_happenings(transaction, account_id, happenings, now, received_at)
    return joined


async def leave_group(
    transaction: Connection,
    account_id: str,
    group_id: str,
    profile_ids: Collection[str],
    now: datetime,
    received_at: datetime,
) -> list[str]:
    """Take profiles off a list and return those that were on it. `received_at` is system time."""
    rows = await transaction.fetch(_LEAVE, account_id, group_id, now, *_keys(profile_ids))
    left = [row["profile_id"] for row in rows]
    await note_happenings(
        transaction, account_id, [Happening(one, Kind.LEFT, group_id) for one in left], now, received_at
    )
    return left


async def members_among(
    connection: Database | Connection, account_id: str, group_id: str, profile_ids: Collection[str]
) -> set[str]:
    """Return those of the profiles that are members of a list or segment."""
    rows = await connection.fetch(_AMONG, account_id, group_id, *_keys(profile_ids))
    return {row["profile_id"] for row in rows}


async def page_of_members(
    connection: Connection,
    account_id: str,
    group_id: str,
    until: datetime,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Row]:
    """Return profile_id and joined_at of members who joined until a moment, in that order, behind a place in it."""
    moment, profile_id = after or (None, None)
    return await connection.fetch(_PAGE, account_id, group_id, until, moment, profile_id, limit)


async def count_members(connection: Connection, account_id: str, group_id: str, until: datetime) -> int:
    """Return how many members joined until a moment."""
    count: int = await connection.fetch_value(_COUNT, account_id, group_id, until)
    return count


async def groups_by_name(
    database: Database | Connection, account_id: str, kind: str, names: Sequence[str]
) -> dict[str, str]:
    """Return name -> id of the account's lists (`kind` "list") or segments ("segment"); of two alike, either."""
    rows = await database.fetch(_BY_NAME, account_id, kind, list(names))
    return {row["name"]: row["group_id"] for row in rows}


def _keys(profile_ids: Collection[str]) -> tuple[list[int], list[str]]:
    return [bucket_of(one) for one in profile_ids], list(profile_ids)
