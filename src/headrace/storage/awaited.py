"""Runs that wait for the result of a message: giving it to them and letting them go on.

Whoever records a result does not hold the run's bucket. That is safe, because the statement below changes nothing but a
row that waits, still, for exactly this delivery:

- A worker may have read the run just before, because its patience was over. Its update and this statement meet at the
  row's lock. If the worker's comes first, this one looks at the row again and finds that it awaits something else, or
  nothing. If the worker's comes second, the run goes on as one whose patience was over: all that this statement wrote
  is overwritten, but for the output, which stays for later steps to see.
- No two recorders touch the same run: a run awaits one delivery, and a delivery belongs to one claim.
- Should somebody hold runs and wait for deliveries while a recorder does it the other way round, PostgreSQL ends one of
  them, and a recorder that was ended records once more.
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
