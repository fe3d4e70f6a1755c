"""Providers of webhooks, one file each, and their table: `inbox` keeps them, `https` and `http` send them.

`https` posts to https addresses, and to plain ones of this machine; `http` also to plain ones elsewhere.
"""

from collections.abc import Callable, Mapping

from headrace.channels.mailbox import Mailbox
from headrace.channels.port import Provider
from headrace.channels.webhook.http import WebhookProvider
from headrace.channels.webhook.inbox import webhook_inbox

PROVIDERS: Mapping[str, Callable[[Mailbox], Provider]] = {
    "inbox": webhook_inbox,
    "https": lambda mailbox: WebhookProvider(),
    "http": lambda mailbox: WebhookProvider(plain_anywhere=True),
}

__all__ = ["PROVIDERS", "WebhookProvider", "webhook_inbox"]
