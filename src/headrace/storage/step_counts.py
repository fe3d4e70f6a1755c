"""Counts of what happened at each action of a flow, exact at every moment without a look at the runs.

What is here: the counters, adding to them, folding, reading, and the recount that proves one of them. What is not:
deciding what counts (the engine adds in the transaction of its steps). Follows DESIGN section 5: such a transaction
appends delta rows, one folder per account adds them to the counts, and a reader adds the tail that is not folded yet.

On action 0, which stands for the flow itself: `entered`, `refused` (detail: the reason), `finished`, `exited` (detail:
the reason), and the gauges `held` and `parked`. On each action: the gauge `waiting`, `passed` (carried out, or gone
past), `branch` (detail: the branch), `skipped` and `exited` (detail: the reason), `review`. A gauge gets +1 when a run
comes to stand there and -1 when it goes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from headrace.storage.database import Connection, Database, Row

log = logging.getLogger(__name__)

FLOW = 0
"""The action id under which a flow's own counters stand."""
STEP_FOLD_LOCK = 0x5374_6570
"""The class of the advisory locks, one per account, that a folder holds."""

Key: TypeAlias = tuple[str, str, int, str, str]
"""account id, flow id, action id, counter, detail (empty for counters without one)."""
Counts: TypeAlias = Mapping[Key, int]

_ADD = """
INSERT INTO step_delta (account_id, flow_id, action_id, counter, detail, amount)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::int[])
"""

_ACCOUNTS = """
SELECT account_id FROM account a WHERE EXISTS (SELECT FROM step_delta d WHERE d.account_id = a.account_id)
ORDER BY account_id
"""

_FOLD = """
WITH taken AS (
    DELETE FROM step_delta WHERE account_id = $1 RETURNING flow_id, action_id, counter, detail, amount
), folded AS (
    INSERT INTO step_count (account_id, flow_id, action_id, counter, detail, amount)
    SELECT $1, flow_id, action_id, counter, detail, sum(amount) FROM taken
    GROUP BY flow_id, action_id, counter, detail
    ON CONFLICT (account_id, flow_id, action_id, counter, detail)
        DO UPDATE SET amount = step_count.amount + excluded.amount
)
SELECT count(*) FROM taken
"""

_COUNTS = """
SELECT action_id, counter, detail, sum(amount)::bigint AS amount FROM (
    SELECT action_id, counter, detail, amount FROM step_count WHERE account_id = $1 AND flow_id = $2
    UNION ALL
    SELECT action_id, counter, detail, amount FROM step_delta WHERE account_id = $1 AND flow_id = $2
) AS every
GROUP BY action_id, counter, detail HAVING sum(amount) <> 0
ORDER BY action_id, counter, detail
"""

_WAITING = """
SELECT waiting_in AS action_id, count(*) AS amount
FROM run WHERE account_id = $1 AND flow_id = $2 AND state = 0 AND waiting_in IS NOT NULL GROUP BY 1
"""


async def add_counts(transaction: Connection, counts: Counts) -> None:
    """Add to counters, in one statement; what comes to 0 is left out."""
    rows = [(*key, amount) for key, amount in counts.items() if amount]
    if rows:
        await transaction.execute(_ADD, *map(list, zip(*rows, strict=True)))


async def fold_counts(database: Database) -> int:
    """Fold the deltas of every account that nobody else folds now; return how many were folded.

    An account that cannot be folded keeps its deltas, which readers add, and holds up no other.
    """
    folded, failure = 0, None
    for row in await database.fetch(_ACCOUNTS):
        try:
            folded += await _fold(database, row["account_id"])
        except Exception as error:
            log.exception("the step counts of account %s could not be folded", row["account_id"])
            failure = error
    if failure is not None:
        raise failure
    return folded


async def _fold(database: Database, account_id: str) -> int:
    async with database.transaction() as transaction:
        if not await transaction.fetch_value(
            "SELECT pg_try_advisory_xact_lock($1, hashtext($2))", STEP_FOLD_LOCK, account_id
        ):
            return 0
        count: int = await transaction.fetch_value(_FOLD, account_id)
        return count


async def counts_of(database: Database | Connection, account_id: str, flow_id: str) -> list[Row]:
    """Return a flow's counters that are not 0: action_id, counter, detail, amount; by these, ascending."""
    return await database.fetch(_COUNTS, account_id, flow_id)


async def recount_waiting(database: Database | Connection, account_id: str, flow_id: str) -> dict[int, int]:
    """Return action id -> waiting runs, counted from the runs themselves by `run.waiting_in`.

    A run that is about to begin waits nowhere. It reads all runs of the account: for tests.
    """
    return {row["action_id"]: row["amount"] for row in await database.fetch(_WAITING, account_id, flow_id)}


def waiting_of(rows: Iterable[Row]) -> dict[int, int]:
    """Return action id -> the `waiting` gauge, among rows of `counts_of`."""
    return {row["action_id"]: row["amount"] for row in rows if row["counter"] == "waiting"}


@dataclass(slots=True)
class ActionCounts:
    """The counters of one action, or of the flow itself: plain ones by name, the others by name and detail."""

    plain: dict[str, int] = field(default_factory=dict)
    detailed: dict[str, dict[str, int]] = field(default_factory=dict)


def by_action(rows: Iterable[Row]) -> dict[int, ActionCounts]:
    """Return rows of `counts_of` by action; `FLOW` stands for the flow itself."""
    found: dict[int, ActionCounts] = {}
    for row in rows:
        counts = found.setdefault(row["action_id"], ActionCounts())
        if row["counter"] in DETAILED:
            counts.detailed.setdefault(row["counter"], {})[row["detail"]] = row["amount"]
        else:
            counts.plain[row["counter"]] = row["amount"]
    return found


DETAILED = frozenset(("branch", "exited", "refused", "skipped"))
"""The counters that are kept by reason or branch."""
FLOW_PLAIN = ("entered", "finished", "held", "parked")
FLOW_DETAILED = ("exited", "refused")
ACTION_PLAIN = ("waiting", "passed", "review")


def counts_document(rows: Sequence[Row], actions: Sequence[Row]) -> dict[str, Any]:
    """Return a flow's counts as the API and the command line show them.

    `actions` (action_id, type, name, deleted_at) are the flow's in the order to show; a deleted one that was never
    reached is left out.
    """
    found = by_action(rows)
    flow = found.pop(FLOW, ActionCounts())
    shown = [one for one in actions if one["deleted_at"] is None or one["action_id"] in found]
    return {
        **{name: flow.plain.get(name, 0) for name in FLOW_PLAIN},
        **{name: flow.detailed.get(name, {}) for name in FLOW_DETAILED},
        "actions": [_action(one, found.get(one["action_id"], ActionCounts())) for one in shown],
    }


def _action(row: Row, counts: ActionCounts) -> dict[str, Any]:
    return {
        "id": str(row["action_id"]),
        "type": row["type"],
        "name": row["name"],
        "deleted": row["deleted_at"] is not None,
        **{name: counts.plain.get(name, 0) for name in ACTION_PLAIN},
        "skipped": counts.detailed.get("skipped", {}),
        "exited": counts.detailed.get("exited", {}),
        "branches": counts.detailed.get("branch", {}),
    }


_ACTIONS = """
SELECT action_id, type, coalesce(definition #>> '{data,message,name}', definition #>> '{data,name}') AS name, deleted_at
FROM flow_action WHERE account_id = $1 AND flow_id = $2 ORDER BY action_id
"""


async def flow_counts(database: Database | Connection, account_id: str, flow_id: str) -> dict[str, Any]:
    """Return the counts of a flow that exists, as `counts_document` describes them."""
    rows = await counts_of(database, account_id, flow_id)
    return counts_document(rows, await database.fetch(_ACTIONS, account_id, flow_id))
