"""The default provider of webhooks: keeps them where `GET /headrace/messages` finds them."""

from __future__ import annotations

from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import Mailbox

ANSWER = {"status": 200, "body": None, "error": None}


def webhook_inbox(mailbox: Mailbox) -> InboxProvider:
    """Return the provider that keeps webhooks, as if each had been answered by an empty 200."""
    return InboxProvider("webhook", mailbox, ANSWER)
