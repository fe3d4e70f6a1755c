"""Signed tokens: what a link in a message says, readable without a database.

What is here: the record a token carries, its compact form, and the signer. What is not: addresses (`links.py`), the
file that keeps the key (`secrets_file.py`), what a click does (the API). Source: DESIGN section 8, "Secrets".

A token is URL-safe base 64 of

    key id (1) | kind (1) | flags (1) | account | profile | flow | message | delivery (16)? | expiry (8)? | filler (0-2)
    | MAC (15) | URL

Texts are preceded by their length (1 byte); a ULID takes 16 bytes behind the length 255. The filler brings the part
before the MAC to a multiple of 3, so that the three parts can be encoded apart and joined: a message computes the first
once, and a template the last. The MAC is HMAC-SHA-256 cut to 120 bits, over everything else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headrace.ids import CROCKFORD, encode, ulid_number
from headrace.model.web_address import LONGEST_URL

MAC_SIZE = 15
ULID_MARK = 255
LONGEST_ID = 64
HAS_DELIVERY = 4
HAS_EXPIRY = 8
FILLER = 3
"""The bits of the flags that count the filler bytes."""
LONGEST_TOKEN = 16_384


class Kind(IntEnum):
    """What a token allows; the numbers are in links that people keep for years."""

    OPEN = 1
    CLICK = 2
    UNSUBSCRIBE = 3
    VIEW = 4
    PAGE = 5
    IDENTITY = 6
    CONFIRM = 7


@dataclass(frozen=True, slots=True)
class Payload:
    """What a token says. `url` is the target of a click, `expires_at` is Unix seconds of domain time, 0 for never.

    A token that confirms a subscription names the list, if there is one, as `message_id`, and has as `url` a digest of
    the address that it was sent to.
    """

    kind: Kind
    account_id: str
    profile_id: str = ""
    delivery_id: UUID | None = None
    flow_id: str = ""
    message_id: str = ""
    url: str = ""
    expires_at: int = 0

    def expired(self, now: datetime) -> bool:
        """Return whether the token has passed its end at an aware moment."""
        return 0 < self.expires_at <= now.timestamp()


class Seal:
    """Signs the addresses of one message: all but the address is encoded once."""

    __slots__ = ("_head", "_head_text", "_key")

    def __init__(self, key: bytes, head: bytes) -> None:
        self._key = key
        self._head = head
        self._head_text = urlsafe_b64encode(head).decode()

    def of_kind(self, kind: Kind) -> Seal:
        """Return the seal of another kind of token for the same message."""
        return Seal(self._key, self._head[:1] + bytes((kind,)) + self._head[2:])

    def token(self, url: bytes = b"", url_text: str = "") -> str:
        """Return the token for an address, given as bytes and as their base 64 without padding."""
        mac = hmac.digest(self._key, self._head + url, "sha256")[:MAC_SIZE]
        return self._head_text + urlsafe_b64encode(mac).decode() + url_text


class Signer:
    """Makes tokens with the first of its keys and reads those of all."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[tuple[int, bytes]]) -> None:
        """Take (key id 0-255, secret of at least 16 bytes), the newest first; raises `ValueError`."""
        if not keys:
            raise ValueError("a signer needs at least one key")
        for key_id, secret in keys:
            if not 0 <= key_id <= 255 or len(secret) < 16:
                raise ValueError(f"key {key_id}: the id must be 0 to 255 and the secret 16 bytes or longer")
        self._keys = tuple((key_id, _derived(secret)) for key_id, secret in keys)

    def keys_for(self, purpose: str) -> tuple[tuple[int, bytes], ...]:
        """Return (key id, 32 bytes) for something else than tokens, in the order of the keys."""
        return tuple((key_id, _for_purpose(key, purpose)) for key_id, key in self._keys)

    def seal(self, payload: Payload) -> Seal:
        """Return the seal of a message's links; `payload.url` is left out."""
        key_id, key = self._keys[0]
        return Seal(key, _head(key_id, payload))

    def sign(self, payload: Payload) -> str:
        """Return the token of a payload; raises `ValueError` for an id or address that is too long."""
        url = payload.url.encode()
        if len(url) > LONGEST_URL:
            raise ValueError(f"an address of {len(url)} bytes is longer than {LONGEST_URL}")
        return self.seal(payload).token(url, unpadded(url))

    def read(self, token: str) -> Payload | None:
        """Return what a token says, None for one that was not made here or was changed."""
        raw = _raw(token)
        if raw is None:
            return None
        found = _parse(raw)
        if found is None:
            return None
        payload, head_size = found
        head, mac, url = raw[:head_size], raw[head_size : head_size + MAC_SIZE], raw[head_size + MAC_SIZE :]
        genuine = False
        for key_id, key in self._keys:
            if key_id == raw[0]:
                genuine |= hmac.compare_digest(mac, hmac.digest(key, head + url, "sha256")[:MAC_SIZE])
        return payload if genuine else None


def unpadded(data: bytes) -> str:
    """Return URL-safe base 64 without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def _derived(secret: bytes) -> bytes:
    """Return the key for tokens: the secret also protects other things, under other names."""
    return hmac.digest(secret, b"headrace tokens 1", hashlib.sha256)


def _for_purpose(key: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=f"headrace {purpose}".encode()).derive(key)


def _head(key_id: int, payload: Payload) -> bytes:
    flags = (HAS_DELIVERY if payload.delivery_id else 0) | (HAS_EXPIRY if payload.expires_at else 0)
    texts = (payload.account_id, payload.profile_id, payload.flow_id, payload.message_id)
    body = b"".join(_packed(text) for text in texts)
    if payload.delivery_id:
        body += payload.delivery_id.bytes
    if payload.expires_at:
        body += payload.expires_at.to_bytes(8, "big")
    filler = -(3 + len(body)) % 3
    return bytes((key_id, payload.kind, flags | filler)) + body + bytes(filler)


ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def _packed(text: str) -> bytes:
    if ULID.fullmatch(text):
        return bytes((ULID_MARK,)) + ulid_number(text).to_bytes(16, "big")
    data = text.encode()
    if len(data) > LONGEST_ID:
        raise ValueError(f"the id {text[:80]!r} is longer than {LONGEST_ID} bytes")
    return bytes((len(data),)) + data


def _raw(token: str) -> bytes | None:
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    return raw if unpadded(raw) == token else None  # one spelling per token


def _parse(raw: bytes) -> tuple[Payload, int] | None:
    """Return the payload and where the MAC starts; the text is not yet known to be genuine."""
    try:
        flags, position = raw[2], 3
        texts = []
        for _ in range(4):
            text, position = _unpacked(raw, position)
            texts.append(text)
        delivery = UUID(bytes=raw[position : position + 16]) if flags & HAS_DELIVERY else None
        position += 16 if delivery else 0
        expires_at = int.from_bytes(raw[position : position + 8], "big") if flags & HAS_EXPIRY else 0
        position += (8 if flags & HAS_EXPIRY else 0) + (flags & FILLER)
        url = raw[position + MAC_SIZE :].decode()
        account_id, profile_id, flow_id, message_id = texts
        payload = Payload(Kind(raw[1]), account_id, profile_id, delivery, flow_id, message_id, url, expires_at)
    except (IndexError, ValueError):
        return None
    return payload, position


def _unpacked(raw: bytes, position: int) -> tuple[str, int]:
    size = raw[position]
    position += 1
    if size == ULID_MARK:
        return encode(int.from_bytes(raw[position : position + 16], "big"), CROCKFORD, 26), position + 16
    return raw[position : position + size].decode(), position + size
