"""E-mail over SMTP with the standard library, in threads, over connections that are kept.

What is here: one transaction per message and what its answers mean. What is not: the message's bytes (`mime.py`), when
to try again (the engine). SMTP has no idempotency key: when the connection breaks after the message was handed over and
before the answer, nobody knows, and the result says so.

Source: RFC 5321 section 4.2 (4xx later, 5xx never). Our choice: the waits below.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from collections.abc import Sequence
from datetime import timedelta

from headrace.channels.email.mime import HeaderRefused, message_bytes, message_id
from headrace.channels.email.smtp_url import SmtpSettings
from headrace.channels.port import EmailEnvelope, Envelope, Refusal, Refused, Result, Retry, Sent, Unconfirmed

LATER = timedelta(minutes=5)
"""After a temporary refusal (greylisting asks for about as much)."""
LINE_OF_DOT = re.compile(rb"^\.", re.MULTILINE)
"""A dot that starts a line is doubled on the way. Source: RFC 5321 section 4.5.2."""
UNREACHABLE = timedelta(minutes=1)


class SmtpProvider:
    """Sends e-mail through one SMTP server over up to `settings.connections` connections at once."""

    name = "smtp"
    honors_idempotency_key = False

    __slots__ = ("_idle", "_settings")

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._idle: list[smtplib.SMTP] = []

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Send a batch, shared out over the connections; results in the order given."""
        lanes = min(len(envelopes), self._settings.connections)
        shares = [envelopes[lane::lanes] for lane in range(lanes)]
        answers = await asyncio.gather(*(asyncio.to_thread(self._send_share, share) for share in shares))
        return [answers[index % lanes][index // lanes] for index in range(len(envelopes))]

    async def close(self) -> None:
        """Say goodbye on the idle connections."""
        idle, self._idle = self._idle, []
        await asyncio.to_thread(_quit_all, idle)

    def _send_share(self, share: Sequence[Envelope]) -> list[Result]:
        lane = _Lane(self._settings, self._take())
        results = [lane.send(envelope) for envelope in share]
        if lane.connection is not None:
            self._idle.append(lane.connection)
        return results

    def _take(self) -> smtplib.SMTP | None:
        try:
            return self._idle.pop()
        except IndexError:  # asked instead of looked at first: other threads take as well
            return None


class _Lane:
    """One connection at a time, opened when it is needed."""

    def __init__(self, settings: SmtpSettings, connection: smtplib.SMTP | None) -> None:
        self._settings = settings
        self.connection = connection

    def send(self, envelope: Envelope) -> Result:
        """Send one message and tell what came of it."""
        if not isinstance(envelope, EmailEnvelope):
            return Refused("the SMTP provider sends e-mail only", Refusal.CONTENT)
        try:
            data = message_bytes(envelope)
        except HeaderRefused as problem:
            return Refused(str(problem), Refusal.CONTENT)
        reused = self.connection is not None
        result = self._attempt(envelope, data)
        if reused and isinstance(result, Retry) and self.connection is None:
            return self._attempt(envelope, data)  # an idle connection had been closed by the server
        return result

    def _attempt(self, envelope: EmailEnvelope, data: bytes) -> Result:
        handed_over = False
        try:
            connection = self.connection or _connect(self._settings)
            self.connection = connection
            refusal = _address(connection, envelope)
            if refusal is not None:
                connection.rset()
                return refusal
            code, answer = connection.docmd("DATA")
            if code != 354:
                return self._answered(code, _text(answer), envelope)
            connection.send(LINE_OF_DOT.sub(b"..", data))
            handed_over = True
            connection.send(b".\r\n")
            code, answer = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return _broken(error, handed_over)
        return self._answered(code, _text(answer), envelope)

    def _answered(self, code: int, text: str, envelope: EmailEnvelope) -> Result:
        if code == 421:
            self._drop()
        return Sent(message_id(envelope)) if code == 250 else _refusal(code, text, Refusal.CONTENT)

    def _drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def _connect(settings: SmtpSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.tls:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=settings.timeout, context=context
        )
    else:
        connection = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    try:
        if settings.starttls:
            connection.starttls(context=context)
        if settings.user:
            connection.login(settings.user, settings.password)
        connection.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException):
        connection.close()
        raise
    return connection


def _address(connection: smtplib.SMTP, envelope: EmailEnvelope) -> Result | None:
    """Name sender and recipients; None when the server takes the message's own recipient and every copy it will."""
    code, answer = connection.mail(envelope.from_email)
    if code != 250:
        return _refusal(code, _text(answer), Refusal.SENDER)
    code, answer = connection.rcpt(envelope.to)
    if code not in (250, 251):
        return _refusal(code, _text(answer), Refusal.HARD_BOUNCE)
    for copy in (*envelope.cc, *envelope.bcc):
        connection.rcpt(copy)  # a copy that is refused does not hold up the message
    return None


def _refusal(code: int, text: str, kind: Refusal) -> Result:
    reason = f"{code} {text}"
    return Refused(reason, kind) if 500 <= code < 600 else Retry(LATER, reason)


def _broken(error: Exception, handed_over: bool) -> Result:
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Retry(LATER, f"the SMTP server refuses the user: {error.smtp_code}")
    return Unconfirmed(reason) if handed_over else Retry(UNREACHABLE, reason)


def _text(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


def _quit_all(connections: list[smtplib.SMTP]) -> None:
    for connection in connections:
        try:
            connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()
