"""Unsubscribing by a link: consent and the event that records it, written together. Follows reference 4.4 and 4.5.

What is here: from everything on the message's channel, or from the list that its flow begins with. What is not: the
pages (`tracking`, `preference_pages`). An unsubscription counts for the message in which the link stood; where that is
still being recorded as sent, a job records it afterwards, while the consent has changed at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from headrace.api.state import Services
from headrace.engine.late_unsubscriptions import RECORD, arguments
from headrace.ids import bucket_of
from headrace.messages.tokens import Payload
from headrace.model import Account, Channel
from headrace.storage import jobs
from headrace.storage.accounts import get_account
from headrace.storage.aliases import follow_one
from headrace.storage.consenting import Source, consent_events, make_room, unsubscribe_from_list
from headrace.storage.consents import UNSUBSCRIBED, ConsentChange, Purpose, load_subscriptions, set_consents
from headrace.storage.database import Connection
from headrace.storage.delivery_channels import deliveries_under_way, delivery_channels
from headrace.storage.interactions import Interaction, Kind, Prepared, record_interactions
from headrace.storage.message_events import METRIC_NAMES
from headrace.storage.own_events import write_own_events
from headrace.storage.profile_rows import keep

ONE_CLICK = "one_click_unsubscribe"
BY_PAGE = "preference_page"
"""How somebody unsubscribed. Source: reference 4.5 (one click). Our choice: the name of the page."""

_LIST = """
SELECT g.group_id, g.name FROM flow f
JOIN flow_version v ON v.flow_id = f.flow_id AND v.version = f.version
JOIN profile_group g ON g.account_id = f.account_id AND g.group_id = v.definition->'triggers'->0->>'id'
WHERE f.account_id = $1 AND f.flow_id = $2 AND v.definition->'triggers'->0->>'type' = 'list' AND g.kind = 'list'
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever follows a link: who they are now, in which account, and what time it is there."""

    account: Account
    profile_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class FlowList:
    """The list that the flow of a message begins with."""

    list_id: str
    name: str


async def reader_of(services: Services, payload: Payload) -> Reader | None:
    """Return who follows a link, None where the account is gone; merged people are who they were merged into."""
    account = await get_account(services.database, payload.account_id)
    if account is None:
        return None
    now = (await services.clock_of(account)).now()
    profile_id = await follow_one(services.database, account.account_id, payload.profile_id)
    return Reader(account, profile_id, now)


async def people_of(services: Services, payload: Payload) -> AsyncIterator[Reader]:
    """Yield who follows a link, and once more whenever they have been merged since."""
    reader = await reader_of(services, payload)
    while reader is not None:
        yield reader
        before, reader = reader, await reader_of(services, payload)
        if reader is not None and reader.profile_id == before.profile_id:
            return


async def list_of(services: Services, payload: Payload) -> FlowList | None:
    """Return the list that the message's flow begins with, None where it begins otherwise."""
    row = await services.database.fetch_row(_LIST, payload.account_id, payload.flow_id)
    return FlowList(row["group_id"], row["name"]) if row else None


async def channel_of(services: Services, payload: Payload) -> Channel:
    """Return the channel of the message; one that is gone counts as e-mail, the channel of such links."""
    if payload.delivery_id is None:
        return Channel.EMAIL
    keys = [(bucket_of(payload.profile_id), payload.delivery_id)]
    return (await delivery_channels(services.database, payload.account_id, keys)).get(
        payload.delivery_id, Channel.EMAIL
    )


async def is_unsubscribed(services: Services, payload: Payload) -> bool:
    """Return whether a person has already said that they want no more messages of the channel of this one."""
    channel = await channel_of(services, payload)
    profile_id = await follow_one(services.database, payload.account_id, payload.profile_id)
    place = (payload.account_id, profile_id, int(channel))
    known = await load_subscriptions(services.database, [(bucket_of(profile_id), *place)])
    return known.get((*place, int(Purpose.MARKETING))) == UNSUBSCRIBED


async def unsubscribe(services: Services, payload: Payload, *, one_click: bool) -> bool:
    """Write that a person no longer wants messages of the channel on which they got this one; durable on return.

    Returns False when the person had unsubscribed before or does not exist, and then records no event.
    """
    async for reader in people_of(services, payload):
        done = await _unsubscribe(services, replace(payload, profile_id=reader.profile_id), reader, one_click)
        if done is not None:
            return done
    return False


async def _unsubscribe(services: Services, payload: Payload, reader: Reader, one_click: bool) -> bool | None:
    account_id, now = reader.account.account_id, reader.now
    channel = await channel_of(services, payload)
    prepared = await _of_message(services, payload, channel, now)
    room = await make_room(services.own_events, account_id, 1, [now])
    method = ONE_CLICK if one_click else BY_PAGE
    change = ConsentChange(reader.profile_id, channel, UNSUBSCRIBED, now, method)
    async with services.database.transaction() as transaction:
        if not await keep(transaction, account_id, [reader.profile_id]):
            return None
        changed = await set_consents(transaction, account_id, [change], now)
        if changed and not await record_interactions(transaction, prepared):
            if await _is_under_way(transaction, payload):
                told = arguments(payload, channel, now, method)
                system_now = services.system_clock.now()
                await jobs.enqueue(transaction, account_id, services.ids, RECORD, told, system_now)
            else:
                await write_own_events(transaction, room, consent_events(changed), now)
    return bool(changed)


async def leave_list(services: Services, payload: Payload, list_id: str) -> bool:
    """Write that a person wants no more messages of a list; False when that was so already."""
    async for reader in people_of(services, payload):
        account_id, people = reader.account.account_id, [reader.profile_id]
        room = await make_room(services.own_events, account_id, 1, [reader.now])
        async with services.database.transaction() as transaction:
            if await keep(transaction, account_id, people):
                gone = await unsubscribe_from_list(transaction, room, list_id, people, reader.now, Source(BY_PAGE))
                return bool(gone)
    return False


async def _of_message(services: Services, payload: Payload, channel: Channel, now: datetime) -> Prepared:
    """Ready what counts the unsubscription for the message."""
    items = []
    if payload.delivery_id is not None and (channel, Kind.UNSUBSCRIBED) in METRIC_NAMES:
        bucket = bucket_of(payload.profile_id)
        items.append(Interaction(Kind.UNSUBSCRIBED, channel, bucket, payload.delivery_id, now))
    return await services.recorder.prepare(payload.account_id, items)


async def _is_under_way(transaction: Connection, payload: Payload) -> bool:
    if payload.delivery_id is None:
        return False
    keys = [(bucket_of(payload.profile_id), payload.delivery_id)]
    return bool(await deliveries_under_way(transaction, payload.account_id, keys))
