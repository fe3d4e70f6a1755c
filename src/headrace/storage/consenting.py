"""The one place through which people subscribe and unsubscribe: what changes is written together with its event.

What is here: consent on a channel, and being subscribed to a list. What is not: the rows (`consents`, `suppressions`,
`groups`) and who asks for it (jobs, pages, text messages, commands). A change that is none leaves no event, so that
everything here may be repeated. `now` is the account's time.

Source: reference 4.4, 5.2. Our choice: the reference names events for marketing by e-mail and text message; WhatsApp
follows their pattern, and other consents (push, transactional, open tracking) leave none. A complaint's event is
"Marked Email as Spam", but ending the subscription by it is recorded, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.model import Channel
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, Changed, ConsentChange, Purpose, set_consents
from headrace.storage.database import Connection
from headrace.storage.groups import join_group, leave_group
from headrace.storage.own_events import OwnEvent, OwnEvents, Room, write_own_events
from headrace.storage.suppressions import Reason, Suppression, suppress, unsuppress

CONSENT_METRICS: Mapping[tuple[int, str], str] = {
    (Channel.EMAIL, SUBSCRIBED): "Subscribed to Email Marketing",
    (Channel.EMAIL, UNSUBSCRIBED): "Unsubscribed from Email Marketing",
    (Channel.SMS, SUBSCRIBED): "Subscribed to SMS Marketing",
    (Channel.SMS, UNSUBSCRIBED): "Unsubscribed from SMS Marketing",
    (Channel.WHATSAPP, SUBSCRIBED): "Subscribed to WhatsApp Marketing",
    (Channel.WHATSAPP, UNSUBSCRIBED): "Unsubscribed from WhatsApp Marketing",
}
SUBSCRIBED_TO_LIST = "Subscribed to List"
UNSUBSCRIBED_FROM_LIST = "Unsubscribed from List"
UPDATED_PREFERENCES = "Updated Email Preferences"
AGE_GATE = "Failed SMS Age Gate"
METRICS = frozenset(
    (*CONSENT_METRICS.values(), SUBSCRIBED_TO_LIST, UNSUBSCRIBED_FROM_LIST, UPDATED_PREFERENCES, AGE_GATE)
)
UNDER_AGE = "failed_age_gate"
"""The method of whoever is too young for text messages. Source: reference 3.3."""

_NAME = "SELECT name FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list'"


@dataclass(frozen=True, slots=True)
class Source:
    """How a change came about: the method as consent conditions know it, its detail and the caller's own word."""

    method: str
    detail: str = ""
    custom_source: str | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """What events say of it. Our choice: the names."""
        told = {"Method": self.method, "Method Detail": self.detail, "Custom Source": self.custom_source}
        return {name: value for name, value in told.items() if value}


async def make_room(
    own: OwnEvents, account_id: str, count: int, moments: Collection[datetime], *, starts_nothing: bool = False
) -> Room:
    """Make room for at most `count` events of the names in `METRICS`, outside the transaction."""
    return await own.room(account_id, METRICS, count, moments, starts_nothing=starts_nothing)


async def record_consents(
    transaction: Connection, room: Room, changes: Sequence[ConsentChange], now: datetime
) -> list[Changed]:
    """Write consents, lift the suppressions that they undo, record events, and return what changed.

    One event at most per change. An unsubscription that counts for a message is recorded with that
    (`interactions`), and its consent is written by `set_consents`.
    """
    changed = await set_consents(transaction, room.account_id, changes, now)
    await write_own_events(transaction, room, consent_events(changed), now)
    return changed


async def subscribe_to_list(
    transaction: Connection, room: Room, list_id: str, profile_ids: Collection[str], now: datetime, source: Source
) -> list[str]:
    """Put people on a list, lift what kept them from getting its messages, and return those for whom that is new."""
    lifted = await unsuppress(transaction, room.account_id, profile_ids, [Reason.UNSUBSCRIBE], now, list_id)
    joined = await _join(transaction, room, list_id, profile_ids, now)
    new = sorted({*joined, *lifted})
    await _list_events(transaction, room, SUBSCRIBED_TO_LIST, list_id, new, now, source)
    return new


async def add_to_list(
    transaction: Connection, room: Room, list_id: str, profile_ids: Collection[str], now: datetime, source: Source
) -> list[str]:
    """Put people on a list, which says nothing about what they agreed to, and return those who are new on it.

    Our choice: that is "Subscribed to List", too; being taken off a list is no event.
    """
    joined = await _join(transaction, room, list_id, profile_ids, now)
    await _list_events(transaction, room, SUBSCRIBED_TO_LIST, list_id, joined, now, source)
    return joined


async def unsubscribe_from_list(
    transaction: Connection,
    room: Room,
    list_id: str,
    profile_ids: Collection[str],
    now: datetime,
    source: Source,
    *,
    asked_at: datetime | None = None,
) -> list[str]:
    """Take people off a list, keep its messages from them, and return those for whom that is new.

    `asked_at` is when that was asked for, where it is earlier than `now`.
    """
    people = sorted(set(profile_ids))
    left = await leave_group(transaction, room.account_id, list_id, people, now, room.received_at)
    kept = [Suppression(one, Reason.UNSUBSCRIBE, asked_at or now, list_id) for one in people]
    new = sorted({*left, *await suppress(transaction, room.account_id, kept, now)})
    await _list_events(transaction, room, UNSUBSCRIBED_FROM_LIST, list_id, new, now, source)
    return new


async def _join(
    transaction: Connection, room: Room, list_id: str, profile_ids: Collection[str], now: datetime
) -> list[str]:
    place = (transaction, room.account_id, list_id, sorted(set(profile_ids)))
    return await join_group(*place, now, room.received_at, starts_nothing=room.starts_nothing)


async def _list_events(
    transaction: Connection,
    room: Room,
    metric: str,
    list_id: str,
    profile_ids: Iterable[str],
    now: datetime,
    source: Source,
) -> None:
    name = await transaction.fetch_value(_NAME, room.account_id, list_id)
    properties = {"List": name or "", "$list_id": list_id, **source.properties}
    events = [OwnEvent(one, metric, now, properties) for one in profile_ids]
    await write_own_events(transaction, room, events, now)


def consent_events(changed: Iterable[Changed]) -> list[OwnEvent]:
    """Return the events of changes by which somebody subscribed or unsubscribed."""
    return list(_events(changed))


def _events(changed: Iterable[Changed]) -> Iterable[OwnEvent]:
    for one in changed:
        change = one.change
        metric = AGE_GATE if change.method == UNDER_AGE else CONSENT_METRICS.get((change.channel, change.subscription))
        if one.is_turn and metric is not None and change.purpose == Purpose.MARKETING:
            source = Source(change.method, change.detail, change.custom_source)
            told = source.properties | ({"Double Opt-In": True} if change.double_opt_in else {})
            yield OwnEvent(change.profile_id, metric, change.at, told)
