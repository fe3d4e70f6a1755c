"""Experiments: which of them there are, what their variations brought, and how they ended.

What is here: statements. What is not: judging the figures (`headrace.reports.experiments`) and ending an experiment
(`headrace.engine.experiments`). Figures are those of the reports: roll-ups by month with the deltas that are not folded
yet, so that they are exact at every moment. Source: reference 2.4, DESIGN section 5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.storage.database import Connection, Database, Row

TYPES = ("ab-test", "content-experiment")
"""The types of actions that hold an experiment."""
PLACED_ORDER = "Placed Order"
"""The metric of `unique-placed-orders`, whatever integration it came from."""

_COLUMNS = """a.account_id, a.flow_id, a.action_id, a.type, a.definition, f.status AS flow_status,
    f.archived OR f.deleted_at IS NOT NULL AS flow_closed, a.deleted_at IS NOT NULL AS deleted,
    e.experiment_id, e.began_at, e.ended_at, e.winner, e.reason, e.figures"""

_SWEPT = f"""
SELECT {_COLUMNS} FROM flow_action a JOIN flow f USING (flow_id)
LEFT JOIN experiment e ON e.account_id = a.account_id AND e.action_id = a.action_id AND e.ended_at IS NULL
WHERE a.type = ANY($1) AND ($2::text[] IS NULL OR a.account_id = ANY($2)) AND (
    e.experiment_id IS NOT NULL OR (a.deleted_at IS NULL AND f.deleted_at IS NULL AND NOT f.archived)
)
ORDER BY a.account_id, a.flow_id, a.action_id
"""

_OF_FLOW = f"""
SELECT {_COLUMNS} FROM flow_action a JOIN flow f USING (flow_id)
JOIN experiment e ON e.account_id = a.account_id AND e.action_id = a.action_id
WHERE a.account_id = $1 AND a.flow_id = $2
ORDER BY a.action_id, e.began_at
"""

_LOCK = """
SELECT experiment_id FROM experiment
WHERE account_id = $1 AND action_id = $2 AND experiment_id = $3 AND ended_at IS NULL FOR UPDATE
"""

_BEGIN = """
INSERT INTO experiment (account_id, action_id, experiment_id, flow_id, began_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, action_id, experiment_id) DO UPDATE
SET began_at = excluded.began_at, ended_at = NULL, winner = NULL, reason = NULL
WHERE experiment.ended_at IS NOT NULL
"""

_MEASURE = """
UPDATE experiment SET figures = $4
WHERE account_id = $1 AND action_id = $2 AND experiment_id = $3 AND ended_at IS NULL
"""

_END = """
UPDATE experiment SET figures = $4, ended_at = $5, winner = $6, reason = $7
WHERE account_id = $1 AND action_id = $2 AND experiment_id = $3 AND ended_at IS NULL
"""

_MESSAGES = """
SELECT variation, sum(delivered) AS recipients, sum(opens_unique) AS opens, sum(clicks_unique) AS clicks FROM (
    SELECT variation, delivered, opens_unique, clicks_unique FROM message_rollup
    WHERE account_id = $1 AND grain = 2 AND flow_id = $2 AND variation = ANY($3)
    UNION ALL
    SELECT variation, delivered, opens_unique, clicks_unique FROM message_delta
    WHERE account_id = $1 AND flow_id = $2 AND variation = ANY($3)
) AS every GROUP BY variation
"""

_ORDERS = """
SELECT variation, sum(conversion_uniques) AS orders FROM (
    SELECT variation, metric_id, conversion_uniques FROM conversion_rollup
    WHERE account_id = $1 AND grain = 2 AND flow_id = $2 AND variation = ANY($3)
    UNION ALL
    SELECT variation, metric_id, conversion_uniques FROM conversion_delta
    WHERE account_id = $1 AND flow_id = $2 AND variation = ANY($3)
) AS every JOIN metric m USING (metric_id) WHERE m.account_id = $1 AND m.name = $4 GROUP BY variation
"""


@dataclass(frozen=True, slots=True)
class Brought:
    """What one variation brought: messages delivered, and how many of them were opened, clicked and led to an order."""

    recipients: int = 0
    opens: int = 0
    clicks: int = 0
    orders: int = 0


async def swept(database: Database | Connection, account_ids: Collection[str] | None = None) -> list[Row]:
    """Return every action that holds an experiment, or held one that has not ended yet, with that open experiment.

    All accounts unless some are named. `experiment_id` and what follows it are null where none is open.
    """
    return await database.fetch(_SWEPT, list(TYPES), None if account_ids is None else list(account_ids))


async def experiments_of(database: Database | Connection, account_id: str, flow_id: str) -> list[Row]:
    """Return a flow's experiments, open and ended ones, in the order of their actions and beginnings."""
    return await database.fetch(_OF_FLOW, account_id, flow_id)


async def begin(connection: Connection, row: Row, experiment_id: str, now: datetime) -> None:
    """Note that the experiment of an action (a row of `swept`) begins; one that had ended begins anew."""
    place = (row["account_id"], row["action_id"], experiment_id, row["flow_id"], now)
    await connection.execute(_BEGIN, *place)


async def lock_open(connection: Connection, row: Row) -> bool:
    """Lock an open experiment until the transaction ends; False when it has ended meanwhile."""
    return await connection.fetch_value(_LOCK, *_key(row)) is not None


async def save_figures(connection: Connection, row: Row, figures: Mapping[str, Any]) -> None:
    """Write the figures of an open experiment."""
    await connection.execute(_MEASURE, *_key(row), dict(figures))


async def end(
    connection: Connection, row: Row, figures: Mapping[str, Any], now: datetime, winner: str | None, reason: str
) -> None:
    """Note that an experiment ended: when, which variation won, and why."""
    await connection.execute(_END, *_key(row), dict(figures), now, winner, reason)


async def brought_by(
    database: Database | Connection, account_id: str, flow_id: str, variations: Sequence[str]
) -> dict[str, Brought]:
    """Return what each of the variations brought so far."""
    place = (account_id, flow_id, list(variations))
    orders = {row["variation"]: int(row["orders"]) for row in await database.fetch(_ORDERS, *place, PLACED_ORDER)}
    messages = {row["variation"]: row for row in await database.fetch(_MESSAGES, *place)}
    return {one: _brought(messages.get(one), orders.get(one, 0)) for one in variations}


def _brought(row: Row | None, orders: int) -> Brought:
    if row is None:
        return Brought(orders=orders)
    return Brought(int(row["recipients"]), int(row["opens"]), int(row["clicks"]), orders)


def _key(row: Row) -> tuple[str, int, str]:
    return row["account_id"], row["action_id"], row["experiment_id"]
