"""The default e-mail provider: keeps messages where `GET /headrace/messages` finds them."""

from __future__ import annotations

from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import Mailbox


def email_inbox(mailbox: Mailbox) -> InboxProvider:
    """Return the provider that keeps e-mail."""
    return InboxProvider("email", mailbox)
