"""Deliveries whose person was merged into another one while they were in a worker's hands: where they are now."""

from __future__ import annotations

from collections.abc import Container, Sequence

from headrace.ids import bucket_of
from headrace.storage.aliases import follow
from headrace.storage.database import Connection, Row


async def of_merged(
    connection: Connection, rows: Sequence[Row], people: Container[tuple[str, str]]
) -> list[Row] | None:
    """Return rows of deliveries with the bucket and profile that they have now; None where none has moved.

    Only those whose (account id, profile id) is not among `people`, who exist, are looked for.
    """
    homes: dict[tuple[str, str], str] = {}
    for account_id in sorted({row["account_id"] for row in rows}):
        lost = {row["profile_id"] for row in rows if row["account_id"] == account_id}
        lost = {one for one in lost if (account_id, one) not in people}
        found = await follow(connection, account_id, lost) if lost else {}
        homes.update(((account_id, old), new) for old, new in found.items())
    return [_at_home(row, homes.get((row["account_id"], row["profile_id"]))) for row in rows] if homes else None


def _at_home(row: Row, profile_id: str | None) -> Row:
    if profile_id is None:
        return row
    return {**dict(row), "bucket": bucket_of(profile_id), "profile_id": profile_id}
