"""The job that lets everybody out of a flow that was closed. Source: reference 1.1 (flow deleted or archived)."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.engine.advance import advance_wakes
from headrace.engine.core import Core
from headrace.engine.sweep import Batch, Slice, sweep
from headrace.engine.wake import Counted, Wake
from headrace.model import RunState
from headrace.storage.database import Row
from headrace.storage.jobs import FLOW, Job
from headrace.storage.runs import COLUMNS
from headrace.storage.step_counts import FLOW as FLOW_ITSELF

GAUGES: Mapping[int, tuple[Counted, ...]] = {
    int(RunState.PARKED): ((FLOW_ITSELF, "parked", "", -1),),
    int(RunState.HELD): ((FLOW_ITSELF, "held", "", -1), (FLOW_ITSELF, "entered", "", 1)),
}
"""What runs that do not wait take with them from the flow's gauges; a held one counts as entered when it is let out."""

_LOCK = "SELECT archived OR deleted_at IS NOT NULL AS closed FROM flow WHERE flow_id = $1 FOR SHARE"

_WAITING = f"""
SELECT {COLUMNS}, state FROM run
WHERE clock = $5 AND bucket = ANY($1) AND account_id = $2 AND flow_id = $3 AND state = 0 LIMIT $4
"""
_OTHERS = f"""
SELECT {COLUMNS}, state FROM run
WHERE bucket = ANY($1) AND account_id = $2 AND flow_id = $3 AND state IN (3, 4) LIMIT $4
FOR NO KEY UPDATE
"""


async def exit_runs(core: Core, job: Job) -> Slice:
    """End at most one batch of the runs of a closed flow, waiting, parked and held ones.

    They leave for the reason for which they would when they are due. A flow that is open lets nobody out.
    """

    async def work(batch: Batch) -> int:
        if not await batch.transaction.fetch_value(_LOCK, job.arguments[FLOW]):
            return 0
        rows = await _inside(batch, job)
        wakes = [Wake(row, batch.now) for row in rows]
        for wake in wakes:
            # Who leaves early has not passed the delay that they are in.
            wake.counted = list(GAUGES.get(wake.row["state"], ()))
        await advance_wakes(core, batch.transaction, wakes)
        return len(rows)

    return await sweep(core, job, work, "exited")


async def _inside(batch: Batch, job: Job) -> list[Row]:
    """Return a batch of the runs inside; those that wait are found by their index, the others once these are gone."""
    place = (list(batch.buckets), job.account_id, job.arguments[FLOW])
    waiting = await batch.transaction.fetch(_WAITING, *place, batch.limit, batch.account.account.clock)
    if len(waiting) == batch.limit:
        return waiting
    return waiting + await batch.transaction.fetch(_OTHERS, *place, batch.limit - len(waiting))
