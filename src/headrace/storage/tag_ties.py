"""Tying tags to flows, lists and segments.

What is here: the statements that tie and untie, and the rules that they keep. What is not: tags themselves (`tags`).
Source: the operations' descriptions (at most 100 tags), reference 7.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.errors import Conflict, Invalid, NotFound
from headrace.storage.database import Connection
from headrace.storage.tags import lock_tags, unknown_tag

MAX_TIES = 100
"""How many tags a flow, list or segment holds at most."""


@dataclass(frozen=True, slots=True)
class Taggable:
    """A kind of thing that holds tags: its name, where its ties are, and the statement that finds the known ones."""

    name: str
    table: str
    column: str
    known: str


FLOW = Taggable(
    "flow",
    "tag_flow",
    "flow_id",
    "SELECT flow_id AS id FROM flow WHERE account_id = $1 AND flow_id = ANY($2) AND deleted_at IS NULL",
)
_GROUPS = "SELECT group_id AS id FROM profile_group WHERE account_id = $1 AND group_id = ANY($2) AND kind = '{}'"
LIST = Taggable("list", "tag_of_group", "group_id", _GROUPS.format("list"))
SEGMENT = Taggable("segment", "tag_of_group", "group_id", _GROUPS.format("segment"))


async def tie(connection: Connection, account_id: str, tag_id: str, kind: Taggable, ids: Sequence[str]) -> None:
    """Tie a tag to things of a kind; a tie that exists stays.

    Raises `NotFound` for an unknown tag or thing and `Invalid` where a thing would hold too many tags. In an exclusive
    group a thing holds one tag at most: another one of that group is a `Conflict`.
    """
    group = await _group_of(connection, account_id, tag_id)
    await _check_known(connection, account_id, kind, ids)
    if group["exclusive"]:
        await _check_exclusive(connection, account_id, tag_id, group["tag_group_id"], kind, ids)
    await connection.execute(
        f"INSERT INTO {kind.table} (account_id, tag_id, {kind.column}) SELECT $1, $2, unnest($3::text[]) "
        "ON CONFLICT DO NOTHING",
        account_id,
        tag_id,
        sorted(set(ids)),
    )
    await _check_number(connection, account_id, kind, ids)


async def untie(connection: Connection, account_id: str, tag_id: str, kind: Taggable, ids: Sequence[str]) -> None:
    """Untie a tag from things of a kind; a tie that does not exist is no mistake. Raises `NotFound`, as `tie` does."""
    await _group_of(connection, account_id, tag_id)
    await _check_known(connection, account_id, kind, ids)
    await connection.execute(
        f"DELETE FROM {kind.table} WHERE account_id = $1 AND tag_id = $2 AND {kind.column} = ANY($3)",
        account_id,
        tag_id,
        list(ids),
    )


async def forget_ties(connection: Connection, account_id: str, kind: Taggable, thing_id: str) -> None:
    """Untie everything from a thing that is being deleted."""
    await connection.execute(
        f"DELETE FROM {kind.table} WHERE account_id = $1 AND {kind.column} = $2", account_id, thing_id
    )


async def _group_of(connection: Connection, account_id: str, tag_id: str) -> dict[str, object]:
    await lock_tags(connection, account_id)
    row = await connection.fetch_row(
        "SELECT g.tag_group_id, g.exclusive FROM tag AS t JOIN tag_group AS g USING (account_id, tag_group_id) "
        "WHERE t.account_id = $1 AND t.tag_id = $2",
        account_id,
        tag_id,
    )
    if row is None:
        raise unknown_tag(tag_id)
    return dict(row)


async def _check_known(connection: Connection, account_id: str, kind: Taggable, ids: Sequence[str]) -> None:
    known = {row["id"] for row in await connection.fetch(kind.known, account_id, list(ids))}
    for place, one in enumerate(ids):
        if one not in known:
            raise NotFound(f'A {kind.name} with id "{one}" does not exist.', pointer=f"/data/{place}/id")


async def _check_exclusive(
    connection: Connection, account_id: str, tag_id: str, group_id: object, kind: Taggable, ids: Sequence[str]
) -> None:
    taken = await connection.fetch_value(
        f"SELECT f.{kind.column} FROM {kind.table} AS f JOIN tag AS t USING (account_id, tag_id) "
        f"WHERE f.account_id = $1 AND t.tag_group_id = $2 AND f.tag_id <> $3 AND f.{kind.column} = ANY($4) LIMIT 1",
        account_id,
        group_id,
        tag_id,
        list(ids),
    )
    if taken is not None:
        raise Conflict(f'The {kind.name} "{taken}" holds another tag of the same exclusive tag group.')


async def _check_number(connection: Connection, account_id: str, kind: Taggable, ids: Sequence[str]) -> None:
    crowded = await connection.fetch_value(
        f"SELECT {kind.column} FROM {kind.table} WHERE account_id = $1 AND {kind.column} = ANY($2) "
        f"GROUP BY {kind.column} HAVING count(*) > {MAX_TIES} LIMIT 1",
        account_id,
        list(ids),
    )
    if crowded is not None:
        detail = f'The {kind.name} "{crowded}" has {MAX_TIES} tags already, which is the most it may have.'
        raise Invalid(detail, pointer=f"/data/{list(ids).index(crowded)}/id")
