"""Webhooks over HTTP: JSON by POST, to https with a valid certificate.

What is here: which addresses are called, how long and how much is listened to. What is not: what an answer means
(`answer`), when to try again (the engine). The delivery's id travels as the header `Headrace-Delivery`, so that a
receiver can tell a repetition, after a crash or a broken connection, from a new call.

Source: reference 2 (send-webhook: https with a valid certificate, redirects not followed).

Our choice: plain http goes to this machine only, unless told otherwise, so that developers can receive webhooks.

Our choice: addresses of the own network are called, because whoever writes flows here belongs to the shop.

Our choice: a call may take 10 seconds, and of an answer at most 32 KB are heard.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from headrace.channels.port import Envelope, Refusal, Refused, Result, Retry, WebhookEnvelope
from headrace.channels.webhook.answer import LARGEST, LATER, judged, unanswered

DELIVERY = "Headrace-Delivery"
"""The header with the delivery's id."""
PATIENCE = 10.0
"""Seconds for one call, from the connection to the end of the answer."""
AT_ONCE = 50
"""Calls at a time."""
SILENT = 5
"""So many calls of a batch in vain, and the rest of it for the same host is put off: one dead receiver must not hold up
the others."""
LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Hosts that are never called through a proxy."""


class WebhookProvider:
    """Posts webhooks, up to `AT_ONCE` at a time, over connections that are kept."""

    name = "http"
    honors_idempotency_key = True

    __slots__ = ("_client", "_patience", "_plain_anywhere")

    def __init__(self, *, plain_anywhere: bool = False, patience: float = PATIENCE) -> None:
        """Take whether plain http may go beyond this machine, and the seconds that one call may take."""
        self._client: httpx.AsyncClient | None = None
        self._plain_anywhere = plain_anywhere
        self._patience = patience

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Call each address; results in the order given."""
        turns, silent = asyncio.Semaphore(AT_ONCE), Counter[str]()
        return list(await asyncio.gather(*(self._in_turn(envelope, turns, silent) for envelope in envelopes)))

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _in_turn(self, envelope: Envelope, turns: asyncio.Semaphore, silent: Counter[str]) -> Result:
        if not isinstance(envelope, WebhookEnvelope):
            return Refused("the webhook provider sends webhooks only", Refusal.CONTENT)
        if objection := self._objection(envelope.url):
            return Refused(objection, Refusal.CONTENT, unanswered(objection))
        host = urlsplit(envelope.url).netloc
        async with turns:
            if silent[host] >= SILENT:
                reason = "the receiver did not answer others"
                return Retry(LATER, reason, unanswered(reason))
            try:
                async with asyncio.timeout(self._patience):
                    return await self._call(envelope)
            except TimeoutError:
                reason = f"no answer within {self._patience:g} seconds"
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
                reason = f"the request cannot be made: {error}"
                return Refused(reason, Refusal.CONTENT, unanswered(reason))
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {error}"
            silent[host] += 1
            return Retry(LATER, reason, unanswered(reason))

    def _objection(self, url: str) -> str:
        """Return why an address is not called, empty where it is."""
        parts = urlsplit(url)
        if parts.scheme.lower() == "https" or self._plain_anywhere or is_this_machine(parts.hostname or ""):
            return ""
        return "webhooks go to https addresses, and to plain http ones on this machine only"

    async def _call(self, envelope: WebhookEnvelope) -> Result:
        key = str(envelope.passage.delivery_id)
        headers = [*envelope.headers, (DELIVERY, key), ("Accept-Encoding", "identity")]
        content = envelope.body.encode()
        async with self._opened().stream("POST", envelope.url, headers=headers, content=content) as response:
            return judged(response.status_code, response.headers, await _beginning(response), key)

    def _opened(self) -> httpx.AsyncClient:
        """Return the client, made when it is first needed: reading the certificates takes a while."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=self._patience,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
                mounts={f"all://{host}": None for host in LOCAL},
                headers={"User-Agent": "Headrace"},
            )
        return self._client


async def _beginning(response: httpx.Response) -> bytes | None:
    """Return the body, None where it is too long; the rest of that is not read."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST:
            return None
    return body


def is_this_machine(host: str) -> bool:
    """Return whether a host's name, or its address, is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
