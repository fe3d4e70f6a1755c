"""Providers of WhatsApp messages, one file each, and their table."""

from collections.abc import Callable, Mapping

from headrace.channels.mailbox import Mailbox
from headrace.channels.port import Provider
from headrace.channels.whatsapp.inbox import whatsapp_inbox

PROVIDERS: Mapping[str, Callable[[Mailbox], Provider]] = {"inbox": whatsapp_inbox}

__all__ = ["PROVIDERS", "whatsapp_inbox"]
