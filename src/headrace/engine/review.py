"""The review queue: releasing messages of manual actions, with every check made then, or canceling them.

A release works in batches, each in a transaction of its own under the locks of its buckets: a crash leaves whole
batches done and the others still under review, and asking again goes on. A message is released at most once.
Source: reference 1.1 (manual), DESIGN section 3 (the bucket is the unit of work).
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from headrace.engine.core import Core
from headrace.engine.loading import load_needs, load_triggers
from headrace.engine.permissions import Permissions, load_permissions
from headrace.engine.sends import LastSends, facts_of, load_last_sends
from headrace.engine.wake import Wake
from headrace.flows.actions.sending import CompiledSend
from headrace.flows.step import Send
from headrace.messages.gates import AT_STEP, Held, SendFacts, Skipped, ask
from headrace.model import Channel, DeliveryState
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.database import Connection, Row
from headrace.storage.facts import load_profiles
from headrace.storage.flow_cache import LoadedFlow
from headrace.storage.journal import insert_journal
from headrace.storage.review import (
    Chosen,
    Settled,
    find_review,
    set_steps,
    settle_review,
    take_review,
    wait_for_buckets,
)
from headrace.storage.step_counts import Key, add_counts

__all__ = ["Chosen", "Released", "cancel", "release"]

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Messages of one transaction."""
MOST = 10_000
"""Messages of one call."""
DELETED = "Action Deleted"
NOT_LIVE = "Action Not Live"
NOBODY = "Person Deleted"
CANCELED = {Channel.EMAIL: "Email Cancelled"}
CANCELED_OTHER = "Message Cancelled"
"""Reasons. Source: reference 1.8. Our choice: "Action Not Live" for a message whose action became a draft, and "Message
Cancelled" for channels other than e-mail."""


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
        desk = await _load(core, transaction, time, rows, runs, now)
        verdicts = [desk.cancel(row) for row in rows] if canceling else await _judge(transaction, desk, rows)
        settled = [one for one in verdicts if one is not None]
        await settle_review(transaction, account_id, settled, now, time.account.clock)
        wakes = list(desk.wakes.values())
        await insert_journal(transaction, [entry for wake in wakes for entry in wake.journal])
        await set_steps(transaction, account_id, [(one.bucket, one.run_id, one.steps) for one in wakes])
        await add_counts(transaction, _recounted(account_id, rows, settled))
    _tell(done, settled, now)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a batch is judged with: `wakes` are the runs by their id, and `flows` their flows."""

    flows: Mapping[str, LoadedFlow]
    wakes: Mapping[uuid.UUID, Wake]
    now: datetime

    def action(self, row: Row) -> CompiledSend | None:
        """Return the present action behind a message, None where it is gone."""
        flow = self.flows.get(row["flow_id"])
        if flow is None or flow.closed or flow.compiled is None:
            return None
        return flow.compiled.message_action(row["action_id"], row["variation"])

    def unreadable(self, row: Row) -> bool:
        """Tell whether a flow cannot be read, by a bug."""
        flow = self.flows.get(row["flow_id"])
        return flow is not None and not flow.closed and flow.compiled is None

    def cancel(self, row: Row) -> Settled:
        """Take a message out of the queue."""
        reason = CANCELED.get(Channel(row["channel"]), CANCELED_OTHER)
        self.note(row, "canceled", None)
        return Settled(row["bucket"], row["delivery_id"], DeliveryState.CANCELED, self.now, reason)

    def skip(self, row: Row, skipped: Skipped) -> Settled:
        """Refuse a message that some gate objects to."""
        self.note(row, "skipped", {"reason": skipped.reason, "seen": skipped.seen})
        return Settled(row["bucket"], row["delivery_id"], DeliveryState.SKIPPED, self.now, skipped.reason)

    def let_go(self, row: Row, until: datetime | None) -> Settled:
        """Queue a message, for later where quiet hours hold it."""
        self.note(row, "released", None if until is None else {"until": until.isoformat(), "reason": "quiet_hours"})
        return Settled(row["bucket"], row["delivery_id"], DeliveryState.QUEUED, until or self.now)

    def note(self, row: Row, outcome: str, detail: object) -> None:
        """Write a journal row of the message's run, which may have gone on or ended."""
        wake = self.wakes.get(row["run_id"])
        if wake is not None:
            wake.action_id = row["action_id"]
            wake.note(outcome, detail)


async def _load(
    core: Core, transaction: Connection, time: AccountTime, rows: Sequence[Row], runs: Sequence[Row], now: datetime
) -> _Desk:
    flows = await core.flows.load(transaction, {row["flow_id"] for row in rows})
    wakes = [Wake(run, now) for run in runs]
    people = await load_profiles(transaction, {(wake.bucket, wake.account_id, wake.profile_id) for wake in wakes})
    zone, account = core.zones.of_account(time.account), time.account
    for wake in wakes:
        profile = people.get((wake.account_id, wake.profile_id))
        if profile is not None:
            wake.meet(account, zone, profile, core.zones.of_profile(profile, account), None)
        flow = flows.get(wake.flow_id)
        if flow is not None and flow.compiled is not None:
            wake.flow = flow.compiled
    await load_triggers(transaction, [wake for wake in wakes if hasattr(wake, "facts")])
    return _Desk(flows, {wake.run_id: wake for wake in wakes}, now)


async def _judge(transaction: Connection, desk: _Desk, rows: Sequence[Row]) -> list[Settled | None]:
    """Return what becomes of each message, in the order in which they were put up; None where it stays."""
    ordered = sorted(rows, key=lambda row: (row["queued_at"], row["delivery_id"]))
    pairs = [(row, pair) for row in ordered if (pair := _asked(desk, row))]
    await load_needs(
        transaction, [(wake, wake.flow.needs(row["action_id"], wake.facts.moment)) for row, (wake, _) in pairs]
    )
    known: LastSends = {}
    await load_last_sends(transaction, [pair for _, pair in pairs], known)
    permissions = await load_permissions(
        transaction, [(wake.bucket, wake.account_id, wake.profile_id, send.channel) for _, (wake, send) in pairs]
    )
    return [_verdict(desk, row, permissions, known) for row in ordered]


def _asked(desk: _Desk, row: Row) -> tuple[Wake, Send] | None:
    """Return a message as the gates are asked about it, None where there is nothing to ask."""
    action, wake = desk.action(row), desk.wakes.get(row["run_id"])
    if action is None or not action.acts or wake is None or not hasattr(wake, "facts"):
        return None
    filters = action.additional_filters
    send = Send(
        action.channel, row["message_id"], action.message, None, variation=row["variation"], additional_filters=filters
    )
    return wake, send


def _verdict(desk: _Desk, row: Row, permissions: Permissions, known: LastSends) -> Settled | None:
    if desk.unreadable(row):
        log.error("delivery %s stays under review: flow %s cannot be read", row["delivery_id"], row["flow_id"])
        return None
    action = desk.action(row)
    if action is None:
        return desk.skip(row, Skipped(DELETED))
    if not action.acts:
        return desk.skip(row, Skipped(NOT_LIVE))
    pair = _asked(desk, row)
    if pair is None:
        return desk.skip(row, Skipped(NOBODY))
    key = (row["profile_id"], int(action.channel))
    objection = judge(action.channel, facts_of(*pair, permissions, known.get(key)))
    if isinstance(objection, Skipped):
        return desk.skip(row, objection)
    until = objection.until if objection else None
    known[key] = until or desk.now
    return desk.let_go(row, until)


def judge(channel: Channel, facts: SendFacts) -> Skipped | Held | None:
    """Return what the gates say; of a message that is held, what they would say when it is due."""
    objection = ask(AT_STEP[channel], facts)
    if isinstance(objection, Held):
        later = ask(AT_STEP[channel], replace(facts, now=objection.until))
        return later if isinstance(later, Skipped) else objection
    return objection


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
