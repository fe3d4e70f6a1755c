"""What the inbox providers keep: every rendered message, once per delivery."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.storage.database import Connection

_INSERT = """
INSERT INTO inbox_message (bucket, account_id, delivery_id, profile_id, flow_id, message_id, channel, recipient,
                           subject, html, text, headers, sent_at)
SELECT * FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::smallint[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::jsonb[], $13::timestamptz[])
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A row of the inbox; the fields are its columns."""

    bucket: int
    account_id: str
    delivery_id: uuid.UUID
    profile_id: str
    flow_id: str
    message_id: str
    channel: int
    recipient: str
    subject: str | None
    html: str | None
    text: str | None
    headers: dict[str, Any]
    sent_at: datetime


async def keep_messages(transaction: Connection, messages: Sequence[KeptMessage]) -> None:
    """Keep messages; one whose delivery is there already changes nothing."""
    if messages:
        columns = [[getattr(one, name) for one in messages] for name in KeptMessage.__slots__]
        await transaction.execute(_INSERT, *columns)
