"""Mapped metrics: which metric, or custom metric, stands for revenue, carts and so on in an account.

What is here: the mappings there are, setting one, and what one stands for. What is not: reading them for the API.
Source: the ids of mapped metrics in the 2026-07-15 description. Our choice: any mapping takes a custom metric, because
the description names none that does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headrace.errors import Invalid
from headrace.storage.custom_metrics import lock_metrics
from headrace.storage.database import Connection

REVENUE = "revenue"
MAPPINGS = (
    "added_to_cart",
    "cancelled_sales",
    "ordered_product",
    "refunded_sales",
    REVENUE,
    "started_checkout",
    "viewed_product",
)

_READ = "SELECT metric_id, custom_metric_id FROM mapped_metric WHERE account_id = $1 AND mapping = $2"
_WRITE = """
INSERT INTO mapped_metric (account_id, mapping, metric_id, custom_metric_id, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, mapping) DO UPDATE
SET metric_id = EXCLUDED.metric_id, custom_metric_id = EXCLUDED.custom_metric_id, updated_at = EXCLUDED.updated_at
"""
_METRIC = "SELECT 1 FROM metric WHERE account_id = $1 AND metric_id = $2"
_CUSTOM_METRIC = "SELECT 1 FROM custom_metric WHERE account_id = $1 AND custom_metric_id = $2"


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping stands for; at most one of the two is given."""

    metric_id: str | None = None
    custom_metric_id: str | None = None


async def mapped(connection: Connection, account_id: str, mapping: str) -> Mapped:
    """Return what a mapping of an account stands for."""
    row = await connection.fetch_row(_READ, account_id, mapping)
    return Mapped() if row is None else Mapped(row["metric_id"], row["custom_metric_id"])


async def map_metric(transaction: Connection, account_id: str, mapping: str, to: Mapped, now: datetime) -> None:
    """Let a mapping stand for something else, or for nothing; raises `Invalid` for what the account does not have."""
    await lock_metrics(transaction, account_id)
    if to.metric_id is not None:
        await _check(transaction, _METRIC, account_id, "metric", to.metric_id)
    if to.custom_metric_id is not None:
        await _check(transaction, _CUSTOM_METRIC, account_id, "custom-metric", to.custom_metric_id)
    await transaction.execute(_WRITE, account_id, mapping, to.metric_id, to.custom_metric_id, now)


async def _check(transaction: Connection, statement: str, account_id: str, kind: str, given: str) -> None:
    if await transaction.fetch_value(statement, account_id, given) is None:
        raise Invalid(
            f'There is no {kind} with the id "{given}" in this account.',
            pointer=f"/data/relationships/{kind}/data/id",
        )
