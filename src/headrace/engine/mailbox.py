"""The inbox of messages, in PostgreSQL: fills the port `channels.mailbox.Mailbox`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.channels.mailbox import InboxMessage
from headrace.channels.port import EmailEnvelope, Envelope, SmsEnvelope
from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage.database import Database
from headrace.storage.inbox import KeptMessage, keep_messages


class DatabaseMailbox:
    """Keeps messages in the table `inbox_message`."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, messages: Sequence[InboxMessage]) -> None:
        """Keep messages durably before returning, at most one per delivery."""
        async with self._database.transaction() as transaction:
            await keep_messages(transaction, [_row(message) for message in messages])


def _row(message: InboxMessage) -> KeptMessage:
    passage = message.passage
    subject, html, text, headers = _content(message.envelope)
    return KeptMessage(
        bucket=bucket_of(passage.profile_id),
        account_id=passage.account_id,
        delivery_id=passage.delivery_id,
        profile_id=passage.profile_id,
        flow_id=passage.flow_id,
        message_id=passage.message_id,
        channel=Channel[message.channel.upper()],
        recipient=message.envelope.to,
        subject=subject,
        html=html,
        text=text,
        headers=headers,
        sent_at=passage.at,
    )


def _content(envelope: Envelope) -> tuple[str | None, str | None, str, dict[str, Any]]:
    """Return subject, HTML, text and headers."""
    match envelope:
        case EmailEnvelope():
            return envelope.subject, envelope.html, envelope.text, _headers(envelope)
        case SmsEnvelope():
            return None, None, envelope.body, {}


def _headers(envelope: EmailEnvelope) -> dict[str, Any]:
    sender = f"{envelope.from_label} <{envelope.from_email}>" if envelope.from_label else envelope.from_email
    copies = {"Cc": ", ".join(envelope.cc), "Bcc": ", ".join(envelope.bcc), "Reply-To": envelope.reply_to}
    return {"From": sender, **{name: value for name, value in copies.items() if value}, **dict(envelope.headers)}
