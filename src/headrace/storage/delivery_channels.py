"""Which channel a delivery took: what a link in a message does not say."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from headrace.model import Channel, DeliveryState
from headrace.storage.database import Connection, Database

_CHANNELS = f"""
SELECT d.delivery_id, d.channel, d.state = {DeliveryState.SENDING:d} AS under_way
FROM unnest($2::smallint[], $3::uuid[]) AS k (bucket, delivery_id)
JOIN delivery d ON d.bucket = k.bucket AND d.account_id = $1 AND d.delivery_id = k.delivery_id
"""


async def delivery_channels(
    connection: Connection | Database, account_id: str, keys: Sequence[tuple[int, UUID]]
) -> dict[UUID, Channel]:
    """Return delivery id -> channel for those of `keys`, (bucket, delivery id), that exist."""
    rows = await connection.fetch(_CHANNELS, account_id, [key[0] for key in keys], [key[1] for key in keys])
    return {row["delivery_id"]: Channel(row["channel"]) for row in rows}


async def deliveries_under_way(
    connection: Connection | Database, account_id: str, keys: Sequence[tuple[int, UUID]]
) -> set[UUID]:
    """Return those deliveries of `keys` that are in a worker's hands: sent or not, nothing is recorded of them yet."""
    rows = await connection.fetch(_CHANNELS, account_id, [key[0] for key in keys], [key[1] for key in keys])
    return {row["delivery_id"] for row in rows if row["under_way"]}
