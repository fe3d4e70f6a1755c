"""Unsubscriptions from messages that are still being recorded as sent: the job that counts them afterwards.

People may be faster than the worker that waits for its provider's answers. Their consent changes at once; the event and
the message's statistics follow as soon as the delivery has come to an end. Source: DESIGN section 3 (sending).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from headrace.engine.core import Core
from headrace.engine.sweep import Slice
from headrace.ids import bucket_of
from headrace.messages.tokens import Payload
from headrace.model import Channel
from headrace.storage import jobs
from headrace.storage.aliases import follow_one
from headrace.storage.consenting import consent_events, make_room
from headrace.storage.consents import UNSUBSCRIBED, Changed, ConsentChange
from headrace.storage.delivery_channels import deliveries_under_way
from headrace.storage.interactions import Interaction, Kind, record_interactions
from headrace.storage.jobs import Job
from headrace.storage.own_events import write_own_events

RECORD = "record-unsubscription"
"""The kind of job."""
LOOK_AGAIN = timedelta(seconds=2)


def arguments(payload: Payload, channel: Channel, at: datetime, method: str) -> dict[str, Any]:
    """Return the arguments of a job; `at` is the account's time."""
    return {
        "profile_id": payload.profile_id,
        "delivery_id": str(payload.delivery_id),
        "channel": int(channel),
        "at": at.isoformat(),
        "method": method,
    }


async def record_unsubscription(core: Core, job: Job) -> Slice:
    """Record the unsubscription with its message; where that was never sent, without it."""
    told = job.arguments
    at, channel, delivery_id = datetime.fromisoformat(told["at"]), Channel(told["channel"]), UUID(told["delivery_id"])
    profile_id = await follow_one(core.database, job.account_id, told["profile_id"])
    bucket = bucket_of(profile_id)
    item = Interaction(Kind.UNSUBSCRIBED, channel, bucket, delivery_id, at, key="link")
    prepared = await core.recorder.prepare(job.account_id, [item])
    room = await make_room(core.own_events, job.account_id, 1, [at])
    async with core.database.transaction() as transaction:
        if await deliveries_under_way(transaction, job.account_id, [(bucket, delivery_id)]):
            return Slice(job.progress, over=False, moved=False, not_before=core.clock.now() + LOOK_AGAIN)
        progress = {**job.progress, "recorded": True}
        if not await jobs.keep_progress(transaction, job, progress):
            raise RuntimeError(f"job {job.job_id} was done by somebody else meanwhile")
        if not job.progress.get("recorded") and not await record_interactions(transaction, prepared):
            change = ConsentChange(profile_id, channel, UNSUBSCRIBED, at, told["method"])
            await write_own_events(transaction, room, consent_events([Changed(change, None)]), at)
    return Slice(progress, over=True, moved=True)
