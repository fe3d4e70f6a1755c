"""Identifiers and randomness: the only module that draws a random number.

Formats (Source: reference section 9): accounts, flows, lists, segments, metrics, templates and messages carry six
letters and digits; flow actions a decimal number from a sequence; profiles a ULID; events eleven base62 digits; tags
and error ids a UUID. What a person must not guess (keys, tokens) comes from the operating system.

Runs and deliveries are named after what they are (`run_id`, `delivery_id` below), so that entering or sending the same
thing twice meets its own primary key. Buckets: every big table starts with `bucket_of(profile id)`.
See docs/decisions/0004-identifiers.md.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import uuid
import zlib
from datetime import UTC, datetime
from typing import Protocol

BUCKETS = 256
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EVENT_EPOCH = 631_152_000
"""Seconds from the Unix epoch to 1990-01-01, the earliest time an event may have. Source: reference 5.4."""
SERIALS = 1 << 31


class IdSource(Protocol):
    """Draws identifiers. The production source is random; tests pass a seeded one."""

    def short(self) -> str:
        """Return six letters and digits, as flows, lists, metrics, templates and messages carry."""
        ...

    def ulid(self, at: datetime) -> str:
        """Return a ULID whose time part is `at`."""
        ...

    def uuid(self) -> str:
        """Return a version 4 UUID in its usual spelling."""
        ...

    def secret(self, size: int = 32) -> str:
        """Return `size` random bytes as URL-safe text; never predictable, whatever the source."""
        ...


class RandomIds:
    """The production source: everything comes from the operating system's generator."""

    __slots__ = ("_draw",)

    def __init__(self) -> None:
        self._draw: random.Random = random.SystemRandom()

    def short(self) -> str:
        """Return six letters and digits."""
        return "".join(self._draw.choices(BASE62, k=6))

    def ulid(self, at: datetime) -> str:
        """Return a ULID: 48 bits of milliseconds, 80 random bits, in Crockford's base 32."""
        number = (int(at.timestamp() * 1000) << 80) | self._draw.getrandbits(80)
        return encode(number, CROCKFORD, 26)

    def uuid(self) -> str:
        """Return a version 4 UUID."""
        return str(uuid.UUID(int=self._draw.getrandbits(128), version=4))

    def secret(self, size: int = 32) -> str:
        """Return `size` random bytes as URL-safe text."""
        return secrets.token_urlsafe(size)


class SeededIds(RandomIds):
    """A source that repeats itself: the same seed draws the same ids. Secrets stay random."""

    __slots__ = ()

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._draw = random.Random(seed)


def bucket_of(key: str) -> int:
    """Return the bucket, 0-255, of a profile id (or of an identifier's `account|kind|value`)."""
    return zlib.crc32(key.encode()) & (BUCKETS - 1)


def identifier_bucket(account_id: str, kind: int, value: str) -> int:
    """Return the bucket of an identifier row, which is not that of its profile. Source: DESIGN section 8."""
    return bucket_of(f"{account_id}|{kind}|{value}")


def event_number(occurred_at: datetime, serial: int) -> int:
    """Return an event's 63-bit number: seconds since 1990 in the high 32 bits, a serial in the low 31.

    Numbers sort by time, so one index serves both the look-up and the listing of events. Serials come from a database
    sequence and repeat after 2^31 events; two events share a number only if that many lie between them within the
    same second of event time.
    """
    return number_of_second(int(occurred_at.timestamp()), serial)


def number_of_second(second: int, serial: int) -> int:
    """Return the number of an event of a second since 1970, as `event_number` does of a moment."""
    return ((second - EVENT_EPOCH) << 31) | (serial % SERIALS)


def event_id(number: int) -> str:
    """Return an event number as the eleven base62 digits that the API shows."""
    return encode(number, BASE62, 11)


def parse_event_id(text: str) -> int | None:
    """Return the number behind an API event id, or None for a malformed one."""
    number = decode(text, BASE62)
    return number if len(text) == 11 and number is not None and number < (1 << 63) else None


def event_moment(number: int) -> datetime:
    """Return the second an event number was made for."""
    return datetime.fromtimestamp((number >> 31) + EVENT_EPOCH, UTC)


def event_uuid(number: int) -> str:
    """Return the time-based UUID (version 1) that an event shows beside its id, a pure function of its number."""
    ticks = ((number >> 31) + EVENT_EPOCH) * 10_000_000 + 0x01B21DD213814000
    serial = number % SERIALS
    fields = (ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF | 0x1000)
    return str(uuid.UUID(fields=(*fields, 0x80, serial & 0xFF, 0x010000000000 | serial)))


def run_id(flow_id: str, profile_id: str, cause: str) -> uuid.UUID:
    """Return the id of the run of one profile through one flow for one cause (an event id, a join time)."""
    return _named(f"run|{flow_id}|{profile_id}|{cause}")


def delivery_id(run: uuid.UUID, action_id: int, variation: str) -> uuid.UUID:
    """Return the id of the one delivery that a run's action and variation may ever have."""
    return _named(f"delivery|{run.hex}|{action_id}|{variation}")


def opt_in_id(account_id: str, profile_id: str, list_id: str, asked_at: datetime) -> uuid.UUID:
    """Return the id of the one message that asks a person, at a moment, to confirm a subscription to a list."""
    return _named(f"opt-in|{account_id}|{profile_id}|{list_id}|{asked_at.astimezone(UTC).isoformat()}")


def reply_id(account_id: str, event: str) -> uuid.UUID:
    """Return the id of the one message that answers what a person wrote, which its event names."""
    return _named(f"reply|{account_id}|{event}")


def attribution_id(number: int, delivery: uuid.UUID) -> str:
    """Return the 32 hexadecimal digits that name the attribution of an event, by its number, to a delivery."""
    return _named(f"attribution|{number}|{delivery.hex}").hex


def fraction(*parts: str) -> float:
    """Return a number in [0, 1) fixed by `parts`: the engine's substitute for a random draw."""
    digest = hashlib.blake2b("|".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def share(key: str, place: str) -> float:
    """Return a number in [0, 1) fixed by a key and a place, by a hash that PostgreSQL computes too."""
    digest = hashlib.sha256(f"{key}|{place}".encode()).hexdigest()
    return int(digest[:13], 16) / 2**52


def encode(number: int, alphabet: str, width: int) -> str:
    """Write a non-negative number in the base of `alphabet`, padded to `width` digits."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))


_TO_BASE_32 = str.maketrans(CROCKFORD, "0123456789abcdefghijklmnopqrstuv")


def ulid_number(ulid: str) -> int:
    """Return the 128-bit number that a well-formed ULID spells; raises `ValueError` for other digits."""
    return int(ulid.translate(_TO_BASE_32), 32)


def decode(text: str, alphabet: str) -> int | None:
    """Read a number in the base of `alphabet`; None when a digit is not in it."""
    number = 0
    for letter in text:
        digit = alphabet.find(letter)
        if digit < 0:
            return None
        number = number * len(alphabet) + digit
    return number


def _named(name: str) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.blake2b(name.encode(), digest_size=16).digest(), version=5)
