"""The journal: one compact row per step. Partitions for the moments must exist. Source: DESIGN section 3 (journal)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from headrace.storage.arrays import ids, moment, moments, numbers
from headrace.storage.database import Connection, Database, Row

Entry: TypeAlias = tuple[int, str, uuid.UUID, datetime, int, str, int | None, str, Any]
"""bucket, account id, run id, moment, number of the step, flow id, action id, outcome, detail as JSON.

A tuple, because a batch writes thousands and only hands them on.
"""

_INSERT = f"""
INSERT INTO journal (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
SELECT bucket, account_id, run_id, {moment("at")}, step, flow_id, action_id, outcome, detail
FROM unnest($1::text::smallint[], string_to_array($2, ','), $3::uuid[], $4::text::bigint[], $5::text::int[],
            string_to_array($6, ','), $7::text::bigint[], $8::text[], $9::jsonb[])
    AS made (bucket, account_id, run_id, at, step, flow_id, action_id, outcome, detail)
ON CONFLICT DO NOTHING
"""

_OF_RUN = """
SELECT at, step, action_id, outcome, detail FROM journal
WHERE bucket = $1 AND account_id = $2 AND run_id = $3 ORDER BY step, at
"""


async def insert_journal(transaction: Connection, entries: Sequence[Entry]) -> None:
    """Write a batch of journal rows."""
    if not entries:
        return
    buckets, accounts, runs, at, steps, flows, actions, outcomes, details = zip(*entries, strict=True)
    await transaction.execute(
        _INSERT,
        numbers(buckets),
        ids(accounts),
        runs,
        moments(at),
        numbers(steps),
        ids(flows),
        numbers(actions),
        outcomes,
        details,
    )


async def journal_of(database: Database | Connection, bucket: int, account_id: str, run_id: uuid.UUID) -> list[Row]:
    """Return the steps of one run in their order: at, step, action_id, outcome, detail."""
    return await database.fetch(_OF_RUN, bucket, account_id, run_id)
