"""Large events do not fill the memory of whoever tells webhooks of them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from engine_shop import EngineShop
from headrace.channels.webhook.posting import Poster
from headrace.engine.setup import choose_providers
from headrace.engine.webhooks import READ_AT_ONCE, Teller
from headrace.messages.sealing import Sealer
from headrace.storage.database import Database
from headrace.storage.webhook_queue import count_queued, queued
from headrace.storage.webhooks import NewWebhook, create_webhook
from hooks import SECRET, listening

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENTS = 40
KILOBYTES = 100


def noise(seed: int) -> str:
    """Return a text that does not get smaller on disk."""
    return "".join(hashlib.sha512(f"{seed} {n}".encode()).hexdigest() for n in range(KILOBYTES * 8))


async def test_of_a_long_queue_of_large_events_little_is_read_at_once(database: Database) -> None:
    """Of 4 MB that wait, a call reads what goes into it; all are told in the end, in their order."""
    shop = await EngineShop.open(database, providers=choose_providers(database))
    account_id, sealed = shop.account.account_id, Sealer(shop.core.workshop.signer).seal(SECRET, "H1", shop.ids)
    async with listening() as hook:
        async with database.transaction() as transaction:
            new = NewWebhook("H1", "Hook", None, hook.url, sealed, ["event:api.placed_order"])
            await create_webhook(transaction, account_id, new, NOW)
        for n in range(EVENTS):
            await shop.event("Placed Order", f"p{n}", properties={"n": n, "text": noise(n)})
        read = await queued(database, account_id, "H1", EVENTS, READ_AT_ONCE)
        teller = Teller(shop.core, Poster())
        while await count_queued(database, account_id, "H1"):
            await teller.tell_all()
        await teller.close()
    told = [
        one["payload"]["data"]["attributes"]["event_properties"]["n"] for call in hook.calls for one in call["data"]
    ]
    assert 1 < len(read) < EVENTS
    assert list(range(EVENTS)) == told
