"""A person's timeline as the API answers it and the command line prints it.

What is here: cursors, and telling what happened in words. What is not: reading it (`storage.timeline`). Our choice of
names throughout. A delivery stands where it was queued, with what became of it; what its person did with it is an event
besides ("Opened Email"). A flow's refusal to let somebody in is no part of it: `headrace explain` tells that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.api.state import State
from headrace.engine.labels import label_of
from headrace.errors import Invalid
from headrace.ids import event_id
from headrace.jsonapi.cursor import PARAMETER, Cursor, write_cursor
from headrace.jsonapi.document import collection, page_links
from headrace.jsonapi.operation import Call
from headrace.jsonapi.shapes.loading import parent_key
from headrace.model import Channel, DeliveryState, RunSource, RunState
from headrace.storage.database import Database, Row
from headrace.storage.timeline import (
    CONSENT,
    DELIVERY,
    ENTRY,
    EVENT,
    KINDS,
    MEMBERSHIP,
    OPT_IN,
    SOURCES,
    STEP,
    SUPPRESSION,
    Found,
    Mark,
    load_timeline,
)

BETWEEN = "\x1f"
"""Stands between the parts of a cursor's key."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happened; `details` names what it concerns by id and by name. `at` is the account's time."""

    id: str
    kind: str
    at: datetime
    title: str
    details: Mapping[str, Any]
    mark: Mark


async def show(call: Call[State, Any]) -> dict[str, Any]:
    """Return the document of a page; raises `NotFound` for somebody whom the account lacks."""
    profile_id = await parent_key(call)
    state, query = call.ctx.state, call.query
    asked = [set(one.value) if isinstance(one.value, tuple) else {one.value} for one in query.filter]
    kinds = set(KINDS).intersection(*asked)
    size = query.size or 0
    after = _mark(query.cursor) if query.cursor else None
    items = await timeline(state.database, state.account_id, profile_id, kinds, after, size + 1)
    shown = items[:size]
    following = write_cursor(_cursor(shown[-1].mark), query.bound_to) if len(items) > size else None
    return collection(call, [_row(one) for one in shown], {}, page_links(call, following, None))


async def timeline(
    database: Database, account_id: str, profile_id: str, kinds: Collection[str], after: Mark | None, limit: int
) -> list[Item]:
    """Return the newest `limit` things of some kinds that happened to a person before a mark, the newest first."""
    found = await load_timeline(database, account_id, profile_id, kinds, after, limit, [int(one) for one in Channel])
    return [_item(one) for one in found]


def _row(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("id", "kind", "at", "title", "details")}


def _cursor(mark: Mark) -> Cursor:
    return Cursor(mark.at, BETWEEN.join([str(mark.source), *map(str, mark.key)]))


def _mark(cursor: Cursor) -> Mark:
    """Return the place that a cursor names; raises `Invalid` for one of another shape."""
    try:
        number, *parts = str(cursor.key).split(BETWEEN)
        ends = SOURCES[int(number)].ends[0]
        key = tuple(type(end)(part) for end, part in zip(ends, parts, strict=True))
        if not isinstance(cursor.value, datetime):
            raise ValueError
        return Mark(cursor.value, int(number), key)
    except (ValueError, IndexError):
        raise Invalid(f"{PARAMETER} is not one from links.next of a timeline.", parameter=PARAMETER) from None


def _item(found: Found) -> Item:
    title, details = _TOLD[found.kind](found.row)
    is_event = found.kind in (EVENT, CONSENT)
    key = [event_id(part) if is_event else str(part) for part in found.mark.key]
    kept = {name: value for name, value in details.items() if value is not None}
    return Item(":".join([found.kind, *key]), found.kind, found.mark.at, title, kept, found.mark)


Told = tuple[str, dict[str, Any]]


def _event(row: Row) -> Told:
    details = {
        "event_id": event_id(row["number"]),
        "metric_id": row["metric_id"],
        "integration": row["integration_name"],
        "value": None if row["value"] is None else float(row["value"]),
        "value_currency": row["value_currency"],
        "properties": row["properties"],
    }
    return row["name"] or row["metric_id"], details


def _opt_in(row: Row) -> Told:
    what = _quoted(row["name"], row["list_id"]) if row["list_id"] else "e-mail"
    details = {
        "email": row["email"],
        "list_id": row["list_id"] or None,
        "list": row["name"],
        "confirmed_at": row["confirmed_at"],
    }
    return f"Asked by e-mail to confirm the subscription to {what}", details


def _membership(row: Row) -> Told:
    verb = "Joined" if row["joined"] else "Left"
    kind = row["kind"] or "list or segment"
    details = {"group_id": row["group_id"], "group": row["name"], "group_kind": row["kind"], "joined": row["joined"]}
    return f"{verb} the {kind} {_quoted(row['name'], row['group_id'])}", details


def _suppression(row: Row) -> Told:
    place = f" for the list {_quoted(row['name'], row['list_id'])}" if row["list_id"] else ""
    details = {"reason": row["reason"], "list_id": row["list_id"] or None, "list": row["name"]}
    return f"Suppressed{place}: {row['reason']}", details


def _entry(row: Row) -> Told:
    details = {
        "flow_id": row["flow_id"],
        "flow": row["name"],
        "run_id": str(row["run_id"]),
        "source": RunSource(row["source"]).name.lower(),
        "state": RunState(row["state"]).name.lower(),
        "exit_reason": row["exit_reason"],
    }
    return f"Entered the flow {_quoted(row['name'], row['flow_id'])}", details


def _step(row: Row) -> Told:
    action_id = row["action_id"]
    label = label_of(action_id, row["type"], row["definition"]) if row["type"] else str(action_id or "")
    details = {
        "flow_id": row["flow_id"],
        "flow": row["name"],
        "run_id": str(row["run_id"]),
        "step": row["step"],
        "action_id": None if action_id is None else str(action_id),
        "action": label or None,
        "outcome": row["outcome"],
        "detail": row["detail"],
    }
    return f"{label}: {row['outcome']}" if label else row["outcome"], details


def _delivery(row: Row) -> Told:
    channel, state = Channel(row["channel"]).send_channel, DeliveryState(row["state"]).name.lower()
    names = ("sent_at", "bounced_at", "first_open_at", "first_click_at", "unsubscribed_at", "opens", "clicks")
    details = {
        "delivery_id": str(row["delivery_id"]),
        "flow_id": row["flow_id"],
        "flow": row["flow"],
        "run_id": str(row["run_id"]),
        "action_id": str(row["action_id"]),
        "message_id": row["message_id"],
        "message": row["name"],
        "variation": row["variation"] or None,
        "channel": channel,
        "state": state,
        "reason": row["reason"],
        **{name: row[name] for name in names},
    }
    return f"{channel} {_quoted(row['name'], row['message_id'])}: {row['reason'] or state}", details


def _quoted(name: str | None, named: str) -> str:
    return f'"{name}"' if name else named


_TOLD: Mapping[str, Callable[[Row], Told]] = {
    OPT_IN: _opt_in,
    EVENT: _event,
    CONSENT: _event,
    MEMBERSHIP: _membership,
    SUPPRESSION: _suppression,
    ENTRY: _entry,
    STEP: _step,
    DELIVERY: _delivery,
}
