"""Calling the endpoints of webhooks that tell of events: one POST, and whether it was taken.

What is here: which addresses are called, and one call. What is not: what is told, signing it and when to try again (the
engine), and webhooks of flows (`http`).

Source: the public guide to system webhooks: 200, 201 or 202 within five seconds.

Our choice: other answers of success (2xx) are accepted, too. Redirects are not followed. Of an answer nothing but the
status and `Retry-After` are heard.

Our choice: the addresses are those that webhooks of flows may have (`http`): https with a valid certificate, plain http
to this machine, and to others only where that is allowed; a name of the own network is called like any other, because
whoever holds a key that may write webhooks belongs to the shop, and what is not meant to be called has no certificate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

import httpx

from headrace.channels.webhook.http import LOCAL, is_this_machine
from headrace.model.web_address import is_web_address

PATIENCE = 5.0
"""Seconds for one call, from the connection to the beginning of the answer."""
LONGEST_PAUSE = timedelta(hours=1)
"""A receiver may ask for so long a pause. Source: the public guide (the longest back-off)."""
INBOX, PLAIN = "inbox", "http"
"""Of the values of `HEADRACE_WEBHOOKS`, the one that sends nothing beyond this machine, and the least strict one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The receiver did not take it, and why; it may have asked for a pause, which is at most `LONGEST_PAUSE`."""

    reason: str
    pause: timedelta = timedelta(0)


def objection(url: str, mode: str) -> str:
    """Return why a webhook cannot have an address, empty where it can; `mode` is `HEADRACE_WEBHOOKS`."""
    parts = urlsplit(url) if is_web_address(url) else None
    if parts is None or not _has_port(parts):
        return "it must be a web address with a host, and its port, if any, a number up to 65535"
    if parts.scheme.lower() == "https" or mode == PLAIN or is_this_machine(parts.hostname or ""):
        return ""
    return "it must begin with https://; plain http is allowed to this machine only"


def _has_port(parts: SplitResult) -> bool:
    """Return whether the port of an address is one, or left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def stays_here(url: str, mode: str) -> bool:
    """Return whether nothing is sent to an address, because it is another machine's and webhooks go to the inbox."""
    return mode == INBOX and not is_this_machine(urlsplit(url).hostname or "")


class Poster:
    """Posts over connections that are kept; made once per process."""

    __slots__ = ("_client", "_patience")

    def __init__(self, patience: float = PATIENCE) -> None:
        """Take the seconds that one call may take."""
        self._client: httpx.AsyncClient | None = None
        self._patience = patience

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Taken | NotTaken:
        """Post a body once."""
        try:
            async with (
                asyncio.timeout(self._patience),
                self._opened().stream("POST", url, headers=headers, content=body) as response,
            ):
                return _judged(response)
        except TimeoutError:
            return NotTaken(f"no answer within {self._patience:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return NotTaken(f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        """Return the client, made when it is first needed: reading the certificates takes a while."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=self._patience,
                follow_redirects=False,
                mounts={f"all://{host}": None for host in LOCAL},
                headers={"User-Agent": "Headrace", "Accept-Encoding": "identity"},
            )
        return self._client


def _judged(response: httpx.Response) -> Taken | NotTaken:
    if response.is_success:
        return Taken()
    reason = f"the receiver answered {response.status_code}"
    if response.is_redirect:
        reason += ", and redirects are not followed"
    return NotTaken(reason, _asked(response.headers.get("retry-after", "")))


def _asked(text: str) -> timedelta:
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(timedelta(seconds=seconds), LONGEST_PAUSE)
