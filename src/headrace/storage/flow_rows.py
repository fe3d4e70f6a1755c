"""The rows of a flow: writing the actions and messages of a definition, and reading a stored flow.

What is here: `StoredFlow`, and statements over arrays that bring `flow_action` and `flow_message` in line with a
definition. What is not: what may be written (`flows` beside this file decides). Source: DESIGN section 3 (live edits).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.errors import NotFound
from headrace.flows.statuses import action_status
from headrace.flows.walk import Document, actions_of, message_of, nested_actions
from headrace.model.delivery import Channel
from headrace.storage.database import Connection, Database, Row

CHANNEL_OF = {
    "send-email": Channel.EMAIL,
    "send-sms": Channel.SMS,
    "send-mobile-push": Channel.PUSH,
    "send-whatsapp": Channel.WHATSAPP,
    "send-webhook": Channel.WEBHOOK,
    "send-internal-alert": Channel.INTERNAL_ALERT,
}
"""The channel of the message that an action of each type carries."""


@dataclass(frozen=True, slots=True)
class StoredFlow:
    """A flow as it is stored, with its present definition (snake_case, real ids)."""

    flow_id: str
    name: str
    status: str
    archived: bool
    trigger_type: str
    version: int
    definition: Document
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MessageAt:
    """A message inside a definition: the flow action that holds it, however deep, its channel and its document."""

    action_id: int
    channel: Channel
    message: Document


_FLOW = """
SELECT f.flow_id, f.name, f.status, f.archived, f.trigger_type, f.version, v.definition, f.created_at, f.updated_at
FROM flow AS f JOIN flow_version AS v ON v.flow_id = f.flow_id AND v.version = f.version
WHERE f.account_id = $1 AND f.flow_id = $2 AND f.deleted_at IS NULL
"""

_ACTIONS = """
INSERT INTO flow_action (action_id, account_id, flow_id, type, status, definition, created_at, updated_at)
SELECT id, $1, $2, type, status, definition, $7, $8
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::json[]) AS a (id, type, status, definition)
ON CONFLICT (action_id) DO UPDATE
SET type = excluded.type, status = excluded.status, definition = excluded.definition, updated_at = excluded.updated_at
WHERE flow_action.definition::jsonb IS DISTINCT FROM excluded.definition::jsonb
"""

_MESSAGES = """
INSERT INTO flow_message (message_id, account_id, flow_id, action_id, channel, name, template_id, definition,
                          created_at, updated_at)
SELECT id, $1, $2, action_id, channel, name, template_id, definition, $9, $10
FROM unnest($3::text[], $4::bigint[], $5::smallint[], $6::text[], $7::text[], $8::json[])
    AS m (id, action_id, channel, name, template_id, definition)
ON CONFLICT (message_id) DO UPDATE
SET name = excluded.name, template_id = excluded.template_id, definition = excluded.definition,
    updated_at = excluded.updated_at
WHERE flow_message.definition::jsonb IS DISTINCT FROM excluded.definition::jsonb
"""

_DROP_MESSAGES = """
UPDATE flow_message SET deleted_at = $4
WHERE account_id = $1 AND flow_id = $2 AND deleted_at IS NULL AND message_id <> ALL($3)
"""


def unknown_flow(flow_id: str) -> NotFound:
    """Return the problem of a flow id that the account does not have."""
    return NotFound(f'A flow with id "{flow_id}" does not exist.')


async def load_flow(database: Database | Connection, account_id: str, flow_id: str) -> StoredFlow:
    """Return a flow; raises `NotFound` when the account has none with this id, or had it deleted."""
    return _stored(await database.fetch_row(_FLOW, account_id, flow_id), flow_id)


async def lock_flow(connection: Connection, account_id: str, flow_id: str) -> StoredFlow:
    """Return a flow and keep others from changing it until the transaction ends; raises `NotFound`."""
    return _stored(await connection.fetch_row(f"{_FLOW} FOR UPDATE OF f", account_id, flow_id), flow_id)


def _stored(row: Row | None, flow_id: str) -> StoredFlow:
    if row is None:
        raise unknown_flow(flow_id)
    return StoredFlow(**dict(row))


def messages_in(definition: Mapping[str, Any]) -> Iterator[MessageAt]:
    """Yield every message of a definition with real ids, those inside experiments too."""
    for part in actions_of(definition):
        for holder in (part.value, *(nested.value for nested in nested_actions(part.value))):
            message = message_of(holder)
            channel = CHANNEL_OF.get(holder.get("type", ""))
            if message is not None and channel is not None:
                yield MessageAt(int(part.value["id"]), channel, message)


async def write_parts(
    connection: Connection,
    account_id: str,
    flow_id: str,
    definition: Mapping[str, Any],
    now: datetime,
    created_at: datetime | None = None,
) -> None:
    """Write the actions and messages of a definition; rows that say the same already keep their `updated_at`.

    Messages that the definition no longer holds are marked deleted. Actions that it no longer holds are left alone:
    their tombstones need a successor (`bury`).
    """
    await _write_actions(connection, account_id, flow_id, definition, now, created_at or now)
    await _write_messages(connection, account_id, flow_id, definition, now, created_at or now)


async def _write_actions(
    connection: Connection,
    account_id: str,
    flow_id: str,
    definition: Mapping[str, Any],
    now: datetime,
    created_at: datetime,
) -> None:
    actions = [part.value for part in actions_of(definition)]
    await connection.execute(
        _ACTIONS,
        account_id,
        flow_id,
        [int(one["id"]) for one in actions],
        [one["type"] for one in actions],
        [action_status(one) for one in actions],
        actions,
        created_at,
        now,
    )


async def _write_messages(
    connection: Connection,
    account_id: str,
    flow_id: str,
    definition: Mapping[str, Any],
    now: datetime,
    created_at: datetime,
) -> None:
    found = list(messages_in(definition))
    ids = [one.message["id"] for one in found]
    await connection.execute(
        _MESSAGES,
        account_id,
        flow_id,
        ids,
        [one.action_id for one in found],
        [int(one.channel) for one in found],
        [one.message.get("name") or "" for one in found],
        [one.message.get("template_id") for one in found],
        [one.message for one in found],
        created_at,
        now,
    )
    await connection.execute(_DROP_MESSAGES, account_id, flow_id, ids, now)


async def bury(
    connection: Connection, account_id: str, action_id: int, successor_id: int | None, now: datetime
) -> None:
    """Turn an action into a tombstone that names its successor, None for the end. Source: DESIGN section 3."""
    await connection.execute(
        "UPDATE flow_action SET deleted_at = $3, updated_at = $3, successor_id = $4 "
        "WHERE account_id = $1 AND action_id = $2",
        account_id,
        action_id,
        now,
        successor_id,
    )
