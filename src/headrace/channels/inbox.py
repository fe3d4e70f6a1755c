"""What the inbox providers of all channels share: storing a batch and saying so."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.channels.mailbox import InboxMessage, Mailbox
from headrace.channels.port import Envelope, Output, Result, Sent


class InboxProvider:
    """Keeps every message of a channel in the mailbox; sending a delivery again keeps the first."""

    name = "inbox"
    honors_idempotency_key = True

    __slots__ = ("_answer", "_channel", "_mailbox")

    def __init__(self, channel: str, mailbox: Mailbox, answer: Output | None = None) -> None:
        self._channel = channel
        self._mailbox = mailbox
        self._answer = answer

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Keep the messages; each counts as sent under its delivery id, with the answer that was given at first."""
        await self._mailbox.store([InboxMessage(self._channel, envelope) for envelope in envelopes])
        return [Sent(str(envelope.passage.delivery_id), self._answer) for envelope in envelopes]

    async def close(self) -> None:
        """Nothing to let go of: the mailbox belongs to its owner."""
