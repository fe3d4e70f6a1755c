"""E-mail providers, one file each, and their table.

A provider is made from the mailbox and its own address (None where it needs none).
"""

from collections.abc import Callable, Mapping

from headrace.channels.email.inbox import email_inbox
from headrace.channels.email.smtp import SmtpProvider
from headrace.channels.email.smtp_url import parse_smtp_url
from headrace.channels.mailbox import Mailbox
from headrace.channels.port import Provider

PROVIDERS: Mapping[str, Callable[[Mailbox, str | None], Provider]] = {
    "inbox": lambda mailbox, url: email_inbox(mailbox),
    "smtp": lambda mailbox, url: SmtpProvider(parse_smtp_url(url or "")),
}

__all__ = ["PROVIDERS", "SmtpProvider", "email_inbox", "parse_smtp_url"]
