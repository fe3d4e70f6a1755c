"""Segments as time goes on: looking again at places whose moment has come.

What is here: the batch that a worker's loop carries out. What is not: what becomes of a place (`segments`).
Source: reference 3.4, DESIGN section 3; see docs/decisions/0012-maintained-segments.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from headrace.engine.core import Core
from headrace.engine.faults import LOST
from headrace.engine.segments import WAIT_FOR_REPAIR, Look, look_again
from headrace.storage.buckets import lock_buckets
from headrace.storage.database import Connection
from headrace.storage.segment_cache import AccountSegments, LoadedSegment
from headrace.storage.segment_members import Due, Place, claim_looks, drop_due, load_due, put_due

log = logging.getLogger(__name__)


async def look_at_due(core: Core, clock: int, buckets: Sequence[int], now: datetime) -> int:
    """Look again at one batch of the places that are due by `now` on a clock, each at its own moment; return how many.

    Of a person those of the earliest moment are taken. Raises what the database raises when it is away. A batch that
    fails otherwise is worked through one by one; what fails alone is tried again after `WAIT_FOR_REPAIR`.
    """
    dues: list[Due] = []
    try:
        async with core.database.transaction() as transaction:
            locked = await lock_buckets(transaction, buckets)
            claimed = await claim_looks(transaction, clock, locked, now, core.limits.entering) if locked else []
            dues = _earliest(claimed)
            await _look(core, transaction, dues)
            core.at("segments: before commit")
    except LOST:
        raise
    except Exception:
        if not dues:
            raise
        return await _one_by_one(core, dues, now)
    core.at("segments: after commit")
    return len(dues)


def _earliest(dues: Sequence[Due]) -> list[Due]:
    first: dict[tuple[str, str], datetime] = {}
    for due in dues:
        key = (due.account_id, due.profile_id)
        first[key] = min(due.due_at, first.get(key, due.due_at))
    return [due for due in dues if due.due_at == first[due.account_id, due.profile_id]]


async def _look(core: Core, transaction: Connection, dues: Sequence[Due]) -> None:
    """Look at places of which each person has one moment only; those that nobody asks for any longer are forgotten."""
    if not dues:
        return
    segments = await core.segments.load(transaction, {due.account_id for due in dues})
    looks: dict[tuple[str, str], Look] = {}
    for due in dues:
        segment = _segment(segments, due)
        if segment is not None:
            key = (due.account_id, due.profile_id)
            look = looks.setdefault(key, Look(due.bucket, *key, due.due_at))
            look.ask(segment, 0, due.starts_nothing)
    await look_again(core, transaction, list(looks.values()), segments)
    await _forget_passed(transaction, dues)


def _segment(segments: Mapping[str, AccountSegments], due: Due) -> LoadedSegment | None:
    own = segments.get(due.account_id)
    return own.by_id.get(due.group_id) if own is not None else None


async def _forget_passed(transaction: Connection, dues: Sequence[Due]) -> None:
    """Forget the moments that are still as they were: of segments and people that are gone, or not read any longer."""
    people = sorted({(due.bucket, due.account_id, due.profile_id) for due in dues})
    left = await load_due(transaction, people, sorted({due.group_id for due in dues}))
    await drop_due(transaction, [due.place for due in dues if left.get(due.place) == due])


async def _one_by_one(core: Core, dues: Sequence[Due], now: datetime) -> int:
    done = 0
    for due in dues:
        try:
            done += await _alone(core, due, None)
        except LOST:
            raise
        except Exception:
            log.exception("the place of profile %s in segment %s waits", due.profile_id, due.group_id)
            done += await _alone(core, due, now + WAIT_FOR_REPAIR)
    return done


async def _alone(core: Core, due: Due, put_off: datetime | None) -> int:
    """Look at one place in a transaction of its own, or put it off; 0 when somebody else has done so meanwhile."""
    async with core.database.transaction() as transaction:
        locked = await lock_buckets(transaction, [due.bucket])
        place: Place = due.place
        if not locked or (await load_due(transaction, [place[:3]], [due.group_id])).get(place) != due:
            return 0
        if put_off is None:
            await _look(core, transaction, [due])
        else:
            await put_due(transaction, [due._replace(due_at=put_off)])
        return 1
