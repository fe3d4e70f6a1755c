"""The default provider of push messages: keeps them where `GET /headrace/messages` finds them."""

from __future__ import annotations

from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import Mailbox


def push_inbox(mailbox: Mailbox) -> InboxProvider:
    """Return the provider that keeps push messages."""
    return InboxProvider("push", mailbox)
