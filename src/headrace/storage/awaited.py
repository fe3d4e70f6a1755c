"""Runs that wait for the result of a message: giving it to them and letting them go on.

Whoever records a result does not hold the run's bucket. That is safe, because the statement below changes nothing but a
row that waits, still, for exactly this delivery:

- A worker that claimed the run (its patience was over) holds the row's lock; this statement waits for its commit and
  then finds that `awaits` is empty or that the run has ended. The worker's own update, in turn, writes a row that it
  locked when it read it.
- No two recorders touch the same run at once: a run awaits one delivery, and a delivery belongs to one claim.
- There is no circle of locks: the recorder takes deliveries first, then runs, and who holds runs never waits for the
  lock of a delivery that is recorded, but only inserts deliveries of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.storage.database import Connection

_SETTLE = """
UPDATE run r SET outputs = coalesce(r.outputs, '{}'::jsonb) || jsonb_build_object(s.action_id::text, s.output),
    awaits = NULL, resume_at = s.at
FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[], $7::jsonb[])
    AS s (bucket, account_id, run_id, delivery_id, action_id, at, output)
WHERE r.bucket = s.bucket AND r.account_id = s.account_id AND r.run_id = s.run_id
    AND r.awaits = s.delivery_id AND r.state = 0
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of a delivery, as the run that may await it gets it.

    `at` is the delivery's moment in domain time, at which the run goes on. `output` has the keys status, body, error.
    """

    bucket: int
    account_id: str
    run_id: uuid.UUID
    delivery_id: uuid.UUID
    action_id: int
    at: datetime
    output: Mapping[str, Any]


async def settle_awaited(transaction: Connection, settled: Sequence[Settled]) -> None:
    """Give results to the runs that wait for them and make those runs due; the others are left alone."""
    if settled:
        inorder = sorted(settled, key=lambda one: (one.account_id, one.bucket, one.run_id))
        columns = [[getattr(one, name) for one in inorder] for name in Settled.__slots__]
        await transaction.execute(_SETTLE, *columns)
