"""The review queue: releasing messages of manual actions, with every check made then, or canceling them.

A release works in batches, each in a transaction of its own under the locks of its buckets: a crash leaves whole
batches done and the others still under review, and asking again goes on. A message is released at most once.
Source: reference 1.1 (manual), DESIGN section 3 (the bucket is the unit of work).

Our choice: a message that was queued while its action was live goes out, though the action be manual when it is handed
over; one that quiet hours held at its step is put up for review when they end.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.engine.core import Core
from headrace.engine.review_desk import judge_all, load_desk
from headrace.model import DeliveryState
from headrace.storage.account_clocks import load_accounts
from headrace.storage.buckets import wait_for_buckets
from headrace.storage.database import Row
from headrace.storage.journal import insert_journal
from headrace.storage.review import (
    Chosen,
    Settled,
    find_review,
    set_steps,
    settle_review,
    take_review,
)
from headrace.storage.step_counts import Key, add_counts

__all__ = ["Chosen", "Released", "cancel", "release"]

AT_ONCE = 500
"""Messages of one transaction."""
MOST = 10_000
"""Messages of one call."""


@dataclass(slots=True)
class Released:
    """What became of messages under review.

    `released` are on their way, those among them that wait for the end of quiet hours also count as `held`. `skipped`
    counts by reason. `unknown` are named messages that were not under review (any longer). `remaining` tells whether
    more were meant than one call works on.
    """

    released: int = 0
    held: int = 0
    canceled: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    remaining: bool = False

    @property
    def settled(self) -> int:
        """How many messages left the queue."""
        return self.released + self.canceled + self.skipped.total()

    def plus(self, later: Released) -> Released:
        """Return the sum of this call and a later one that went on with what remained."""
        return Released(
            self.released + later.released,
            self.held + later.held,
            self.canceled + later.canceled,
            self.skipped + later.skipped,
            self.unknown,
            later.remaining,
        )

    def document(self) -> dict[str, Any]:
        """Return it as the API and the command line show it."""
        return {
            "released": self.released,
            "held": self.held,
            "skipped": dict(sorted(self.skipped.items())),
            "canceled": self.canceled,
            "unknown": self.unknown,
            "remaining": self.remaining,
        }


async def release(core: Core, account_id: str, chosen: Chosen, *, limit: int = MOST) -> Released:
    """Let messages under review go out, as far as they pass every gate now, by the flow as it stands now.

    At most `limit` at once, the oldest first; where more remain, ask again. What went out, was skipped or canceled
    before is left alone.

    Source: reference 1.1, 4.2. Our choice: a message that quiet hours hold is queued for their end; it is judged at
    that moment and not asked for filters and smart sending once more.
    """
    return await _work_off(core, account_id, chosen, limit, canceling=False)


async def cancel(core: Core, account_id: str, chosen: Chosen, *, limit: int = MOST) -> Released:
    """Take messages out of the review queue for good; limits and repetition as in `release`."""
    return await _work_off(core, account_id, chosen, limit, canceling=True)


async def _work_off(core: Core, account_id: str, chosen: Chosen, limit: int, *, canceling: bool) -> Released:
    done = Released()
    keys = await find_review(core.database, account_id, chosen, limit + 1)
    done.unknown = len(chosen.delivery_ids or ()) - len(keys) if chosen.delivery_ids is not None else 0
    done.remaining = len(keys) > limit
    # By bucket, so that a batch holds few of them; the order within a person stays, for a person has one bucket.
    keys = sorted(keys[:limit], key=lambda key: key[0])
    for at in range(0, len(keys), AT_ONCE):
        await _batch(core, account_id, keys[at : at + AT_ONCE], canceling, done)
    return done


async def _batch(
    core: Core, account_id: str, keys: Sequence[tuple[int, uuid.UUID]], canceling: bool, done: Released
) -> None:
    now = (await load_accounts(core.database, [account_id]))[account_id].now(core.clock)
    await core.partitions.ensure("journal", {now})
    async with core.database.transaction() as transaction:
        await wait_for_buckets(transaction, [bucket for bucket, _ in keys])
        time = (await load_accounts(transaction, [account_id]))[account_id]
        rows, runs = await take_review(transaction, account_id, keys)
        desk = await load_desk(core, transaction, time, rows, runs, now)
        verdicts = [desk.cancel(row) for row in rows] if canceling else await judge_all(transaction, desk, rows)
        settled = [one for one in verdicts if one is not None]
        await settle_review(transaction, account_id, settled, now, time.account.clock)
        wakes = list(desk.wakes.values())
        await insert_journal(transaction, [entry for wake in wakes for entry in wake.journal])
        await set_steps(transaction, account_id, [(one.bucket, one.run_id, one.steps) for one in wakes])
        await add_counts(transaction, _recounted(account_id, rows, settled))
    _tell(done, settled, now)


def _recounted(account_id: str, rows: Sequence[Row], settled: Sequence[Settled]) -> dict[Key, int]:
    """Return how the counts of actions change: a message that does not go out was skipped and did not pass."""
    places = {row["delivery_id"]: (account_id, row["flow_id"], row["action_id"]) for row in rows}
    counts: Counter[Key] = Counter()
    for one in settled:
        if one.state != DeliveryState.QUEUED:
            counts[*places[one.delivery_id], "passed", ""] -= 1
            counts[*places[one.delivery_id], "skipped", one.reason or ""] += 1
    return dict(counts)


def _tell(done: Released, settled: Sequence[Settled], now: datetime) -> None:
    for one in settled:
        match one.state:
            case DeliveryState.QUEUED:
                done.released += 1
                done.held += one.due_at > now
            case DeliveryState.CANCELED:
                done.canceled += 1
            case _:
                done.skipped[one.reason or ""] += 1
