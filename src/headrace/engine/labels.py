"""What to call actions when people read about them: their type and, where they have one, their name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.storage.database import Connection, Database

_ACTIONS = """
SELECT action_id, type, definition FROM flow_action WHERE account_id = $1 AND flow_id = ANY($2) ORDER BY action_id
"""


NO_OTHERS: Mapping[int, str] = {}


async def action_labels(
    database: Database | Connection, account_id: str, flow_ids: Sequence[str], called: Mapping[int, str] = NO_OTHERS
) -> dict[int, str]:
    """Return action id -> label of every action that flows have or had; `called` are other ids that people know."""
    rows = await database.fetch(_ACTIONS, account_id, list(flow_ids))
    return {
        row["action_id"]: label_of(called.get(row["action_id"], row["action_id"]), row["type"], row["definition"])
        for row in rows
    }


def label_of(action_id: int | str, type_name: str, definition: Mapping[str, Any]) -> str:
    """Return `send-email "Welcome"`, or `time-delay 10000001` for an action without a name."""
    name = name_of(definition)
    return f'{type_name} "{name}"' if name else f"{type_name} {action_id}"


def name_of(definition: Mapping[str, Any]) -> str | None:
    """Return the name of an action, or of its message; None where it has none."""
    data = definition.get("data") or {}
    message = data.get("message") or {}
    return message.get("name") or data.get("name") or None
