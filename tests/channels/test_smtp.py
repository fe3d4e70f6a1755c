"""The SMTP provider against a server on the loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller

from headrace.channels.email.smtp import SmtpProvider
from headrace.channels.email.smtp_url import SmtpSettings, parse_smtp_url
from headrace.channels.port import EmailEnvelope, Passage, Refusal, Refused, Retry, Sent, SmsEnvelope, Unconfirmed
from headrace.errors import ConfigError

PASSAGE = Passage(
    UUID(int=5), "AbC123", "01GDDKASAP8TKDDA2GRZDSVP4H", "MsG001", "FlOw01", datetime(2026, 3, 18, tzinfo=UTC)
)


class Handler:
    """A server that answers what a test asks for and keeps what it took."""

    def __init__(self, answers: dict[str, str] | None = None) -> None:
        self.answers = answers or {}
        self.taken: list[Any] = []
        self.peers: set[Any] = set()

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """Answer the sender."""
        envelope.mail_from = address
        return self.answers.get(address, "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """Answer a recipient."""
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take the message, or break the connection."""
        answer = self.answers.get("data", "250 OK")
        if answer == "break":
            server.transport.abort()
        self.peers.add(session.peer)
        self.taken.append(envelope)
        return answer


@contextmanager
def server(handler: Handler) -> Iterator[SmtpSettings]:
    """Run a server on a free port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield SmtpSettings("127.0.0.1", port, timeout=10.0, connections=2)
    finally:
        controller.stop()


def envelope(number: int = 5, to: str = "ann@example.com") -> EmailEnvelope:
    """Return an e-mail."""
    passage = replace(PASSAGE, delivery_id=UUID(int=number))
    return EmailEnvelope(passage, to, f"Subject {number}", "<p>Hi</p>", ".\nHi", "shop@example.com", "Shop")


async def test_a_batch_is_delivered_in_order_over_few_connections() -> None:
    """Every message arrives once, the results are in the order given, connections are reused."""
    handler = Handler()
    with server(handler) as settings:
        provider = SmtpProvider(settings)
        results = [*await provider.send_many([envelope(n) for n in range(7)]), *await provider.send_many([envelope(7)])]
        await provider.close()

    assert [Sent(f"<{UUID(int=n)}@example.com>") for n in range(8)] == results
    messages = [message_from_bytes(taken.content, policy=default) for taken in handler.taken]
    assert sorted(f"Subject {n}" for n in range(8)) == sorted(message["Subject"] for message in messages)
    body = messages[0].get_body(("plain",))
    assert body is not None
    assert [".", "Hi"] == body.get_content().splitlines()
    assert 2 == len(handler.peers)


async def test_hidden_copies_are_named_to_the_server_only() -> None:
    """A Bcc recipient gets the message and is not in it; a copy that is refused does not hold it up."""
    handler = Handler({"bad@example.com": "550 no"})
    with server(handler) as settings:
        provider = SmtpProvider(settings)
        copied = replace(envelope(), cc=("bad@example.com",), bcc=("hidden@example.com",))
        (result,) = await provider.send_many([copied])
        await provider.close()
    assert isinstance(result, Sent)
    assert ["ann@example.com", "hidden@example.com"] == handler.taken[0].rcpt_tos
    assert b"hidden" not in handler.taken[0].content


@pytest.mark.parametrize(
    ("where", "answer", "expected"),
    [
        ("ann@example.com", "550 no such user", Refused("550 no such user", Refusal.HARD_BOUNCE)),
        ("ann@example.com", "451 greylisted", Retry(timedelta(minutes=5), "451 greylisted")),
        ("shop@example.com", "553 not you", Refused("553 not you", Refusal.SENDER)),
        ("data", "554 spam", Refused("554 spam", Refusal.CONTENT)),
        ("data", "452 disk full", Retry(timedelta(minutes=5), "452 disk full")),
    ],
)
async def test_answers_become_results(where: str, answer: str, expected: object) -> None:
    """4xx is for later, 5xx for good, and the next message goes out over the same connection."""
    handler = Handler({where: answer})
    with server(handler) as settings:
        provider = SmtpProvider(replace(settings, connections=1))
        first, second = await provider.send_many([envelope(1), envelope(2, "bob@example.com")])
        await provider.close()
    assert expected == first
    assert isinstance(second, Sent) == (where == "ann@example.com")


async def test_a_break_after_the_handover_is_unconfirmed() -> None:
    """When the connection breaks before the answer, nobody knows, and the result says so."""
    with server(Handler({"data": "break"})) as settings:
        (result,) = await SmtpProvider(settings).send_many([envelope()])
    assert isinstance(result, Unconfirmed)


async def test_a_server_that_is_away_is_tried_later() -> None:
    """Nothing was handed over, so a retry is safe."""
    with server(Handler()) as settings:
        pass
    (result,) = await SmtpProvider(settings).send_many([envelope()])
    assert isinstance(result, Retry)


async def test_an_idle_connection_that_was_closed_is_opened_again() -> None:
    """A server that hung up between two batches costs nothing."""
    handler = Handler()
    with server(handler) as settings:
        provider = SmtpProvider(replace(settings, connections=1))
        await provider.send_many([envelope(1)])
        provider._idle[0].sock.close()  # type: ignore[union-attr]
        (result,) = await provider.send_many([envelope(2)])
        await provider.close()
    assert isinstance(result, Sent)


async def test_what_is_no_email_or_no_message_is_refused() -> None:
    """A text message and a header with a line end are refused without asking the server."""
    provider = SmtpProvider(SmtpSettings("127.0.0.1", 1))
    results = await provider.send_many(
        [SmsEnvelope(PASSAGE, "+15555550100", "Hi"), replace(envelope(), subject="a\nb")]
    )
    assert [Refusal.CONTENT, Refusal.CONTENT] == [result.kind for result in results if isinstance(result, Refused)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://127.0.0.1:1025", SmtpSettings("127.0.0.1", 1025)),
        (
            "smtp://u%40x:p%3Aw@mail.example.com?starttls",
            SmtpSettings("mail.example.com", 587, "u@x", "p:w", starttls=True),
        ),
        (
            "smtps://mail.example.com?timeout=5&connections=9",
            SmtpSettings("mail.example.com", 465, tls=True, timeout=5.0, connections=9),
        ),
    ],
)
def test_addresses_of_servers_are_read(url: str, expected: SmtpSettings) -> None:
    """Scheme, user, password and parameters."""
    assert expected == parse_smtp_url(url)


@pytest.mark.parametrize(
    "url", ["", "http://x", "smtp://", "smtp://x:99999", "smtp://x?tls", "smtp://u:secret@x?timeout=0"]
)
def test_wrong_addresses_are_refused_without_the_password(url: str) -> None:
    """The operator's mistake is named, the password is not."""
    with pytest.raises(ConfigError) as caught:
        parse_smtp_url(url)
    assert "secret" not in str(caught.value)
