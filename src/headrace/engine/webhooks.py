"""Telling webhooks of events: claim a webhook, call it with what is waiting, record what came of it.

    look (who has something waiting) -> claim (committed, with a lease) -> call -> result (one transaction)

What is here: `Teller`, which calls several webhooks side by side, each in its own order and none waiting for another.
What is not: filling the queue (`storage.webhook_feed`). A process that dies leaves a lease that lapses; then the same
events are told again, so every event is told at least once. Everything here is in system time.

Source: the public guide to system webhooks: failures are tried again, with growing pauses of at most an hour, and a
webhook that has failed for 48 hours is switched off. Our choice: the first pause is 30 seconds; what a webhook that was
switched off had still to be told is forgotten.

Our choice: with `HEADRACE_WEBHOOKS=inbox`, the default, only addresses of this machine are called. The last
`KEPT_INSTEAD` events of other webhooks are kept in the queue, to be looked at by `headrace webhook deliveries`, and
told when webhooks are sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence, Set
from datetime import timedelta

from headrace.channels.webhook.posting import NotTaken, Poster, Taken, objection, stays_here
from headrace.engine.core import Core
from headrace.engine.faults import LOST
from headrace.engine.webhook_payloads import MOST_BYTES, MOST_EVENTS, Address, Letter, headers, write_letter
from headrace.ids import bucket_of
from headrace.messages.sealing import Sealer
from headrace.model import Profile
from headrace.storage.aliases import follow
from headrace.storage.database import Row
from headrace.storage.facts import load_profiles
from headrace.storage.webhook_queue import (
    WebhookClaim,
    claim_webhook,
    forget_unheard,
    metric_names,
    queued,
    record_failed,
    record_told,
    release,
    trim_queue,
    waiting_webhooks,
)

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
GIVES_UP = timedelta(hours=48)
LEASE = timedelta(minutes=1)
"""A call takes some seconds at most; a claim that is older belongs to a process that died."""
AT_ONCE = 20
"""Our choice: webhooks that one worker calls side by side."""
IN_A_ROW = 20
"""Our choice: calls to one webhook, after which others get their turn."""
READ_AT_ONCE = 2 * MOST_BYTES
"""Bytes of queued properties, as they lie on disk, that are read for one call; more would not go into it."""
KEPT_INSTEAD = 1000
LOOK_AGAIN = timedelta(minutes=1)
"""How long a webhook that is not sent anything rests."""
NO_KEY = "its secret cannot be read with the keys of this installation; set the secret anew"


class Teller:
    """Calls webhooks that have something waiting; one per process."""

    def __init__(self, core: Core, poster: Poster | None = None, at_once: int = AT_ONCE) -> None:
        self._core = core
        self._poster = poster or Poster()
        self._sealer = Sealer(core.workshop.signer)
        self._at_once = at_once
        self._busy: dict[str, asyncio.Task[int]] = {}
        self._closing = False

    async def look(self) -> int:
        """Begin to call the webhooks that wait, as far as there is room, and return how many; waits for none."""
        for webhook_id in [one for one, task in self._busy.items() if task.done()]:
            del self._busy[webhook_id]
        begun = 0
        for row in await waiting_webhooks(self._core.database, self._core.clock.now()):
            webhook_id = row["webhook_id"]
            if not row["enabled"]:
                await self._forget(row)
            elif webhook_id not in self._busy and len(self._busy) < self._at_once:
                self._busy[webhook_id] = asyncio.create_task(self._tell(webhook_id))
                begun += 1
        return begun

    async def tell_all(self) -> int:
        """Call webhooks until none waits that may be called now; return how many events were told."""
        total = 0
        while await self.look():
            total += sum(await asyncio.gather(*self._busy.values()))
        return total

    async def close(self) -> None:
        """Wait for the calls under way, which no others follow, and close the connections."""
        self._closing = True
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        await self._poster.close()

    async def _forget(self, row: Row) -> None:
        async with self._core.database.transaction() as transaction:
            await forget_unheard(transaction, row["account_id"], row["webhook_id"])

    async def _tell(self, webhook_id: str) -> int:
        """Call one webhook until it has been told everything, fails, or others wait; return how many events it took."""
        total = 0
        try:
            for _ in range(IN_A_ROW):
                told = await self._once(webhook_id)
                total += told
                if not told or self._closing:
                    break
        except LOST as error:
            log.warning("webhook %s waits for the database: %s", webhook_id, error)
        except Exception:  # the lease lapses, then it is tried again
            log.exception("webhook %s could not be told", webhook_id)
        return total

    async def _once(self, webhook_id: str) -> int:
        """Make one call; return how many events it settled, 0 where there is nothing more to do now."""
        core, claim = self._core, self._claim()
        async with core.database.transaction() as transaction:
            webhook = await claim_webhook(transaction, webhook_id, claim)
        if webhook is None:
            return 0
        core.at("webhook: claimed")
        if stays_here(webhook["endpoint_url"], core.webhooks):
            await self._keep(webhook, claim)
            return 0
        rows = await queued(core.database, webhook["account_id"], webhook_id, MOST_EVENTS, READ_AT_ONCE)
        letter = await self._letter(webhook, rows)
        result = await self._call(webhook, letter)
        core.at("webhook: called")
        return await self._record(webhook, claim, letter, result)

    def _claim(self) -> WebhookClaim:
        at = self._core.clock.now()
        return WebhookClaim(f"{self._core.name}:{self._core.ids.uuid()}", at, at + LEASE)

    async def _keep(self, webhook: Row, claim: WebhookClaim) -> None:
        async with self._core.database.transaction() as transaction:
            await trim_queue(transaction, webhook["account_id"], webhook["webhook_id"], KEPT_INSTEAD)
            await release(transaction, webhook, claim, claim.at + LOOK_AGAIN)

    async def _letter(self, webhook: Row, rows: Sequence[Row]) -> Letter:
        core, account_id = self._core, webhook["account_id"]
        people = await self._people(account_id, {row["profile_id"] for row in rows})
        metrics = await metric_names(core.database, account_id, {row["metric_id"] for row in rows})
        address = Address(account_id, webhook["webhook_id"], core.workshop.public_url)
        return write_letter(address, rows, people, metrics, core.clock.now())

    async def _people(self, account_id: str, profile_ids: Set[str]) -> dict[str, Profile]:
        """Return profile id -> who that is now: people may have been merged since."""
        database = self._core.database
        now = await follow(database, account_id, profile_ids)
        wanted = {now.get(one, one) for one in profile_ids}
        found = await load_profiles(database, {(bucket_of(one), account_id, one) for one in wanted})
        pairs = ((one, found.get((account_id, now.get(one, one)))) for one in profile_ids)
        return {one: profile for one, profile in pairs if profile is not None}

    async def _call(self, webhook: Row, letter: Letter) -> Taken | NotTaken:
        if not letter.events:
            return Taken()
        if told := objection(webhook["endpoint_url"], self._core.webhooks):
            return NotTaken(f"its address is not called: {told}")  # the setting was another when it was made
        webhook_id = webhook["webhook_id"]
        secret = self._sealer.open(webhook["secret"], webhook_id)
        if secret is None:
            return NotTaken(NO_KEY)
        signed = headers(webhook_id, secret, letter.body, self._core.clock.now())
        return await self._poster.post(webhook["endpoint_url"], signed, letter.body)

    async def _record(self, webhook: Row, claim: WebhookClaim, letter: Letter, result: Taken | NotTaken) -> int:
        now = self._core.clock.now()
        async with self._core.database.transaction() as transaction:
            match result:
                case Taken():
                    await record_told(transaction, webhook, claim, letter.rows)
                    return len(letter.rows)
                case NotTaken():
                    gives_up = now - (webhook["failing_since"] or now) > GIVES_UP
                    again = now + pause(webhook["attempts"], result.pause)
                    log.warning("webhook %s was not taken: %s", webhook["webhook_id"], result.reason)
                    place = (transaction, webhook, claim, now, again)
                    await record_failed(*place, result.reason, gives_up=gives_up)
                    return 0


def pause(failures: int, asked: timedelta = timedelta(0)) -> timedelta:
    """Return how long to wait after one more failure than `failures`; a receiver may ask for longer."""
    grown = min(FIRST_PAUSE * (1 << min(failures, 12)), LONGEST_PAUSE)
    return max(grown, asked)
