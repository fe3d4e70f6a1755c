"""Providers of internal alerts, which are e-mail, and their table.

A provider is made from the mailbox and its own address (None where it needs none).
"""

from collections.abc import Callable, Mapping

from headrace.channels.alert.inbox import alert_inbox
from headrace.channels.email import SmtpProvider, parse_smtp_url
from headrace.channels.mailbox import Mailbox
from headrace.channels.port import Provider

PROVIDERS: Mapping[str, Callable[[Mailbox, str | None], Provider]] = {
    "inbox": lambda mailbox, url: alert_inbox(mailbox),
    "smtp": lambda mailbox, url: SmtpProvider(parse_smtp_url(url or "")),
}

__all__ = ["PROVIDERS", "alert_inbox"]
