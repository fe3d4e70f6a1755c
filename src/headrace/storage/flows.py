"""Flows: creating, changing and deleting them, each in the caller's transaction.

What is here: the commands that the API, the import and the demo share. What is not: the rows (`flow_rows`), files
(`flow_files`), what a definition may say (`headrace.flows`), and the runs of a flow (`runs`). Every function takes the
connection of a transaction, the account and the account's present moment. Definitions are versioned: each save writes a
new `flow_version` and names the version it began from. Source: reference 1.1 and 7.7, DESIGN section 3 (live edits).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.errors import Conflict, Invalid, NotFound, Problem, Problems
from headrace.flows import edit, insertion
from headrace.flows.definition import trigger_type, validate
from headrace.flows.identity import assign_ids
from headrace.flows.insertion import Anchor
from headrace.flows.readiness import why_not_live
from headrace.flows.references import References, references
from headrace.flows.statuses import FLOW_STATUSES, action_status, with_status
from headrace.flows.walk import Document
from headrace.ids import IdSource
from headrace.storage import flow_rows, templates
from headrace.storage.database import Connection
from headrace.storage.flow_rows import StoredFlow, load_flow, lock_flow, unknown_flow

__all__ = [
    "StoredFlow",
    "check_references",
    "create_flow",
    "delete_action",
    "delete_flow",
    "insert_action",
    "load_flow",
    "missing_references",
    "set_status",
    "unknown_flow",
    "update_action",
]

DEFINITION = "/data/attributes/definition"
STATUS = "/data/attributes/status"
RUNNING = ("manual", "live")

_FLOW = """
INSERT INTO flow (flow_id, account_id, name, status, archived, trigger_type, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)
"""
_VERSION = "INSERT INTO flow_version (flow_id, version, account_id, definition, created_at) VALUES ($1, $2, $3, $4, $5)"
_SAVE = "UPDATE flow SET version = $3, status = $4, updated_at = $5 WHERE account_id = $1 AND flow_id = $2"
_FLOW_OF_ACTION = "SELECT flow_id FROM flow_action WHERE account_id = $1 AND action_id = $2 AND deleted_at IS NULL"
_SERIALS = "SELECT nextval('action_serial') AS id FROM generate_series(1, $1)"
_KNOWN = {
    "metric": "SELECT metric_id AS id FROM metric WHERE account_id = $1 AND metric_id = ANY($2)",
    "list or segment": "SELECT group_id AS id FROM profile_group WHERE account_id = $1 AND group_id = ANY($2)",
    "template": "SELECT template_id AS id FROM template WHERE account_id = $1 AND template_id = ANY($2)",
}


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
    Raises `Problems` with pointers below `base` for every mistake in it, among them metrics, lists, segments and
    templates that the account lacks. Source: reference 2.2 and 7.7.
    """
    document = validate(definition, creating=True, base=base).document
    await check_references(connection, account_id, references(document, base))
    if status in RUNNING:
        _check_ready(document, base)
    document = await _with_ids(connection, ids, document)
    document = await _with_copies(connection, account_id, ids, now, document)
    flow_id = ids.short()
    made, changed = created_at or now, updated_at or now
    await connection.execute(_FLOW, flow_id, account_id, name, status, archived, trigger_type(document), made, changed)
    await connection.execute(_VERSION, flow_id, 1, account_id, document, changed)
    await flow_rows.write_parts(connection, account_id, flow_id, document, changed, made)
    return flow_id


async def check_references(connection: Connection, account_id: str, named: References) -> None:
    """Raise `Problems` with one `Invalid` for each place that names something that the account lacks."""
    missing = await missing_references(connection, account_id, named)
    problems: list[Problem] = [
        Invalid(f'There is no {kind} with the id "{one}" in this account.', pointer=pointer)
        for kind, found in missing.items()
        for one, pointers in found.items()
        for pointer in pointers
    ]
    if problems:
        raise Problems(problems)


async def missing_references(
    connection: Connection, account_id: str, named: References
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what the account lacks: by kind (`metric`, `list or segment`, `template`), the pointers by id."""
    wanted = {"metric": named.metric_ids, "list or segment": named.group_ids, "template": named.template_ids}
    missing = {}
    for kind, found in wanted.items():
        rows = await connection.fetch(_KNOWN[kind], account_id, list(found)) if found else []
        known = {row["id"] for row in rows}
        missing[kind] = {one: pointers for one, pointers in found.items() if one not in known}
    return missing


async def _with_ids(connection: Connection, ids: IdSource, document: Document) -> Document:
    """Give ids to what has none, actions from the sequence in one statement."""
    needed = 0

    def count() -> int:
        nonlocal needed
        needed += 1
        return 0

    assign_ids(document, count, lambda: "")
    rows = await connection.fetch(_SERIALS, needed) if needed else []
    serials = iter([row["id"] for row in rows])
    return assign_ids(document, lambda: int(next(serials)), ids.short)


async def _with_copies(
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
    result = copy.deepcopy(document)
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
        _check_ready(stored.definition, STATUS)
    await _save(connection, account_id, stored, with_status(stored.definition, status), now, status)


def _check_ready(document: Mapping[str, Any], pointer: str) -> None:
    reasons = why_not_live(document)
    if reasons:
        raise Problems(
            Conflict(one.detail, pointer=pointer, meta={"definition_pointer": one.pointer}) for one in reasons
        )


async def update_action(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    action_id: int,
    action: Any,
    now: datetime,
    *,
    base_version: int | None = None,
    base: str = DEFINITION,
) -> None:
    """Replace the definition of one action and save a new version of its flow.

    `base_version` is the version that the caller began from; None takes the present one. Raises `NotFound`, `Problems`
    with pointers below `base`, and `Conflict` when the flow was saved since, or runs and could not run any longer.
    """
    stored = await _flow_of(connection, account_id, action_id, base_version)
    old = edit.action_in(stored.definition, action_id)
    document = edit.replace_action(stored.definition, action_id, action, base)
    await check_references(connection, account_id, _new_references(old, action, base))
    if stored.status in RUNNING:
        _check_ready(document, base)
    document = await _completed(connection, account_id, ids, now, stored, document)
    await _save(connection, account_id, stored, document, now)


def _new_references(old: Mapping[str, Any], new: Mapping[str, Any], base: str) -> References:
    """Return what a new action names and the old one did not: what is stored already is not questioned again."""
    before, after = references(old), references(new, base)

    def added(was: Mapping[str, Any], named: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {one: pointers for one, pointers in named.items() if one not in was}

    return References(
        added(before.metric_ids, after.metric_ids),
        added(before.group_ids, after.group_ids),
        added(before.template_ids, after.template_ids),
    )


async def _completed(
    connection: Connection, account_id: str, ids: IdSource, now: datetime, stored: StoredFlow, document: Document
) -> Document:
    """Return a changed definition with ids for what is new in it and copies of newly named templates."""
    owned = {one.message["id"]: one.message.get("template_id") for one in flow_rows.messages_in(stored.definition)}
    return await _with_copies(connection, account_id, ids, now, await _with_ids(connection, ids, document), owned)


async def insert_action(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    action: Any,
    now: datetime,
    *,
    anchor: Anchor | None = None,
    flow_id: str | None = None,
    allow_live_action: bool = False,
    base: str = DEFINITION,
) -> int:
    """Insert an action into a flow, at an anchor or before the action it leads to, and return its id.

    One of `anchor` and `flow_id` is needed. `allow_live_action` lets an action without a status of its own, which acts
    at once, into a live flow. Raises `NotFound`, `Problems` and `Conflict` as `update_action`. Source: reference 7.7.
    """
    if anchor is not None:
        stored = await _flow_of(connection, account_id, anchor.action_id, None)
    elif flow_id is not None:
        stored = await lock_flow(connection, account_id, flow_id)
    else:
        raise Invalid("An anchor action or the relationship to a flow is required.", pointer="/data/relationships")
    if flow_id not in (None, stored.flow_id):
        raise Invalid(f'The anchor is not in the flow "{flow_id}".', pointer="/data/relationships/flow/data/id")
    action_id = int(await connection.fetch_value("SELECT nextval('action_serial')"))
    document = insertion.insert_action(stored.definition, action, action_id, anchor, base)
    _check_live_kind(stored, action, allow_live_action)
    await check_references(connection, account_id, references(action, base))
    if stored.status in RUNNING:
        _check_ready(document, base)
    await _save(
        connection, account_id, stored, await _completed(connection, account_id, ids, now, stored, document), now
    )
    return action_id


def _check_live_kind(stored: StoredFlow, action: Mapping[str, Any], allowed: bool) -> None:
    if stored.status == "live" and action_status(action) is None and not allowed:
        raise Conflict(
            f'An action of the type "{action.get("type")}" is live at once; set allow_live_action to insert it into '
            "a live flow.",
            pointer="/data/attributes/allow_live_action",
        )


async def delete_action(
    connection: Connection, account_id: str, action_id: int, now: datetime, *, base_version: int | None = None
) -> None:
    """Delete an action; what led to it leads to its successor, and tombstones tell the runs that wait there.

    Raises `NotFound`, and `Conflict` as `update_action`. Source: reference 1.1 and 7.7.
    """
    stored = await _flow_of(connection, account_id, action_id, base_version)
    deleted = edit.delete_action(stored.definition, action_id)
    await _save(connection, account_id, stored, dict(deleted.document), now)
    for gone, successor in deleted.tombstones.items():
        await flow_rows.bury(connection, account_id, gone, successor, now)


async def _flow_of(connection: Connection, account_id: str, action_id: int, base_version: int | None) -> StoredFlow:
    """Return the locked flow of an action that still exists when the lock is held."""
    flow_id = await connection.fetch_value(_FLOW_OF_ACTION, account_id, action_id)
    if flow_id is None:
        raise NotFound(f'A flow action with id "{action_id}" does not exist.')
    stored = await lock_flow(connection, account_id, flow_id)
    if base_version is not None and base_version != stored.version:
        raise Conflict(
            f'The flow "{flow_id}" has been saved since: its version is {stored.version}, not {base_version}.',
            meta={"version": stored.version},
        )
    return stored


async def _save(
    connection: Connection,
    account_id: str,
    stored: StoredFlow,
    document: Document,
    now: datetime,
    status: str | None = None,
) -> None:
    """Write a new version of a flow and bring its rows in line."""
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
    await connection.execute("DELETE FROM tag_flow WHERE account_id = $1 AND flow_id = $2", account_id, flow_id)
