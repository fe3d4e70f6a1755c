"""Flows as the engine reads them: compiled once, checked for change once per batch.

A batch asks for the flows it touches; one query tells which of them changed since they were compiled, a second one
reads only those. What is not here: writing flows. Source: DESIGN section 3 (live edits), reference 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.flows.compiled import CompiledFlow, compile_flow
from headrace.flows.walk import actions_of
from headrace.storage.database import Connection, Database, Row

_COLUMNS = "flow_id, account_id, name, status, archived, version, updated_at, opened_at, deleted_at"
_BY_ID = f"SELECT {_COLUMNS} FROM flow WHERE flow_id = ANY($1)"
_OPEN = f"""
SELECT {_COLUMNS} FROM flow
WHERE account_id = ANY($1) AND status <> 'draft' AND NOT archived AND deleted_at IS NULL
"""
_DOCUMENTS = """
SELECT v.flow_id, v.version, v.definition
FROM unnest($1::text[], $2::int[]) AS asked (flow_id, version) JOIN flow_version v USING (flow_id, version)
"""
_TOMBSTONES = """
SELECT flow_id, action_id, successor_id FROM flow_action WHERE flow_id = ANY($1) AND deleted_at IS NOT NULL
"""

USES_EVENT = frozenset(("trigger-split", "multi-branch-split"))
"""The types of actions whose step may look at the run's triggering event."""


DELETED = "action_deleted"
ARCHIVED = "flow_archived"
"""Why runs of a closed flow end. Our choice: an archived flow is told from a deleted one. Source: reference 1.1."""


@dataclass(frozen=True, slots=True)
class LoadedFlow:
    """A flow's present state. `compiled` is None where its definition cannot be read (`error` says why): a bug.

    `closed` flows are archived or deleted: their runs end, for the reason `why_closed`. `opened_at` is since when
    people may enter. `uses_event` are the actions that look at the triggering event.
    """

    flow_id: str
    account_id: str
    closed: bool
    compiled: CompiledFlow | None
    opened_at: datetime | None = None
    error: str | None = None
    uses_event: frozenset[int] = frozenset()
    why_closed: str = DELETED


class FlowCache:
    """Compiled flows by their id and state; one per process."""

    __slots__ = ("_flows", "_past")

    def __init__(self) -> None:
        self._flows: dict[str, tuple[tuple[int, datetime, str, str, bool], LoadedFlow]] = {}
        self._past: dict[tuple[str, int], frozenset[int]] = {}

    async def load(self, connection: Connection | Database, flow_ids: Iterable[str]) -> dict[str, LoadedFlow]:
        """Return the flows among `flow_ids` that exist, by id."""
        rows = await connection.fetch(_BY_ID, sorted(set(flow_ids)))
        return await self._present(connection, rows)

    async def load_open(self, connection: Connection | Database, account_ids: Iterable[str]) -> list[LoadedFlow]:
        """Return the flows that people of these accounts may enter."""
        rows = await connection.fetch(_OPEN, sorted(set(account_ids)))
        return list((await self._present(connection, rows)).values())

    async def past_actions(
        self, connection: Connection | Database, versions: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], frozenset[int]]:
        """Return (flow id, version) -> the ids of the actions that the flow had then."""
        wanted = set(versions)
        missing = [pair for pair in wanted if pair not in self._past]
        for row in await _documents(connection, missing):
            ids = frozenset(int(part.value["id"]) for part in actions_of(row["definition"]))
            self._past[row["flow_id"], row["version"]] = ids
        return {pair: self._past.get(pair, frozenset()) for pair in wanted}

    async def _present(self, connection: Connection | Database, rows: Sequence[Row]) -> dict[str, LoadedFlow]:
        changed = [row for row in rows if self._stale(row)]
        if changed:
            await self._compile(connection, changed)
        return {row["flow_id"]: self._flows[row["flow_id"]][1] for row in rows}

    def _stale(self, row: Row) -> bool:
        known = self._flows.get(row["flow_id"])
        return known is None or known[0] != _state(row)

    async def _compile(self, connection: Connection | Database, rows: Sequence[Row]) -> None:
        found = await _documents(connection, [(row["flow_id"], row["version"]) for row in rows])
        documents = {row["flow_id"]: row["definition"] for row in found}
        tombstones: dict[str, dict[int, int | None]] = {row["flow_id"]: {} for row in rows}
        for grave in await connection.fetch(_TOMBSTONES, list(tombstones)):
            tombstones[grave["flow_id"]][grave["action_id"]] = grave["successor_id"]
        for row in rows:
            flow_id = row["flow_id"]
            self._flows[flow_id] = _state(row), _loaded(row, documents.get(flow_id), tombstones[flow_id])


def _state(row: Row) -> tuple[int, datetime, str, str, bool]:
    closed = row["archived"] or row["deleted_at"] is not None
    return row["version"], row["updated_at"], row["status"], row["name"], closed


def _loaded(row: Row, document: dict[str, object] | None, tombstones: Mapping[int, int | None]) -> LoadedFlow:
    closed = row["archived"] or row["deleted_at"] is not None
    why = DELETED if row["deleted_at"] is not None else ARCHIVED
    try:
        if document is None:
            raise ValueError(f"version {row['version']} of flow {row['flow_id']} is not stored")
        compiled = compile_flow(row["flow_id"], row["name"], row["status"], row["version"], document, tombstones)
    except Exception as error:  # a definition that cannot be read parks its runs instead of stopping every batch
        told = f"{type(error).__name__}: {error}"
        return LoadedFlow(row["flow_id"], row["account_id"], closed, None, row["opened_at"], told, why_closed=why)
    uses_event = frozenset(action_id for action_id, action in compiled.actions.items() if action.type in USES_EVENT)
    return LoadedFlow(row["flow_id"], row["account_id"], closed, compiled, row["opened_at"], None, uses_event, why)


async def _documents(connection: Connection | Database, versions: Sequence[tuple[str, int]]) -> list[Row]:
    if not versions:
        return []
    return await connection.fetch(_DOCUMENTS, [one[0] for one in versions], [one[1] for one in versions])
