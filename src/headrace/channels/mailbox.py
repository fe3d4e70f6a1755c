"""The mailbox behind the inbox providers: keeps every message instead of sending it.

What is here: the protocol that the engine fills with PostgreSQL, the record it keeps, and a version in memory for
tests and single runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from headrace.channels.port import Envelope, Passage


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A kept message: the channel's name as in `model.Channel`, in small letters, and what would have been sent."""

    channel: str
    envelope: Envelope

    @property
    def passage(self) -> Passage:
        """Whose message it is."""
        return self.envelope.passage


class Mailbox(Protocol):
    """Keeps messages; storing a delivery again changes nothing."""

    async def store(self, messages: Sequence[InboxMessage]) -> None:
        """Keep messages durably before returning, at most one per delivery id."""
        ...


class MemoryMailbox:
    """A mailbox that lasts as long as its process; `messages` are in the order of arrival."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages: dict[UUID, InboxMessage] = {}

    async def store(self, messages: Sequence[InboxMessage]) -> None:
        """Keep messages, the first of each delivery."""
        for message in messages:
            self._messages.setdefault(message.passage.delivery_id, message)

    @property
    def messages(self) -> list[InboxMessage]:
        """What has been kept."""
        return list(self._messages.values())
