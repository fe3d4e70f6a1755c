"""Tags and tag groups: making, renaming and deleting them.

What is here: the statements that write. What is not: reading them for the API, and tying tags to flows, lists and
segments (`tag_ties`). Every account has one default group, made when it is first needed; a tag of which no group was
named belongs to it.

Our choice: deleting a tag unties it from whatever holds it; deleting a group deletes its tags; the default group stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import Conflict, Invalid, NotFound
from headrace.ids import IdSource
from headrace.storage.database import Connection

DEFAULT_GROUP = "Default Tag Group"
MAX_TAGS = 500
MAX_GROUPS = 50
"""Our choice: the limits of an account, wide enough for any shop and narrow enough to list."""


def unknown_tag(tag_id: str) -> NotFound:
    """Return the problem of a tag id that the account does not have."""
    return NotFound(f'A tag with id "{tag_id}" does not exist.')


def unknown_group(group_id: str) -> NotFound:
    """Return the problem of a tag group id that the account does not have."""
    return NotFound(f'A tag group with id "{group_id}" does not exist.')


async def lock_tags(connection: Connection, account_id: str) -> None:
    """Let one transaction at a time change the tags of an account."""
    await connection.execute("SELECT account_id FROM account WHERE account_id = $1 FOR UPDATE", account_id)


async def default_group(connection: Connection, account_id: str, ids: IdSource) -> str:
    """Return the id of the account's default group, making the group when it is not there yet."""
    await lock_tags(connection, account_id)
    found: str | None = await connection.fetch_value(
        "SELECT tag_group_id FROM tag_group WHERE account_id = $1 AND is_default", account_id
    )
    if found is not None:
        return found
    made = ids.uuid()
    await connection.execute(
        "INSERT INTO tag_group (tag_group_id, account_id, name, exclusive, is_default) "
        "VALUES ($1, $2, $3, false, true)",
        made,
        account_id,
        DEFAULT_GROUP,
    )
    return made


async def create_tag(
    connection: Connection, account_id: str, ids: IdSource, name: str, group_id: str | None = None
) -> str:
    """Write a tag and return its id; raises `Conflict` for a name in use and `Invalid` for an unknown group."""
    home = await default_group(connection, account_id, ids)
    if group_id is not None and group_id != home:
        await _check_group(connection, account_id, group_id)
        home = group_id
    if await connection.fetch_value("SELECT count(*) FROM tag WHERE account_id = $1", account_id) >= MAX_TAGS:
        raise Conflict(f"The account has {MAX_TAGS} tags already, which is the most it may have.")
    made = await connection.fetch_value(
        "INSERT INTO tag (tag_id, account_id, tag_group_id, name) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING RETURNING tag_id",
        ids.uuid(),
        account_id,
        home,
        name,
    )
    if made is None:
        raise _taken(name)
    return str(made)


async def _check_group(connection: Connection, account_id: str, group_id: str) -> None:
    found = await connection.fetch_value(
        "SELECT 1 FROM tag_group WHERE account_id = $1 AND tag_group_id = $2", account_id, group_id
    )
    if found is None:
        raise Invalid(
            f'A tag group with id "{group_id}" does not exist.', pointer="/data/relationships/tag-group/data/id"
        )


def _taken(name: str) -> Conflict:
    return Conflict(f'A tag with the name "{name}" exists already.', pointer="/data/attributes/name")


async def rename_tag(connection: Connection, account_id: str, tag_id: str, name: str) -> None:
    """Rename a tag; raises `NotFound` and, for a name in use, `Conflict`."""
    await lock_tags(connection, account_id)
    other = await connection.fetch_value("SELECT tag_id FROM tag WHERE account_id = $1 AND name = $2", account_id, name)
    if other is not None and other != tag_id:
        raise _taken(name)
    changed = await connection.fetch_value(
        "UPDATE tag SET name = $3 WHERE account_id = $1 AND tag_id = $2 RETURNING tag_id", account_id, tag_id, name
    )
    if changed is None:
        raise unknown_tag(tag_id)


async def delete_tag(connection: Connection, account_id: str, tag_id: str) -> None:
    """Delete a tag and its ties; raises `NotFound`."""
    await lock_tags(connection, account_id)
    await _untie(connection, account_id, [tag_id])
    gone = await connection.fetch_value(
        "DELETE FROM tag WHERE account_id = $1 AND tag_id = $2 RETURNING tag_id", account_id, tag_id
    )
    if gone is None:
        raise unknown_tag(tag_id)


async def _untie(connection: Connection, account_id: str, tag_ids: Sequence[str]) -> None:
    for table in ("tag_flow", "tag_of_group"):
        await connection.execute(
            f"DELETE FROM {table} WHERE account_id = $1 AND tag_id = ANY($2)", account_id, list(tag_ids)
        )


async def create_group(
    connection: Connection, account_id: str, ids: IdSource, name: str, exclusive: bool = False
) -> str:
    """Write a tag group and return its id; raises `Conflict` for a name in use."""
    await default_group(connection, account_id, ids)
    names = await connection.fetch("SELECT name FROM tag_group WHERE account_id = $1", account_id)
    if name in {row["name"] for row in names}:
        raise Conflict(f'A tag group with the name "{name}" exists already.', pointer="/data/attributes/name")
    if len(names) >= MAX_GROUPS:
        raise Conflict(f"The account has {MAX_GROUPS} tag groups already, which is the most it may have.")
    made = ids.uuid()
    await connection.execute(
        "INSERT INTO tag_group (tag_group_id, account_id, name, exclusive, is_default) VALUES ($1, $2, $3, $4, false)",
        made,
        account_id,
        name,
        exclusive,
    )
    return made


async def rename_group(connection: Connection, account_id: str, group_id: str, name: str) -> None:
    """Rename a tag group; raises `NotFound`, and `Conflict` for a name in use."""
    await lock_tags(connection, account_id)
    other = await connection.fetch_value(
        "SELECT tag_group_id FROM tag_group WHERE account_id = $1 AND name = $2", account_id, name
    )
    if other is not None and other != group_id:
        raise Conflict(f'A tag group with the name "{name}" exists already.', pointer="/data/attributes/name")
    changed = await connection.fetch_value(
        "UPDATE tag_group SET name = $3 WHERE account_id = $1 AND tag_group_id = $2 RETURNING 1",
        account_id,
        group_id,
        name,
    )
    if changed is None:
        raise unknown_group(group_id)


async def delete_group(connection: Connection, account_id: str, group_id: str) -> None:
    """Delete a tag group and its tags; raises `NotFound`, and `Conflict` for the default group."""
    await lock_tags(connection, account_id)
    row = await connection.fetch_row(
        "SELECT is_default FROM tag_group WHERE account_id = $1 AND tag_group_id = $2", account_id, group_id
    )
    if row is None:
        raise unknown_group(group_id)
    if row["is_default"]:
        raise Conflict("The default tag group cannot be deleted.")
    rows = await connection.fetch(
        "SELECT tag_id FROM tag WHERE account_id = $1 AND tag_group_id = $2", account_id, group_id
    )
    await _untie(connection, account_id, [row["tag_id"] for row in rows])
    await connection.execute("DELETE FROM tag WHERE account_id = $1 AND tag_group_id = $2", account_id, group_id)
    await connection.execute("DELETE FROM tag_group WHERE account_id = $1 AND tag_group_id = $2", account_id, group_id)
