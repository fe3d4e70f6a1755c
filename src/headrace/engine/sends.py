"""From a `Send` outcome to a queued delivery, or to the reason why there is none.

The gates are asked in the step's transaction, under the bucket's lock, so that two messages to one person never pass
smart sending side by side. A manual action's message waits for a user ungated: its checks come when it is released.
Source: DESIGN section 3 (sending), reference 1.1 and 1.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from headrace.conditions import EVERYBODY
from headrace.engine.wake import Wake
from headrace.flows.step import Send
from headrace.ids import delivery_id
from headrace.messages.gates import AT_STEP, Held, SendFacts, Skipped, ask
from headrace.model import Channel, DeliveryState
from headrace.storage.database import Connection
from headrace.storage.deliveries import NewDelivery, last_sends
from headrace.storage.facts import load_consents

NO_WINDOW = timedelta(0)
SLACK = timedelta(days=3)
"""How much longer than the window ago a message may have been queued that was sent within it."""

FORMATS = {Channel.SMS: "SMS"}
"""The format of a channel's messages in reports; the others have none."""

LastSends: TypeAlias = dict[tuple[str, int], datetime | None]
"""(profile id, channel) -> the last send, None for none; what a batch has asked so far, and what it queued itself."""


async def carry_out(transaction: Connection, sends: Sequence[tuple[Wake, Send]], known: LastSends) -> None:
    """Queue, skip or hold each message and let its run go on.

    `known` lasts for the whole batch.
    """
    gated = [(wake, send) for wake, send in sends if not send.review]
    await _load_last_sends(transaction, gated, known)
    consents = await load_consents(
        transaction, [(wake.bucket, wake.account_id, wake.profile_id, send.channel) for wake, send in gated]
    )
    for wake, send in sends:
        if send.review:
            _queue(wake, send, DeliveryState.REVIEW)
            continue
        key = (wake.profile_id, int(send.channel))
        _settle(wake, send, _facts(wake, send, consents.get(key), known.get(key)))
        if wake.deliveries and wake.deliveries[-1].channel == key[1]:
            known[key] = wake.deliveries[-1].queued_at


async def _load_last_sends(transaction: Connection, sends: Iterable[tuple[Wake, Send]], known: LastSends) -> None:
    """Ask for the last sends of those messages whose smart sending is on."""
    asked = []
    for wake, send in sends:
        key = (wake.profile_id, int(send.channel))
        if key in known or not send.message.get("smart_sending_enabled", True):
            continue
        window = wake.account.settings.smart_sending.get(send.channel.name.lower(), NO_WINDOW)
        known[key] = None
        asked.append((wake.bucket, wake.account_id, wake.profile_id, key[1], wake.now - window - SLACK))
    known.update(await last_sends(transaction, asked))


def _facts(wake: Wake, send: Send, subscription: str | None, last_send_at: datetime | None) -> SendFacts:
    return SendFacts(
        wake.facts.profile,
        send.channel,
        send.message,
        wake.account.settings,
        wake.now,
        wake.zone,
        subscription,
        last_send_at,
        wake.facts,
        wake.flow.profile_filter,
        wake.flow.actions[wake.action_id].additional_filters if wake.action_id is not None else EVERYBODY,
    )


def _settle(wake: Wake, send: Send, facts: SendFacts) -> None:
    objection = ask(AT_STEP[send.channel], facts)
    if objection is None:
        _queue(wake, send, DeliveryState.QUEUED)
    elif isinstance(objection, Held):
        wake.hold(objection.until, objection.reason)
    else:
        _skip(wake, send, objection)


def _skip(wake: Wake, send: Send, skipped: Skipped) -> None:
    wake.note("skipped", {"reason": skipped.reason, "seen": skipped.seen})
    wake.go_on(send.next_id)


def _queue(wake: Wake, send: Send, state: DeliveryState) -> None:
    assert wake.action_id is not None
    wake.deliveries.append(
        NewDelivery(
            wake.bucket,
            wake.account_id,
            delivery_id(wake.run_id, wake.action_id, send.variation),
            wake.run_id,
            wake.flow_id,
            wake.action_id,
            send.message_id,
            send.variation,
            wake.profile_id,
            send.channel,
            FORMATS.get(send.channel, ""),
            state,
            wake.row["clock"],
            wake.now,
        )
    )
    wake.note("queued" if state is DeliveryState.QUEUED else "review")
    wake.go_on(send.next_id)
