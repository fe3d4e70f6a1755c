"""Templates with the universal content that they name, read together.

What is here: `load_shown`. What is not: what blocks look like (`messages.blocks`) and how templates name them
(`messages.universal`). One statement more per batch and account, and only where a template names a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.messages.blocks import block_source
from headrace.messages.universal import expanded, references
from headrace.storage.database import Connection, Database
from headrace.storage.templates import load_templates
from headrace.storage.universal_content import load_content


async def load_shown(
    database: Database | Connection, account_id: str, ids: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the template rows that exist among `ids`, by id, their HTML with the present universal content."""
    templates: dict[str, Mapping[str, Any]] = dict(await load_templates(database, account_id, ids))
    named = {one: found for one, row in templates.items() if (found := references(row["html"]))}
    if not named:
        return templates
    rows = await load_content(database, account_id, {one for found in named.values() for one in found})
    blocks = {content_id: block_source(row["definition"]) for content_id, row in rows.items()}
    shown = {one: {**templates[one], "html": expanded(templates[one]["html"], blocks)} for one in named}
    return {**templates, **shown}
