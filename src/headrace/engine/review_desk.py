"""What becomes of each message under review: every gate is asked, of the flow, the person and the content of now.

What is here: loading what a batch needs and deciding, message by message. What is not: finding messages, locks and
writing (`review`). Source: reference 1.1, 1.8.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Need
from headrace.engine.core import Core
from headrace.engine.loading import load_needs, load_triggers
from headrace.engine.permissions import Permissions, load_permissions
from headrace.engine.sends import LastSends, facts_of, load_last_sends
from headrace.engine.wake import Wake
from headrace.flows.actions.sending import CompiledSend
from headrace.flows.step import Send
from headrace.messages.gates import AT_STEP, Held, SendFacts, Skipped, ask
from headrace.model import Channel, DeliveryState
from headrace.storage.account_clocks import AccountTime
from headrace.storage.database import Connection, Row
from headrace.storage.facts import load_profiles
from headrace.storage.flow_cache import LoadedFlow
from headrace.storage.review import Settled

log = logging.getLogger(__name__)

DELETED = "Action Deleted"
NOT_LIVE = "Action Not Live"
NOBODY = "Person Deleted"
CANCELED = {Channel.EMAIL: "Email Cancelled"}
CANCELED_OTHER = "Message Cancelled"
"""Reasons. Source: reference 1.8. Our choice: "Action Not Live" for a message whose action became a draft, and "Message
Cancelled" for channels other than e-mail."""


@dataclass(frozen=True, slots=True)
class Desk:
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


async def load_desk(
    core: Core, transaction: Connection, time: AccountTime, rows: Sequence[Row], runs: Sequence[Row], now: datetime
) -> Desk:
    """Return the desk for deliveries under review and their runs."""
    flows = await core.flows.load(transaction, {row["flow_id"] for row in rows})
    wakes = [Wake(run, now) for run in runs]
    people = await load_profiles(transaction, {(wake.bucket, wake.account_id, wake.profile_id) for wake in wakes})
    zone, account = core.zones.of_account(time.account), time.account
    for wake in wakes:
        profile = people.get((wake.account_id, wake.profile_id))
        if profile is not None:
            wake.meet(account, zone, profile, core.zones.of_profile(profile, account))
        flow = flows.get(wake.flow_id)
        if flow is not None and flow.compiled is not None:
            wake.flow = flow.compiled
    await load_triggers(transaction, [wake for wake in wakes if hasattr(wake, "facts")])
    return Desk(flows, {wake.run_id: wake for wake in wakes}, now)


async def judge_all(transaction: Connection, desk: Desk, rows: Sequence[Row]) -> list[Settled | None]:
    """Return what becomes of each message, in the order in which they were put up; None where it stays.

    One that cannot be judged, by a bug, stays and holds up no other.
    """
    ordered = sorted(rows, key=lambda row: (row["queued_at"], row["delivery_id"]))
    pairs = [(row, pair) for row in ordered if (pair := _asked(desk, row))]
    await load_needs(transaction, [(wake, _needs(row, wake)) for row, (wake, _) in pairs])
    known: LastSends = {}
    await load_last_sends(transaction, [pair for _, pair in pairs], known)
    permissions = await load_permissions(
        transaction, [(wake.bucket, wake.account_id, wake.profile_id, send.channel) for _, (wake, send) in pairs]
    )
    return [_judged(desk, row, permissions, known) for row in ordered]


def _needs(row: Row, wake: Wake) -> frozenset[Need]:
    try:
        return wake.flow.needs(row["action_id"], wake.facts.moment)
    except Exception:  # judging fails for the same reason, and is told there
        return NO_NEEDS


def _judged(desk: Desk, row: Row, permissions: Permissions, known: LastSends) -> Settled | None:
    try:
        return _verdict(desk, row, permissions, known)
    except Exception:  # a bug in one message must not hold up the others
        log.exception("delivery %s of flow %s stays under review", row["delivery_id"], row["flow_id"])
        return None


def _asked(desk: Desk, row: Row) -> tuple[Wake, Send] | None:
    """Return a message as the gates are asked about it, None where there is nothing to ask."""
    action, wake = desk.action(row), desk.wakes.get(row["run_id"])
    if action is None or not action.acts or wake is None or not hasattr(wake, "facts"):
        return None
    filters = action.additional_filters
    send = Send(
        action.channel, row["message_id"], action.message, None, variation=row["variation"], additional_filters=filters
    )
    return wake, send


def _verdict(desk: Desk, row: Row, permissions: Permissions, known: LastSends) -> Settled | None:
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
