"""Templates: making, changing, copying and deleting them.

What is here: the statements that write templates, and `load_templates` for those who render. What is not: reading them
for the API (a select made from the rows of `api`) and the template language (`templates`). A template that a flow
message uses is the message's own copy. Source: reference 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.errors import Conflict, NotFound
from headrace.ids import IdSource
from headrace.storage.database import Connection, Database, Row

CHANGEABLE = ("name", "html", "text", "amp")
"""The columns that an update may change. Source: reference 8.2."""


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A template to be made; `html`, `text` and `amp` are sources in the template language."""

    name: str
    editor_type: str = "CODE"
    html: str | None = None
    text: str | None = None
    amp: str | None = None


@dataclass(frozen=True, slots=True)
class CopyOf:
    """A copy to be made of `template_id` for a flow message."""

    template_id: str
    message_id: str


_INSERT = """
INSERT INTO template (template_id, account_id, name, editor_type, html, text, amp, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
"""

_UPDATE = """
UPDATE template SET
    name = CASE WHEN $3::jsonb ? 'name' THEN $3::jsonb ->> 'name' ELSE name END,
    html = CASE WHEN $3::jsonb ? 'html' THEN $3::jsonb ->> 'html' ELSE html END,
    text = CASE WHEN $3::jsonb ? 'text' THEN $3::jsonb ->> 'text' ELSE text END,
    amp = CASE WHEN $3::jsonb ? 'amp' THEN $3::jsonb ->> 'amp' ELSE amp END,
    updated_at = $4
WHERE account_id = $1 AND template_id = $2
RETURNING template_id
"""

_COPY = """
INSERT INTO template (template_id, account_id, name, editor_type, html, text, amp, message_id, created_at, updated_at)
SELECT made.id, $1, t.name, t.editor_type, t.html, t.text, t.amp, made.message_id, $5, $5
FROM unnest($2::text[], $3::text[], $4::text[]) AS made (id, source, message_id)
JOIN template AS t ON t.account_id = $1 AND t.template_id = made.source
"""

_LOAD = """
SELECT template_id, name, editor_type, html, text, amp, message_id, created_at, updated_at
FROM template WHERE account_id = $1 AND template_id = ANY($2)
"""

_LOCK = "SELECT message_id FROM template WHERE account_id = $1 AND template_id = $2 FOR UPDATE"
_DELETE = "DELETE FROM template WHERE account_id = $1 AND template_id = $2"


def unknown_template(template_id: str) -> NotFound:
    """Return the problem of a template id that the account does not have."""
    return NotFound(f'A template with id "{template_id}" does not exist.')


async def create_template(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    now: datetime,
    new: NewTemplate,
    *,
    template_id: str | None = None,
) -> str:
    """Write a template and return its id, which is drawn unless it is given."""
    made = template_id or ids.short()
    await connection.execute(_INSERT, made, account_id, new.name, new.editor_type, new.html, new.text, new.amp, now)
    return made


async def update_template(
    connection: Connection, account_id: str, template_id: str, changes: Mapping[str, Any], now: datetime
) -> None:
    """Change the columns named in `changes`, a part of `CHANGEABLE`; raises `NotFound`."""
    kept = {name: changes[name] for name in CHANGEABLE if name in changes}
    if await connection.fetch_value(_UPDATE, account_id, template_id, kept, now) is None:
        raise unknown_template(template_id)


async def delete_template(connection: Connection, account_id: str, template_id: str) -> None:
    """Delete a template; raises `NotFound`, or `Conflict` for one that belongs to a flow message.

    Source: reference 2.2 and 7.2.
    """
    row = await connection.fetch_row(_LOCK, account_id, template_id)
    if row is None:
        raise unknown_template(template_id)
    if row["message_id"] is not None:
        raise Conflict(
            f'The template "{template_id}" is attached to the flow message "{row["message_id"]}" and cannot be deleted.'
        )
    await connection.execute(_DELETE, account_id, template_id)


async def copy_templates(
    connection: Connection, account_id: str, ids: IdSource, now: datetime, copies: Sequence[CopyOf]
) -> list[str]:
    """Copy templates for the messages that use them, in one statement, and return the new ids in the same order.

    A source that does not exist is left out silently: check with `load_templates` first.
    """
    made = [ids.short() for _ in copies]
    if copies:
        sources = [one.template_id for one in copies]
        messages = [one.message_id for one in copies]
        await connection.execute(_COPY, account_id, made, sources, messages, now)
    return made


async def load_templates(database: Database | Connection, account_id: str, ids: Iterable[str]) -> dict[str, Row]:
    """Return the template rows that exist among `ids`, by id."""
    wanted = sorted(set(ids))
    rows = await database.fetch(_LOAD, account_id, wanted) if wanted else []
    return {row["template_id"]: row for row in rows}
