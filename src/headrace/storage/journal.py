"""The journal: one compact row per step. Partitions for the moments must exist. Source: DESIGN section 3 (journal)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from headrace.storage.database import Connection, Database, Row

Entry: TypeAlias = tuple[int, str, uuid.UUID, datetime, int, str, int | None, str, Any]
"""bucket, account id, run id, moment, number of the step, flow id, action id, outcome, detail as JSON.

A tuple, because a batch writes thousands and only hands them on.
"""

_INSERT = """
INSERT INTO journal (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
SELECT * FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::timestamptz[], $5::int[], $6::text[], $7::bigint[],
                     $8::text[], $9::jsonb[])
ON CONFLICT DO NOTHING
"""

_OF_RUN = """
SELECT at, step, action_id, outcome, detail FROM journal
WHERE bucket = $1 AND account_id = $2 AND run_id = $3 ORDER BY step, at
"""


async def insert_journal(transaction: Connection, entries: Sequence[Entry]) -> None:
    """Write a batch of journal rows."""
    if entries:
        await transaction.execute(_INSERT, *map(list, zip(*entries, strict=True)))


async def journal_of(database: Database | Connection, bucket: int, account_id: str, run_id: uuid.UUID) -> list[Row]:
    """Return the steps of one run in their order: at, step, action_id, outcome, detail."""
    return await database.fetch(_OF_RUN, bucket, account_id, run_id)
