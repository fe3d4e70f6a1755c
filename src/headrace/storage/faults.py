"""Faults: what a tester lets go wrong. Times here are system time.

What is here: keeping faults, and using one up. What is not: how a request is answered that meets one (`api.faults`).
Our choice: all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.storage.database import Connection, Database, Row

KEPT = timedelta(days=1)
"""How long a fault is still shown after it was made and used up."""

_INSERT = """
INSERT INTO fault (fault_id, account_id, operation, status, latency_ms, retry_after, remaining, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (SELECT count(*) FROM fault WHERE account_id = $2 AND remaining > 0) < $9
"""

_USE = """
UPDATE fault SET remaining = remaining - 1
WHERE fault_id = (
    SELECT fault_id FROM fault
    WHERE account_id = $1 AND (operation IS NULL OR operation = $2) AND remaining > 0
    ORDER BY created_at, fault_id LIMIT 1 FOR UPDATE
)
RETURNING status, latency_ms, retry_after
"""
"""Whoever waits for the row of somebody else looks at it again, and at the next one where it is used up."""

_LIST = """
SELECT fault_id, operation, status, latency_ms, retry_after, remaining, created_at
FROM fault WHERE account_id = $1 ORDER BY created_at, fault_id
"""

_DELETE = "DELETE FROM fault WHERE account_id = $1 AND ($2::text IS NULL OR fault_id = $2)"

_CLEAN = "DELETE FROM fault WHERE remaining = 0 AND created_at < $1"


@dataclass(frozen=True, slots=True)
class Met:
    """What a request meets: an answer with `status` (None: the usual one) after `latency_ms` milliseconds."""

    status: int | None
    latency_ms: int
    retry_after: int | None


@dataclass(frozen=True, slots=True)
class NewFault:
    """A fault to be kept: of the next `count` requests of an operation, or of any (None)."""

    fault_id: str
    operation: str | None
    status: int | None
    latency_ms: int
    retry_after: int | None
    count: int


async def add_fault(transaction: Connection, account_id: str, fault: NewFault, now: datetime, most: int) -> bool:
    """Keep a fault; False, and nothing is kept, when the account has `most` of them that are not used up."""
    values = (fault.operation, fault.status, fault.latency_ms, fault.retry_after, fault.count)
    tag = await transaction.execute(_INSERT, fault.fault_id, account_id, *values, now, most)
    return tag.endswith(" 1")


async def use_fault(database: Database, account_id: str, operation: str) -> Met | None:
    """Use up one of the oldest fault that concerns an operation and return it, None when there is none left.

    Exact over any number of processes and concurrent requests.
    """
    row = await database.fetch_row(_USE, account_id, operation)
    return None if row is None else Met(row["status"], row["latency_ms"], row["retry_after"])


async def list_faults(database: Database, account_id: str) -> Sequence[Row]:
    """Return the account's faults, oldest first, those used up among them."""
    return await database.fetch(_LIST, account_id)


async def delete_faults(transaction: Connection, account_id: str, fault_id: str | None = None) -> int:
    """Remove one fault, or all of them, and return how many that were."""
    tag = await transaction.execute(_DELETE, account_id, fault_id)
    return int(tag.rpartition(" ")[2])


async def clean(transaction: Connection, now: datetime) -> None:
    """Remove faults that were used up and made more than a day ago."""
    await transaction.execute(_CLEAN, now - KEPT)
