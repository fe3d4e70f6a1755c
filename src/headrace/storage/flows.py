"""Flows: creating, changing and deleting them, each in the caller's transaction.

What is here: the commands that the API, the import and the demo share. What is not: edits of one action (`flow_edits`),
the rows (`flow_rows`), files (`flow_files`), what a definition may say (`headrace.flows`), and the runs of a flow
(`runs`). Every function takes the connection of a transaction, the account and the account's present moment.
Definitions are versioned: each save writes a new `flow_version`. Source: reference 1.1 and 7.7, DESIGN section 3 (live
edits).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.errors import Conflict, Invalid, Problem, Problems, collecting, raise_any
from headrace.flows.definition import shape_problems, trigger_type, validate
from headrace.flows.identity import assign_ids, ids_needed
from headrace.flows.readiness import why_not_live
from headrace.flows.references import references
from headrace.flows.statuses import FLOW_STATUSES, with_status
from headrace.flows.walk import Document, clone
from headrace.ids import IdSource
from headrace.storage import flow_rows, message_sources, planning, templates
from headrace.storage.database import Connection
from headrace.storage.flow_references import reference_problems
from headrace.storage.flow_rows import StoredFlow, load_flow, lock_flow, unknown_flow
from headrace.storage.noting import DATE_BASED

__all__ = [
    "StoredFlow",
    "check_ready",
    "create_flow",
    "delete_flow",
    "load_flow",
    "save",
    "set_status",
    "unknown_flow",
    "with_copies",
    "with_ids",
]

DEFINITION = "/data/attributes/definition"
STATUS = "/data/attributes/status"
RUNNING = ("manual", "live")

_FLOW = """
INSERT INTO flow (flow_id, account_id, name, status, archived, trigger_type, version, created_at, updated_at, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, CASE WHEN $4 <> 'draft' THEN $9::timestamptz END)
"""
_VERSION = "INSERT INTO flow_version (flow_id, version, account_id, definition, created_at) VALUES ($1, $2, $3, $4, $5)"
_SAVE = """
UPDATE flow SET version = $3, status = $4, updated_at = $5,
    opened_at = CASE WHEN $4 = 'draft' THEN NULL WHEN status = 'draft' THEN $5 ELSE opened_at END
WHERE account_id = $1 AND flow_id = $2
"""
_SERIALS = "SELECT nextval('action_serial') AS id FROM generate_series(1, $1)"

# --- creating -----------------------------------------------------------------------------------------------------


async def create_flow(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    now: datetime,
    name: str,
    definition: Any,
    *,
    base: str = DEFINITION,
    status: str = "draft",
    archived: bool = False,
    created_at: datetime | None = None,
    updated_at: datetime | None = None,
) -> str:
    """Write a flow and return its id. The API makes drafts only; an import keeps the flow's status and dates.

    `definition` names its actions by `temporary_id`; each mention of a template becomes a copy that its message owns.
    Raises `Problems` with pointers below `base` for every mistake in it at once, among them lines of messages that are
    not templates, and metrics, lists, segments and templates that the account lacks; an empty name is one more, which
    stands beside `base`. Source: reference 2.2 and 7.7.
    """
    document = await _checked(connection, account_id, name, definition, base)
    if status in RUNNING:
        check_ready(document, base)
    document = await with_ids(connection, ids, document)
    document = await with_copies(connection, account_id, ids, now, document)
    flow_id = ids.short()
    made, changed = created_at or now, updated_at or now
    kind = trigger_type(document)
    await connection.execute(_FLOW, flow_id, account_id, name, status, archived, kind, made, changed, now)
    await connection.execute(_VERSION, flow_id, 1, account_id, document, changed)
    await flow_rows.write_parts(connection, account_id, flow_id, document, changed, made)
    if kind == DATE_BASED and status in RUNNING:
        await planning.request_planning(connection, account_id, flow_id)
    return flow_id


async def _checked(connection: Connection, account_id: str, name: str, definition: Any, base: str) -> Document:
    """Return a definition that has no mistake; raises `Problems` with all of them."""
    problems: list[Problem] = []
    if not name:
        beside = base.rpartition("/")[0]
        problems.append(Invalid("A flow has a name; it is empty.", pointer=f"{beside}/name"))
    with collecting(problems):
        validate(definition, creating=True, base=base)
    if isinstance(definition, dict):
        problems += message_sources.flow_mistakes(definition, base)
        named = references(definition, base)
        problems += await reference_problems(connection, account_id, named, shape_problems(definition, base))
    raise_any(problems)
    document: Document = definition
    return document


async def with_ids(connection: Connection, ids: IdSource, document: Document) -> Document:
    """Give ids to what has none, actions from the sequence in one statement."""
    needed = ids_needed(document)
    rows = await connection.fetch(_SERIALS, needed) if needed else []
    serials = iter([row["id"] for row in rows])
    return assign_ids(document, lambda: int(next(serials)), ids.short)


async def with_copies(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    now: datetime,
    document: Document,
    owned: Mapping[str, str | None] | None = None,
) -> Document:
    """Give each message its own copy of the template it names, unless it owns that very one already.

    `owned` holds the template that each message had before. Source: reference 2.2.
    """
    result: Document = clone(document)
    had = owned or {}
    messages = [one.message for one in flow_rows.messages_in(result)]
    foreign = [m for m in messages if m.get("template_id") and m["template_id"] != had.get(m["id"])]
    copies = [templates.CopyOf(m["template_id"], m["id"]) for m in foreign]
    made = await templates.copy_templates(connection, account_id, ids, now, copies)
    for message, template_id in zip(foreign, made, strict=True):
        message["template_id"] = template_id
    return result


# --- changing -----------------------------------------------------------------------------------------------------


async def set_status(connection: Connection, account_id: str, flow_id: str, status: str, now: datetime) -> None:
    """Set the status of a flow and of every action in it.

    Raises `NotFound`, `Invalid` for another status than draft, manual and live, and `Problems` of conflicts, one for
    each part that does not run, when the flow would have to run. Source: reference 1.1.
    """
    if status not in FLOW_STATUSES:
        raise Invalid(f'"{status}" is not a status; it must be one of {", ".join(FLOW_STATUSES)}.', pointer=STATUS)
    stored = await lock_flow(connection, account_id, flow_id)
    if status in RUNNING:
        check_ready(stored.definition, STATUS)
    await save(connection, account_id, stored, with_status(stored.definition, status), now, status)
    if stored.trigger_type == DATE_BASED:
        await _plan(connection, account_id, flow_id, stored.status, status)


async def _plan(connection: Connection, account_id: str, flow_id: str, before: str, after: str) -> None:
    """Let people of a date-based flow be planned when it goes live, and forget them when it is a draft again."""
    if before not in RUNNING and after in RUNNING:
        await planning.request_planning(connection, account_id, flow_id)
    elif after not in RUNNING:
        await planning.forget_plans(connection, account_id, flow_id)


def check_ready(document: Mapping[str, Any], pointer: str) -> None:
    """Raise `Problems` of conflicts, all at `pointer`, when a definition has parts that do not run."""
    reasons = why_not_live(document)
    if reasons:
        raise Problems(
            Conflict(one.detail, pointer=pointer, meta={"definition_pointer": one.pointer}) for one in reasons
        )


async def save(
    connection: Connection,
    account_id: str,
    stored: StoredFlow,
    document: Document,
    now: datetime,
    status: str | None = None,
) -> None:
    """Write a new version of a locked flow, and bring its actions and messages in line with it."""
    version = stored.version + 1
    await connection.execute(_VERSION, stored.flow_id, version, account_id, document, now)
    await connection.execute(_SAVE, account_id, stored.flow_id, version, status or stored.status, now)
    await flow_rows.write_parts(connection, account_id, stored.flow_id, document, now)


# --- deleting -----------------------------------------------------------------------------------------------------


async def delete_flow(connection: Connection, account_id: str, flow_id: str, now: datetime) -> None:
    """Mark a flow, its actions and its messages deleted and untie its tags; raises `NotFound`.

    The rows stay, so that reports can name the flow and runs learn why they end. Source: reference 1.1, 2.2.
    """
    await lock_flow(connection, account_id, flow_id)
    for table in ("flow", "flow_action", "flow_message"):
        await connection.execute(
            f"UPDATE {table} SET deleted_at = $3, updated_at = $3 "
            "WHERE account_id = $1 AND flow_id = $2 AND deleted_at IS NULL",
            account_id,
            flow_id,
            now,
        )
    await planning.forget_plans(connection, account_id, flow_id)
    await connection.execute("DELETE FROM tag_flow WHERE account_id = $1 AND flow_id = $2", account_id, flow_id)
