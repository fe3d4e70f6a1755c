"""Unsubscribing: consent and the event that records it, written together. Follows reference 4.4 and 4.5."""

from __future__ import annotations

from headrace.api.state import Services
from headrace.ids import bucket_of
from headrace.messages.tokens import Payload
from headrace.model import Channel
from headrace.storage.accounts import get_account
from headrace.storage.consents import UNSUBSCRIBED, ConsentChange, set_consent
from headrace.storage.delivery_channels import delivery_channels
from headrace.storage.interactions import Interaction, Kind, record_interactions
from headrace.storage.message_events import METRIC_NAMES

ONE_CLICK = "one_click_unsubscribe"
BY_PAGE = "preference_page"
"""How somebody unsubscribed. Source: reference 4.5 (one click). Our choice: the name of the page."""


async def unsubscribe(services: Services, payload: Payload, *, one_click: bool) -> bool:
    """Write that a person no longer wants messages of the channel on which they got this one; durable on return.

    A delivery that is gone counts as e-mail, the channel of such links. Returns False when the person had unsubscribed
    before or does not exist, and then records no event.
    """
    account = await get_account(services.database, payload.account_id)
    if account is None:
        return False
    bucket, delivery_id = bucket_of(payload.profile_id), payload.delivery_id
    channel = Channel.EMAIL
    if delivery_id is not None:
        keys = [(bucket, delivery_id)]
        known = await delivery_channels(services.database, account.account_id, keys)
        channel = known.get(delivery_id, channel)
    now = (await services.clock_of(account)).now()
    items = []
    if delivery_id is not None and (channel, Kind.UNSUBSCRIBED) in METRIC_NAMES:
        items.append(Interaction(Kind.UNSUBSCRIBED, channel, bucket, delivery_id, now))
    prepared = await services.recorder.prepare(account.account_id, items)
    change = ConsentChange(payload.profile_id, channel, UNSUBSCRIBED, now, ONE_CLICK if one_click else BY_PAGE)
    async with services.database.transaction() as transaction:
        changed = await set_consent(transaction, account.account_id, change)
        if changed:
            await record_interactions(transaction, prepared)
    return changed
