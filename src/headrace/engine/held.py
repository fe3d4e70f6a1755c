"""The job that lets in, or discards, the people whose entry was held because too many came at once."""

from __future__ import annotations

from headrace.engine.core import Core
from headrace.engine.sweep import Batch, Slice, sweep
from headrace.storage.held import DISCARDED, RELEASE, move_held
from headrace.storage.jobs import FLOW, Job
from headrace.storage.journal import insert_journal
from headrace.storage.step_counts import FLOW as OF_FLOW
from headrace.storage.step_counts import Key, add_counts


async def settle_held(core: Core, job: Job) -> Slice:
    """Release or discard at most one batch of held runs, as the job's kind says."""
    flow_id: str = job.arguments[FLOW]
    released = job.kind == RELEASE

    async def work(batch: Batch) -> int:
        rows = await move_held(
            batch.transaction, job.kind, batch.buckets, job.account_id, flow_id, batch.now, batch.limit
        )
        outcome, detail = ("released", None) if released else ("exited", {"reason": DISCARDED})
        await insert_journal(
            batch.transaction,
            [
                (row["bucket"], job.account_id, row["run_id"], batch.now, row["step"], flow_id, None, outcome, detail)
                for row in rows
            ],
        )
        await add_counts(batch.transaction, _counts(job.account_id, flow_id, len(rows), released))
        return len(rows)

    return await sweep(core, job, work, "released" if released else "discarded")


def _counts(account_id: str, flow_id: str, runs: int, released: bool) -> dict[Key, int]:
    """Return what moving held runs adds to the flow's counts: whoever was held counts as entered from now on.

    Our choice: so do those who are discarded, so that who entered is always inside, finished or exited.
    """
    counts = {
        (account_id, flow_id, OF_FLOW, "held", ""): -runs,
        (account_id, flow_id, OF_FLOW, "entered", ""): runs,
    }
    if not released:
        counts[account_id, flow_id, OF_FLOW, "exited", DISCARDED] = runs
    return counts
