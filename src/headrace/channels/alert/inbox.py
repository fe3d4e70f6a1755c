"""The default provider of internal alerts: keeps them where `GET /headrace/messages` finds them."""

from __future__ import annotations

from headrace.channels.inbox import InboxProvider
from headrace.channels.mailbox import Mailbox


def alert_inbox(mailbox: Mailbox) -> InboxProvider:
    """Return the provider that keeps internal alerts."""
    return InboxProvider("internal_alert", mailbox)
