"""An e-mail as bytes: headers by the standard library, bodies by `binascii`.

`EmailMessage` takes milliseconds to choose an encoding for a body of 20 KB and half of one for five headers, so only
headers that need encoding, quoting or folding go through it (DESIGN section 8, "Mail speed"). Bodies are base 64 unless
they are plain ASCII with short lines. Source: RFC 5322, 2045, 2046.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from headrace.channels.port import EmailEnvelope

LINE = 76
"""Characters in one line of base 64."""
LONGEST_LINE = 998
FORBIDDEN = re.compile(r"[\r\n\x00]")
ADDRESS = re.compile(r"[!#-'*+/-9=?A-Z^-~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/^_{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_{|}~-]+){0,9}")
WORDS = re.compile(r"[!-~](?:[ -~]{0,66}[!-~])?")
CRLF = "\r\n"
FOLD = ",\r\n "
NAME = re.compile(r"[!-9;-~]+")
OURS = frozenset(
    {"from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type"}
    | {"content-transfer-encoding"}
)


class HeaderRefused(ValueError):
    """A header that would break out of its line, or that is not the sender's to set."""


def message_bytes(envelope: EmailEnvelope) -> bytes:
    """Return the message as it goes over SMTP, lines ended by CR LF; raises `HeaderRefused`.

    Bcc recipients are not in it. The Message-ID carries the delivery id, so that bounces can be matched.
    """
    head = _headers(envelope)
    parts = [(kind, text) for kind, text in (("plain", envelope.text), ("html", envelope.html)) if text]
    if len(parts) < 2:
        kind, text = parts[0] if parts else ("plain", "")
        return head + _part(kind, text)
    return head + _alternative(parts, f"=_{envelope.passage.delivery_id.hex}")


def message_id(envelope: EmailEnvelope) -> str:
    """Return the Message-ID: the delivery id at the sender's domain."""
    return f"<{envelope.passage.delivery_id}@{envelope.from_email.rpartition('@')[2]}>"


def _headers(envelope: EmailEnvelope) -> bytes:
    for address in (envelope.to, envelope.from_email, *envelope.cc, *envelope.bcc, *_split(envelope.reply_to)):
        if not ADDRESS.fullmatch(address):
            raise HeaderRefused(f"{address[:80]!r} cannot be written as an address")
    lines = [
        f"Message-ID: {message_id(envelope)}\r\nDate: {format_datetime(envelope.passage.at)}\r\n",
        _from(envelope.from_email, _checked("display name", envelope.from_label)),
        f"To: {envelope.to}\r\n",
        _subject(_checked("Subject", envelope.subject)),
        f"Cc: {FOLD.join(envelope.cc)}\r\n" if envelope.cc else "",
        f"Reply-To: {FOLD.join(_split(envelope.reply_to))}\r\n" if envelope.reply_to else "",
        *(f"{name}: {value}\r\n" for name, value in _further(envelope.headers)),
        "MIME-Version: 1.0\r\n",
    ]
    return "".join(lines).encode("ascii")


def _from(address: str, label: str) -> str:
    """Write the sender; a name that needs quoting or encoding is left to the slow library."""
    if not label or PHRASE.fullmatch(label):
        return f"From: {label} <{address}>\r\n" if label else f"From: {address}\r\n"
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(label, addr_spec=address)
        return bytes(message)[:-2].decode("ascii")
    except (ValueError, IndexError) as error:
        raise HeaderRefused(f"the display name {label[:80]!r} cannot be written: {error}") from error


def _subject(subject: str) -> str:
    """Write the subject; one with other letters, a long one, or what looks like an encoded word is encoded."""
    if WORDS.fullmatch(subject) and "=?" not in subject:
        return f"Subject: {subject}\r\n"
    return f"Subject: {Header(subject, 'utf-8', header_name='Subject').encode(linesep=CRLF)}\r\n"


def _split(addresses: str) -> tuple[str, ...]:
    return tuple(address.strip() for address in addresses.split(",") if address.strip())


def _checked(name: str, value: str) -> str:
    if FORBIDDEN.search(value):
        raise HeaderRefused(f"the {name} {value[:80]!r} holds a line end or a NUL")
    return value


def _further(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Check the further headers: ASCII in one line each, none that the message sets itself."""
    for name, value in headers:
        if not NAME.fullmatch(name) or name.lower() in OURS:
            raise HeaderRefused(f"the header {name[:80]!r} may not be set")
        if not _checked(name, value).isascii() or len(name) + len(value) + 2 > LONGEST_LINE:
            raise HeaderRefused(f"the header {name} must be ASCII of at most {LONGEST_LINE} characters")
    return list(headers)


def _alternative(parts: list[tuple[str, str]], boundary: str) -> bytes:
    """Join the parts, the richest last; the boundary cannot occur in them (no base 64 line holds `_`)."""
    mark = boundary.encode()
    while any(mark in text.encode(errors="replace") for _, text in parts):
        mark += b"_"
    pieces = [b'Content-Type: multipart/alternative; boundary="', mark, b'"\r\n\r\n']
    for kind, text in parts:
        pieces += [b"--", mark, b"\r\n", _part(kind, text), b"\r\n"]
    return b"".join([*pieces, b"--", mark, b"--\r\n"])


def _part(kind: str, text: str) -> bytes:
    """Return one body with its own headers."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: '.encode()
    if _plain(lines):
        return head + b"7bit\r\n\r\n" + lines.encode("ascii") + b"\r\n"
    encoded = binascii.b2a_base64(lines.encode(errors="replace"), newline=False)
    pieces = [encoded[start : start + LINE] for start in range(0, len(encoded), LINE)]
    return head + b"base64\r\n\r\n" + b"\r\n".join(pieces) + b"\r\n"


def _plain(lines: str) -> bool:
    return lines.isascii() and "\x00" not in lines and max(map(len, lines.split("\r\n"))) <= LONGEST_LINE
