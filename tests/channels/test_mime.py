"""E-mails as bytes, read back by the standard library."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from headrace.channels.email.mime import HeaderRefused, message_bytes
from headrace.channels.port import EmailEnvelope, Passage

ENVELOPE = EmailEnvelope(
    passage=Passage(
        UUID(int=5), "AbC123", "01GDDKASAP8TKDDA2GRZDSVP4H", "MsG001", "FlOw01", datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
    ),
    to="ann@example.com",
    subject="Hello",
    html="<p>Grüße</p>",
    text="Greetings",
    from_email="shop@example.com",
    from_label="Shop",
    headers=(
        ("List-Unsubscribe", "<https://m.example.com/t/u/x>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
)


def read(envelope: EmailEnvelope) -> EmailMessage:
    """Write and read a message; it must hold no defect and no line that is too long."""
    data = message_bytes(envelope)
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")
    message = message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    assert [] == message.defects
    return message


def test_headers_are_read_back() -> None:
    """Sender, recipient, date and the delivery id are where mail programs look for them."""
    message = read(
        replace(ENVELOPE, cc=("c@example.com", "d@example.com"), bcc=("b@example.com",), reply_to="r@example.com")
    )
    expected = {
        "From": "Shop <shop@example.com>",
        "To": "ann@example.com",
        "Cc": "c@example.com, d@example.com",
        "Reply-To": "r@example.com",
        "Subject": "Hello",
        "Date": "Wed, 18 Mar 2026 02:00:00 +0000",
        "Message-ID": "<00000000-0000-0000-0000-000000000005@example.com>",
        "List-Unsubscribe": "<https://m.example.com/t/u/x>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Bcc": None,
    }
    assert expected == {name: message[name] for name in expected}


@pytest.mark.parametrize(
    "subject",
    ["Grüße 😀 an dich", "x" * 300, "words and words " * 20 + "end", "=?utf-8?q?x?=", "", 'a, b; (c) "d" <e>'],
)
def test_any_subject_is_read_back(subject: str) -> None:
    """Other letters, long lines and look-alikes of encoded words survive."""
    assert subject == read(replace(ENVELOPE, subject=subject))["Subject"]


@pytest.mark.parametrize("label", ["Müller & Söhne", 'The "Best", Inc.', "Shop (EU) <x>", "", "a\\b"])
def test_any_sender_name_is_read_back(label: str) -> None:
    """A display name is quoted or encoded as it needs to be."""
    (address,) = read(replace(ENVELOPE, from_label=label))["From"].addresses
    assert (label, "shop@example.com") == (address.display_name, address.addr_spec)


@pytest.mark.parametrize(
    "body", ["Grüße", "x" * 5000, "a\rb\nc\r\nd", ".\n..\nx", "--=_00000000000000000000000000000005", "é" * 3000]
)
def test_both_bodies_are_read_back(body: str) -> None:
    """Text and HTML keep their characters; line ends are normalized."""
    parts = list(read(replace(ENVELOPE, text=body, html=f"<p>{body}</p>")).iter_parts())
    expected = body.replace("\r\n", "\n").replace("\r", "\n")
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in parts]
    assert [expected, f"<p>{expected}</p>"] == [part.get_content().replace("\r\n", "\n").rstrip("\n") for part in parts]


def test_a_message_of_one_body_has_no_parts() -> None:
    """Text alone is sent as such."""
    message = read(replace(ENVELOPE, html=""))
    assert ("text/plain", "Greetings\r\n") == (message.get_content_type(), message.get_content())


@pytest.mark.parametrize(
    "hostile",
    [
        replace(ENVELOPE, subject="x\r\nBcc: all@example.com"),
        replace(ENVELOPE, subject="x\ny"),
        replace(ENVELOPE, subject="x\x00"),
        replace(ENVELOPE, from_label="x\r\nBcc: all@example.com"),
        replace(ENVELOPE, to="a@example.com\r\nBcc: all@example.com"),
        replace(ENVELOPE, to="a@example.com, b@example.com"),
        replace(ENVELOPE, from_email="a@b@example.com"),
        replace(ENVELOPE, cc=("x",)),
        replace(ENVELOPE, bcc=("a@example.com\r\nRCPT TO:<b@example.com>",)),
        replace(ENVELOPE, headers=(("X-A", "1\r\nBcc: all@example.com"),)),
        replace(ENVELOPE, headers=(("X-A: 1\r\nBcc", "all@example.com"),)),
        replace(ENVELOPE, headers=(("Bcc", "all@example.com"),)),
    ],
)
def test_no_header_breaks_out_of_its_line(hostile: EmailEnvelope) -> None:
    """Line ends in headers, several addresses in one, and headers that are ours are refused."""
    with pytest.raises(HeaderRefused):
        message_bytes(hostile)
