"""Universal content: making, changing and deleting blocks, and reading those that templates name.

What is here: the statements. What is not: reading blocks for the API (a select made from the rows of `api`), and what
they look like (`messages.blocks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from headrace.errors import NotFound
from headrace.storage.database import Connection, Database, Row

_INSERT = """
INSERT INTO universal_content (content_id, account_id, name, definition, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $5)
"""

_UPDATE = """
UPDATE universal_content SET name = coalesce($3, name), definition = coalesce($4, definition), updated_at = $5
WHERE account_id = $1 AND content_id = $2
RETURNING content_id
"""

_DELETE = "DELETE FROM universal_content WHERE account_id = $1 AND content_id = $2 RETURNING definition"

_LOAD = """
SELECT content_id, name, definition FROM universal_content WHERE account_id = $1 AND content_id = ANY($2)
"""

_NAMING = """
SELECT template_id, html FROM template WHERE account_id = $1 AND strpos(html, $2) > 0 ORDER BY template_id FOR UPDATE
"""

_SETTLE = """
UPDATE template AS t SET html = given.html, updated_at = $4
FROM unnest($2::text[], $3::text[]) AS given (id, html)
WHERE t.account_id = $1 AND t.template_id = given.id
"""


def unknown_content(content_id: str) -> NotFound:
    """Return the problem of an id that the account has no universal content for."""
    return NotFound(f'Universal content with id "{content_id}" does not exist.')


async def create_content(
    connection: Connection, account_id: str, content_id: str, name: str, definition: Mapping[str, Any], now: datetime
) -> None:
    """Write a block."""
    await connection.execute(_INSERT, content_id, account_id, name, definition, now)


async def update_content(
    connection: Connection,
    account_id: str,
    content_id: str,
    name: str | None,
    definition: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Change what is given of a block; raises `NotFound`."""
    if await connection.fetch_value(_UPDATE, account_id, content_id, name, definition, now) is None:
        raise unknown_content(content_id)


async def delete_content(connection: Connection, account_id: str, content_id: str) -> Mapping[str, Any]:
    """Delete a block and return what its definition was; raises `NotFound`."""
    row = await connection.fetch_row(_DELETE, account_id, content_id)
    if row is None:
        raise unknown_content(content_id)
    definition: Mapping[str, Any] = row["definition"]
    return definition


async def templates_naming(connection: Connection, account_id: str, content_id: str) -> dict[str, str]:
    """Return the HTML, by id, of the templates in which an id occurs, and lock them."""
    rows = await connection.fetch(_NAMING, account_id, content_id)
    return {row["template_id"]: row["html"] for row in rows}


async def settle_templates(connection: Connection, account_id: str, sources: Mapping[str, str], now: datetime) -> None:
    """Give templates other HTML, by id, in one statement."""
    if sources:
        await connection.execute(_SETTLE, account_id, list(sources), list(sources.values()), now)


async def load_content(database: Database | Connection, account_id: str, ids: Iterable[str]) -> dict[str, Row]:
    """Return the blocks that exist among `ids`, by id."""
    wanted = sorted(set(ids))
    rows = await database.fetch(_LOAD, account_id, wanted) if wanted else []
    return {row["content_id"]: row for row in rows}
