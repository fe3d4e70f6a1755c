"""From a `Send` outcome to a queued delivery, or to the reason why there is none.

The gates are asked in the step's transaction, under the bucket's lock, so that two messages to one person never pass
smart sending side by side. A manual action's message waits for a user ungated: its checks come when it is released.
Source: DESIGN section 3 (sending), reference 1.1 and 1.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from headrace.engine.permissions import Permissions, load_permissions
from headrace.engine.wake import Wake
from headrace.flows.step import Send
from headrace.ids import delivery_id
from headrace.messages.gates import AT_STEP, Held, SendFacts, Skipped, ask
from headrace.model import Channel, DeliveryState
from headrace.storage.database import Connection
from headrace.storage.deliveries import NewDelivery, last_sends

SLACK = timedelta(days=3)
"""How much longer than the window ago a message may have been queued that was sent within it."""

FORMATS = {Channel.SMS: "SMS"}
"""The format of a channel's messages in reports; the others have none."""

LastSends: TypeAlias = dict[tuple[str, int], datetime | None]
"""(profile id, channel) -> the last send, None for none; what a batch has asked so far, and what it queued itself."""


async def carry_out(transaction: Connection, sends: Sequence[tuple[Wake, Send]], known: LastSends) -> None:
    """Queue, skip or hold each message and let its run go on, or wait for the result where the message awaits one.

    `known` lasts for the whole batch. Our choice: a message that awaits a result and is skipped, or is up for review,
    leaves none; what later asks for it finds nothing.
    """
    gated = [(wake, send) for wake, send in sends if not send.review]
    await load_last_sends(transaction, gated, known)
    permissions = await load_permissions(
        transaction, [(wake.bucket, wake.account_id, wake.profile_id, send.channel) for wake, send in gated]
    )
    for wake, send in sends:
        if send.review:
            _queue(wake, send, DeliveryState.REVIEW)
            continue
        key = (wake.profile_id, int(send.channel))
        queued = len(wake.deliveries)
        _settle(wake, send, facts_of(wake, send, permissions, known.get(key)))
        if len(wake.deliveries) > queued:
            known[key] = wake.now


async def load_last_sends(transaction: Connection, sends: Iterable[tuple[Wake, Send]], known: LastSends) -> None:
    """Add to `known` the last sends before those messages whose smart sending is on."""
    asked = []
    for wake, send in sends:
        key = (wake.profile_id, int(send.channel))
        window = wake.account.settings.smart_sending.get(send.channel.name.lower())
        if key in known or window is None or not send.message.get("smart_sending_enabled", True):
            continue
        known[key] = None
        asked.append((wake.bucket, wake.account_id, wake.profile_id, key[1], wake.now - window - SLACK))
    known.update(await last_sends(transaction, asked))


def facts_of(wake: Wake, send: Send, permissions: Permissions, last_send_at: datetime | None) -> SendFacts:
    """Return what the gates look at before a message of a run."""
    trigger = wake.flow.trigger
    return SendFacts(
        profile=wake.facts.profile,
        channel=send.channel,
        message=send.message,
        settings=wake.account.settings,
        now=wake.now,
        zone=wake.zone,
        last_send_at=last_send_at,
        facts=wake.facts,
        profile_filter=wake.flow.profile_filter,
        additional_filters=send.additional_filters,
        group_id=trigger.group_id if trigger else None,
        **permissions.of(wake.account_id, wake.profile_id, send.channel),
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
    made = delivery_id(wake.run_id, wake.action_id, send.variation)
    wake.deliveries.append(
        NewDelivery(
            wake.bucket,
            wake.account_id,
            made,
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
            wake.steps,
        )
    )
    queued = state is DeliveryState.QUEUED
    wake.note("queued" if queued else "review")
    if send.awaits and queued:
        wake.await_delivery(made, send.next_id)
    else:
        wake.go_on(send.next_id)
