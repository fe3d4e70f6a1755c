"""Providers of mobile push, one file each, and their table."""

from collections.abc import Callable, Mapping

from headrace.channels.mailbox import Mailbox
from headrace.channels.port import Provider
from headrace.channels.push.inbox import push_inbox

PROVIDERS: Mapping[str, Callable[[Mailbox], Provider]] = {"inbox": push_inbox}

__all__ = ["PROVIDERS", "push_inbox"]
