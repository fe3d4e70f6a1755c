"""What follows when an e-mail bounces for good or its reader complains: the person is not mailed any more.

Source: reference 3.3, 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from headrace.model import Channel
from headrace.storage.consenting import record_consents
from headrace.storage.consents import UNSUBSCRIBED, ConsentChange
from headrace.storage.database import Connection, Row
from headrace.storage.message_events import Interaction, Kind
from headrace.storage.own_events import Room
from headrace.storage.suppressions import Reason, Suppression, suppress

BY_COMPLAINT = "spam_complaint"
"""How somebody who complained unsubscribed. Source: reference 3.3."""


async def stop_mailing(
    transaction: Connection, room: Room, items: Sequence[Interaction], rows: Mapping[UUID, Row]
) -> None:
    """Suppress those whose address does not work and those who complained, who are unsubscribed, too.

    `rows` are the deliveries of the items, with their profile ids. Other items are passed over. `room` has a place for
    each complaint.
    """
    found = [
        Suppression(rows[item.delivery_id]["profile_id"], reason, item.at)
        for item in items
        if (reason := _reason_to_stop(item))
    ]
    if not found:
        return
    now = max(one.at for one in found)
    await suppress(transaction, room.account_id, found, now)
    complained = {one.profile_id: one.at for one in found if one.reason == Reason.SPAM_COMPLAINT}
    changes = [
        ConsentChange(profile_id, Channel.EMAIL, UNSUBSCRIBED, at, BY_COMPLAINT)
        for profile_id, at in sorted(complained.items())
    ]
    await record_consents(transaction, room, changes, now)


def _reason_to_stop(item: Interaction) -> Reason | None:
    if item.channel is not Channel.EMAIL:
        return None
    if item.kind is Kind.SPAM:
        return Reason.SPAM_COMPLAINT
    hard = item.properties.get("Bounce Type", "Hard") == "Hard"
    return Reason.HARD_BOUNCE if item.kind is Kind.BOUNCED and hard else None
