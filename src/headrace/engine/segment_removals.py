"""Deleted segments: taking everybody out, slice by slice.

What is here: a job's one slice. What is not: the statements, and what the request does at once (`storage.segments`).
First the members go, whom no condition counts any longer, then the moments at which places would be looked at again.
Nothing follows from either: no flow begins, and what was recorded of joins stays. Source: DESIGN section 3.
"""

from __future__ import annotations

from headrace.engine.core import Core
from headrace.engine.segment_jobs import PEOPLE
from headrace.engine.sweep import Slice
from headrace.ids import BUCKETS
from headrace.storage.jobs import Job
from headrace.storage.segment_evaluation import people_a_bucket
from headrace.storage.segments import SEGMENT, forget_looks_of, take_out_members

BUCKETS_DONE = "buckets"
"""The entry of the job's progress that counts the buckets whose looks are forgotten."""


async def empty_segment(core: Core, job: Job) -> Slice:
    """Take a slice of the members out of a segment that is gone; when all are, forget the looks of some buckets."""
    begin = int(job.progress.get(BUCKETS_DONE, 0))
    async with core.database.transaction() as transaction:
        place = (transaction, job.account_id, job.arguments[SEGMENT])
        if await take_out_members(*place):
            return Slice(job.progress, over=False, moved=True)
        a_bucket = await people_a_bucket(transaction, job.account_id, PEOPLE)
        end = min(BUCKETS, begin + max(1, PEOPLE // max(1, a_bucket)))
        await forget_looks_of(*place, range(begin, end))
    return Slice({**job.progress, BUCKETS_DONE: end}, over=end == BUCKETS, moved=True)
