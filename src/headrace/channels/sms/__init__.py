"""Providers of text messages, one file each, and their table.

A provider is made from the mailbox and its own address (None where it needs none).
"""

from collections.abc import Callable, Mapping

from headrace.channels.mailbox import Mailbox
from headrace.channels.port import Provider
from headrace.channels.sms.inbox import sms_inbox

PROVIDERS: Mapping[str, Callable[[Mailbox, str | None], Provider]] = {
    "inbox": lambda mailbox, url: sms_inbox(mailbox),
}

__all__ = ["PROVIDERS", "sms_inbox"]
