"""Edits of one action of a flow: replace, insert, delete; each saves a new version of the flow.

What is here: the commands, in the caller's transaction. What is not: whole flows (`flows`), the meaning of an edit
(`headrace.flows.edit`, `headrace.flows.insertion`), and what becomes of waiting runs (the engine follows tombstones).
Source: reference 1.1 and 7.7, DESIGN section 3 (live edits).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.errors import Conflict, Invalid, NotFound, Problem, collecting, raise_any
from headrace.flows import edit, insertion
from headrace.flows.definition import read_action
from headrace.flows.insertion import Anchor
from headrace.flows.references import References, references
from headrace.flows.statuses import action_status
from headrace.flows.walk import Document
from headrace.ids import IdSource
from headrace.storage import flow_rows, flows, message_sources
from headrace.storage.database import Connection
from headrace.storage.flow_references import reference_problems
from headrace.storage.flow_rows import StoredFlow, lock_flow

_FLOW_OF_ACTION = "SELECT flow_id FROM flow_action WHERE account_id = $1 AND action_id = $2 AND deleted_at IS NULL"


async def update_action(
    connection: Connection,
    account_id: str,
    ids: IdSource,
    action_id: int,
    action: Any,
    now: datetime,
    *,
    base_version: int | None = None,
    base: str = flows.DEFINITION,
) -> None:
    """Replace the definition of one action and save a new version of its flow.

    `base_version` is the version that the caller began from; None takes the present one. Raises `NotFound`, `Problems`
    with pointers below `base`, and `Conflict` when the flow was saved since, or runs and could not run any longer.
    """
    stored = await _flow_of(connection, account_id, action_id, base_version)
    old, document, problems = edit.action_in(stored.definition, action_id), stored.definition, list[Problem]()
    with collecting(problems):
        document = edit.replace_action(stored.definition, action_id, action, base)
    problems += await _action_problems(connection, account_id, old, action, base)
    raise_any(problems)
    if stored.status in flows.RUNNING:
        flows.check_ready(document, base)
    document = await _completed(connection, account_id, ids, now, stored, document)
    await flows.save(connection, account_id, stored, document, now)


async def _action_problems(
    connection: Connection, account_id: str, old: Mapping[str, Any], new: Any, base: str
) -> list[Problem]:
    """Return the mistakes of a new action that the definition alone does not show: in its lines, and what it names."""
    if not isinstance(new, dict):
        return []
    shape: list[Problem] = []
    with collecting(shape):
        read_action(new, base)
    named = _new_references(old, new, base)
    missing = await reference_problems(connection, account_id, named, shape)
    return [*message_sources.action_mistakes(new, base), *missing]


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
    return await flows.with_copies(
        connection, account_id, ids, now, await flows.with_ids(connection, ids, document), owned
    )


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
    base: str = flows.DEFINITION,
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
    document, problems = stored.definition, list[Problem]()
    with collecting(problems):
        document = insertion.insert_action(stored.definition, action, action_id, anchor, base)
    problems += await _action_problems(connection, account_id, {}, action, base)
    raise_any(problems)
    _check_live_kind(stored, action, allow_live_action)
    if stored.status in flows.RUNNING:
        flows.check_ready(document, base)
    await flows.save(
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
    await flows.save(connection, account_id, stored, dict(deleted.document), now)
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
