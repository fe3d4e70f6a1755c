"""The guard against mass entries: how many runs a flow began in the present window.

The row of a flow is locked while a batch of its entries is decided, so workers decide one after the other; only
accounts that set a limit have such rows. Source: DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.storage.database import Connection

_LOCK = """
INSERT INTO entry_guard AS g (flow_id, account_id, window_began_at, entered)
SELECT flow_id, $1, $2, 0 FROM unnest($3::text[]) AS asked (flow_id) ORDER BY flow_id
ON CONFLICT (flow_id) DO UPDATE SET
    entered = CASE WHEN g.window_began_at <= $2 - $4::interval THEN 0 ELSE g.entered END,
    window_began_at = CASE WHEN g.window_began_at <= $2 - $4::interval THEN $2 ELSE g.window_began_at END
RETURNING flow_id, entered, holding_since
"""
_COUNT = """
UPDATE entry_guard g SET entered = g.entered + more.entered,
    holding_since = CASE WHEN more.holds THEN coalesce(g.holding_since, $1) ELSE g.holding_since END
FROM unnest($2::text[], $3::int[], $4::boolean[]) AS more (flow_id, entered, holds) WHERE g.flow_id = more.flow_id
"""
_CLEAR = """
UPDATE entry_guard SET holding_since = NULL, entered = 0, window_began_at = $3
WHERE account_id = $1 AND flow_id = $2 AND holding_since IS NOT NULL RETURNING flow_id
"""


@dataclass(frozen=True, slots=True)
class Guard:
    """How many entered a flow in the present window, and whether its entries are held."""

    entered: int
    holding: bool


async def lock_guards(
    transaction: Connection, account_id: str, flow_ids: list[str], at: datetime, window: timedelta
) -> dict[str, Guard]:
    """Lock and return the guards of flows; a window that is over begins anew at `at` (the account's time)."""
    rows = await transaction.fetch(_LOCK, account_id, at, sorted(flow_ids), window)
    return {row["flow_id"]: Guard(row["entered"], row["holding_since"] is not None) for row in rows}


async def count_entries(transaction: Connection, entries: Mapping[str, tuple[int, bool]], at: datetime) -> None:
    """Note for each flow how many entered more, and whether its entries are held from now on."""
    flow_ids = sorted(entries)
    counts, holds = [entries[one][0] for one in flow_ids], [entries[one][1] for one in flow_ids]
    await transaction.execute(_COUNT, at, flow_ids, counts, holds)


async def clear_guard(transaction: Connection, account_id: str, flow_id: str, at: datetime) -> bool:
    """Let a flow's entries pass again and begin a new window; False when they were not held."""
    return await transaction.fetch_value(_CLEAR, account_id, flow_id, at) is not None
