"""The default provider of text messages: keeps them where `GET /headrace/messages` finds them."""

from __future__ import annotations

from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import Mailbox


def sms_inbox(mailbox: Mailbox) -> InboxProvider:
    """Return the provider that keeps text messages."""
    return InboxProvider("sms", mailbox)
