"""Which flows may start by what happened: a metric's event, or a group that somebody joined.

What is here: the open flows of a batch by what they wait for, and whether their triggers match. What is not: deciding
about one entry (`entry`), entries that a date brings (`dates`). Source: reference 1.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from headrace.engine.core import Core
from headrace.engine.faults import told
from headrace.flows.compiled import CompiledFlow
from headrace.model import Event
from headrace.storage.database import Connection, Row
from headrace.storage.pending import Kind

Awaited: TypeAlias = tuple[str, Kind, str]
"""account id, kind of happening, and the id of the metric or group."""
Openings: TypeAlias = Mapping[Awaited, Sequence[tuple[CompiledFlow, datetime]]]
"""What happens -> the flows that it may start, and since when."""


@dataclass(frozen=True, slots=True)
class Match:
    """A happening that starts a flow as far as its trigger is concerned; `error` says how asking the trigger failed."""

    row: Row
    event: Event | None
    flow: CompiledFlow
    error: str | None


async def load_openings(core: Core, transaction: Connection, rows: Sequence[Row]) -> Openings:
    """Return the open flows of the rows' accounts by what they wait for."""
    found: defaultdict[Awaited, list[tuple[CompiledFlow, datetime]]] = defaultdict(list)
    for flow in await core.flows.load_open(transaction, {row["account_id"] for row in rows}):
        compiled = flow.compiled
        awaited = _awaited(flow.account_id, compiled) if compiled else None
        if compiled and awaited and flow.opened_at and compiled.entry_allowed_by_status():
            found[awaited].append((compiled, flow.opened_at))
    return found


def _awaited(account_id: str, flow: CompiledFlow) -> Awaited | None:
    trigger = flow.trigger
    if trigger is None:
        return None
    if trigger.metric_id is not None:
        return account_id, Kind.EVENT, trigger.metric_id
    return (account_id, Kind.JOINED, trigger.group_id) if trigger.group_id is not None else None


def awaits_row(openings: Openings, row: Row) -> bool:
    """Tell whether some flow waits for a row."""
    return _key(row) in openings


def matches(rows: Sequence[Row], events: Mapping[tuple[str, int], Event], openings: Openings) -> Iterator[Match]:
    """Yield each happening with each flow that it starts, in order.

    Our choice: what was accepted before the flow ceased to be a draft is none of the flow's business.
    """
    for row in rows:
        if row["backfill"]:
            continue
        event = events.get((row["profile_id"], row["number"])) if row["kind"] == Kind.EVENT else None
        if event is None and row["kind"] == Kind.EVENT:
            continue
        for flow, opened_at in openings.get(_key(row), ()):
            if row["accepted_at"] >= opened_at:
                yield from _match(row, event, flow)


def _match(row: Row, event: Event | None, flow: CompiledFlow) -> Iterator[Match]:
    try:
        if event is None or (flow.trigger is not None and flow.trigger.matches(event, row["accepted_at"])):
            yield Match(row, event, flow, None)
    except Exception as error:  # shown as a parked run, so that it holds up nobody else
        yield Match(row, event, flow, told(error))


def _key(row: Row) -> Awaited:
    return row["account_id"], row["kind"], row["metric_id"] if row["kind"] == Kind.EVENT else row["group_id"]
