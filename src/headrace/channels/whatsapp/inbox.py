"""The default provider of WhatsApp messages: keeps them where `GET /headrace/messages` finds them."""

from __future__ import annotations

from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import Mailbox


def whatsapp_inbox(mailbox: Mailbox) -> InboxProvider:
    """Return the provider that keeps WhatsApp messages."""
    return InboxProvider("whatsapp", mailbox)
