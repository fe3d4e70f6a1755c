"""The inbox of messages, in PostgreSQL: fills the port `channels.mailbox.Mailbox`."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.channels.mailbox import InboxMessage
from headrace.engine.kept import content_of
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
    content = content_of(message.envelope)
    return KeptMessage(
        bucket=bucket_of(passage.profile_id),
        account_id=passage.account_id,
        delivery_id=passage.delivery_id,
        profile_id=passage.profile_id,
        flow_id=passage.flow_id,
        message_id=passage.message_id,
        channel=Channel[message.channel.upper()],
        recipient=content.recipient,
        subject=content.subject,
        html=content.html,
        text=content.text,
        headers=dict(content.headers),
        sent_at=passage.at,
    )
