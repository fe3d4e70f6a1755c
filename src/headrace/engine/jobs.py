"""Working off jobs: one slice of one job at a time. Source: DESIGN section 3 (a crash loses no more than a batch).

What is here: the table of kinds, and the runner that any number of workers call. What is not: the queue
(`storage.jobs`) and what the kinds do (the modules named in the table).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from headrace.engine.back_populate import BACK_POPULATE, back_populate
from headrace.engine.core import Core
from headrace.engine.deletions import DELETE, delete_person
from headrace.engine.exits import exit_runs
from headrace.engine.faults import LOST, told
from headrace.engine.held import settle_held
from headrace.engine.inbound_sms import ANSWER, answer_sms
from headrace.engine.late_unsubscriptions import RECORD, record_unsubscription
from headrace.engine.merges import MERGE, merge_profiles
from headrace.engine.profile_imports import IMPORT, import_profiles
from headrace.engine.segment_jobs import evaluate_segment
from headrace.engine.segment_removals import empty_segment
from headrace.engine.subscription_jobs import subscribe_people, unsubscribe_people
from headrace.engine.subscription_rows import SUBSCRIBE, UNSUBSCRIBE
from headrace.engine.suppression_jobs import SUPPRESS, UNSUPPRESS, change_suppressions, take_off_list
from headrace.engine.sweep import Slice
from headrace.storage import jobs
from headrace.storage.flow_states import EXIT_RUNS
from headrace.storage.groups import TAKE_OFF
from headrace.storage.held import DISCARD, RELEASE
from headrace.storage.jobs import Job
from headrace.storage.segments import EMPTY, EVALUATE

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Core, Job], Awaitable[Slice]]
"""Does one slice of a job in transactions of its own; done twice, a slice changes nothing the second time."""

HANDLERS: Mapping[str, Handler] = {
    ANSWER: answer_sms,
    BACK_POPULATE: back_populate,
    DELETE: delete_person,
    DISCARD: settle_held,
    EMPTY: empty_segment,
    EVALUATE: evaluate_segment,
    EXIT_RUNS: exit_runs,
    IMPORT: import_profiles,
    MERGE: merge_profiles,
    RECORD: record_unsubscription,
    RELEASE: settle_held,
    SUBSCRIBE: subscribe_people,
    SUPPRESS: change_suppressions,
    TAKE_OFF: take_off_list,
    UNSUBSCRIBE: unsubscribe_people,
    UNSUPPRESS: change_suppressions,
}


async def run_jobs(core: Core, job_id: str | None = None, account_id: str | None = None) -> int:
    """Work off one slice of the job that has waited longest, or of a certain one; return 1 if anything was done.

    With an `account_id` only that account's jobs are worked off. A slice that fails is tried again later; what the
    database raises when it is away is raised.
    """
    async with core.database.transaction() as transaction:
        job = await jobs.claim(transaction, core.clock.now(), job_id, account_id)
    if job is None:
        return 0
    try:
        done = await _work(core, job)
        core.at("jobs: slice done")
    except LOST:
        raise
    except Exception as error:
        log.exception("a slice of job %s of the kind %s failed", job.job_id, job.kind)
        async with core.database.transaction() as transaction:
            await jobs.fail(transaction, job, told(error), core.clock.now())
        return 0
    async with core.database.transaction() as transaction:
        now = core.clock.now()
        if done.over:
            await jobs.finish(transaction, job.job_id, done.progress, now)
        else:
            await jobs.save_progress(transaction, job, done.progress, now, done.not_before)
    return int(done.moved or done.over)


async def _work(core: Core, job: Job) -> Slice:
    handler = HANDLERS.get(job.kind)
    if handler is None:
        raise ValueError(f"{job.kind!r} is not a kind of job; it must be one of {', '.join(sorted(HANDLERS))}")
    return await handler(core, job)
