"""The addresses a message carries: tracked links, the open pixel, unsubscribe and view in browser.

What is here: making addresses, and telling from a click's token where to go. What is not: serving them (the API), the
tokens' form (`tokens.py`), finding links in HTML (`headrace.templates.links`).

    /t/o/<token>.gif    the open pixel
    /t/c/<token>        a click: redirects to the address in the token
    /t/u/<token>        unsubscribing (GET shows a page, POST unsubscribes; with `?preferences` the preference page)
    /t/s/<token>        confirming a subscription (GET shows a page, POST confirms)
    /t/v/<token>        the message in a browser
    /t/p/<token>        a page of Headrace that a one-time link opens

Source: reference 4.5. Our choice: the identity parameter `_kx` is added when the click is followed, so that addresses
can be prepared once per template; links in text messages carry the same self-contained tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

from headrace.messages import utm
from headrace.messages.tokens import Kind, Payload, Signer, unpadded
from headrace.model.web_address import LONGEST_URL, is_web_address

PREFERENCES = "preferences"
"""The parameter that turns the unsubscribe link into that of the preference page."""
IDENTITY = "_kx"
"""The parameter by which a shop's site recognizes who clicked."""
RESERVED = "%/:=&?~#+!$,;'@()*[]"
TEXT_URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\"'.,;:!?)\]]", re.IGNORECASE)
"""An address in plain text, without the punctuation behind it."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that is to be tracked, encoded as far as it can be before the message is known."""

    url: bytes
    url_text: str


@dataclass(frozen=True, slots=True)
class MessageIds:
    """Which delivery of which message to whom."""

    account_id: str
    profile_id: str
    delivery_id: UUID
    flow_id: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a click goes, and what it is a click on."""

    payload: Payload
    location: str


class Links:
    """The addresses of one delivery's message."""

    __slots__ = ("_base", "_clicks", "_seal")

    def __init__(self, signer: Signer, public_url: str, ids: MessageIds) -> None:
        """Take the signer, the installation's public address without a trailing slash, and the ids."""
        self._base = public_url
        self._clicks: dict[str, str] = {}
        named = (ids.account_id, ids.profile_id, ids.delivery_id, ids.flow_id, ids.message_id)
        self._seal = signer.seal(Payload(Kind.CLICK, *named))

    def click(self, target: Target) -> str:
        """Return the tracked address of a target; HTML and text part mostly ask for the same ones."""
        address = self._clicks.get(target.url_text)
        if address is None:
            address = f"{self._base}/t/c/{self._seal.token(target.url, target.url_text)}"
            self._clicks[target.url_text] = address
        return address

    def pixel(self) -> str:
        """Return the address of the open pixel."""
        return f"{self._base}/t/o/{self._seal.of_kind(Kind.OPEN).token()}.gif"

    def unsubscribe(self) -> str:
        """Return the address of the unsubscribe page, which also takes one-click requests."""
        return f"{self._base}/t/u/{self._seal.of_kind(Kind.UNSUBSCRIBE).token()}"

    def view(self) -> str:
        """Return the address of the message in a browser."""
        return f"{self._base}/t/v/{self._seal.of_kind(Kind.VIEW).token()}"


def trackable(url: str, public_url: str) -> bool:
    """Return whether clicks on an address are tracked: http and https, but not Headrace's own pages."""
    return not url.startswith(f"{public_url}/t/") and is_web_address(url)


def preparer(public_url: str, parameters: utm.Parameters) -> Callable[[str], Target | None]:
    """Return a function from an address to what is tracked, None for what is not; it remembers the last 256."""
    return lru_cache(256)(partial(_prepared, public_url, parameters))


def _prepared(public_url: str, parameters: utm.Parameters, url: str) -> Target | None:
    url = url.replace(" ", "%20")
    if not trackable(url, public_url):
        return None
    full = utm.added(url, parameters) if parameters else url
    data = full.encode(errors="replace")
    return Target(data, unpadded(data)) if len(data) <= LONGEST_URL else None


def tracked_text(text: str, prepare: Callable[[str], Target | None], click: Callable[[Target], str]) -> str:
    """Return plain text with its addresses replaced by what `click` makes of them.

    Addresses are looked for by their `://`: a pattern that begins with letters of either case is tried at every one.
    """
    pieces: list[str] = []
    done, at = 0, text.find("://")
    while at >= 0:
        match = TEXT_URL.match(text, start) if (start := _scheme(text, at)) >= done else None
        target = prepare(match[0]) if match else None
        if match and target:
            pieces += (text[done : match.start()], click(target))
            done = match.end()
        at = text.find("://", match.end() if match else at + 3)
    return "".join((*pieces, text[done:])) if pieces else text


def _scheme(text: str, at: int) -> int:
    """Return where the http or https before a `://` begins, -1 where neither stands there."""
    for name in ("http", "https"):
        start = at - len(name)
        if start >= 0 and text[start:at].lower() == name:
            return start
    return -1


def follow(signer: Signer, token: str) -> Destination | None:
    """Return where a click's token leads, None for a token that is none or whose address is not of the web.

    The address in a token was signed here, and is checked again before anybody is sent to it.
    """
    payload = signer.read(token)
    if payload is None or payload.kind is not Kind.CLICK or not is_web_address(payload.url):
        return None
    return Destination(payload, with_identity(signer, payload))


def with_identity(signer: Signer, payload: Payload) -> str:
    """Return a click's address with the identity parameter, unless it has one."""
    if not payload.profile_id:
        return in_ascii(payload.url)
    identity = signer.sign(Payload(Kind.IDENTITY, payload.account_id, payload.profile_id))
    return in_ascii(utm.added(payload.url, ((IDENTITY, identity),)))


def in_ascii(url: str) -> str:
    """Return an address as a header can carry it: other letters percent-encoded, in the host by IDNA."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    try:
        host = parts.netloc.encode("idna").decode()
    except UnicodeError:
        host = quote(parts.netloc)
    rest = (quote(part, safe=RESERVED) for part in parts[2:])
    return urlunsplit((parts.scheme, host, *rest))


def page_url(signer: Signer, public_url: str, account_id: str, nonce: UUID, expires_at: int) -> str:
    """Return the address of a page that a one-time link opens; `nonce` tells one link from another."""
    payload = Payload(Kind.PAGE, account_id, delivery_id=nonce, expires_at=expires_at)
    return f"{public_url}/t/p/{signer.sign(payload)}"
