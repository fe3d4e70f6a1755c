"""Telling segments of messages that were sent: the only thing they ask about that deliveries write.

What is not here: what becomes of it (`segments`), the events that record messages (`storage.events` notes these).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from headrace.conditions.topics import of_sent
from headrace.engine.core import Core
from headrace.storage.database import Connection
from headrace.storage.noting import note_changed


class SentMessage(NamedTuple):
    """A message that was handed to a provider, at a moment of the account's clock."""

    account_id: str
    profile_id: str
    channel: int
    at: datetime


async def note_sent(core: Core, transaction: Connection, messages: Sequence[SentMessage]) -> None:
    """Let the segments be looked at that ask about messages of these channels, where there are any."""
    if not messages:
        return
    segments = await core.segments.load(transaction, {one.account_id for one in messages})
    changed: defaultdict[tuple[str, datetime], defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in messages:
        topic = of_sent(one.channel)
        if one.account_id in segments and segments[one.account_id].asking((topic,)):
            changed[one.account_id, one.at][one.profile_id].add(topic)
    for (account_id, at), people in changed.items():
        await note_changed(transaction, account_id, people, at)
