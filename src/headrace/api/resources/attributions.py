"""What the API shows of attributions: which message led to an event.

What is here: the resource and its rows for a page of events. What is not: attributing (`headrace.storage.conversions`)
and operations, of which attributions have none: they come with events. Follows reference 5.3 and 9. Our choice: an
event has at most one, that of the last touch; what an attribution has nothing of (a variation) is left out, and so are
campaigns, which Headrace does not send.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Select, SmallInteger, cast, func, select

from headrace.ids import attribution_id, bucket_of, event_id
from headrace.jsonapi.operation import Call
from headrace.jsonapi.resource import Relationship, Resource, Row
from headrace.storage import tables as t

NAME = "attributions"
RELATIONSHIP = Relationship(NAME, "attribution", many=True, links=False)


def _reference(name: str, kind: str, read: Any) -> Relationship:
    return Relationship(name, kind, links=False, ids=read, optional=True)


ATTRIBUTION = Resource(
    "attribution",
    "/api/attributions/{id}",
    relationships=(
        _reference("event", "event", lambda row: event_id(row["number"])),
        _reference("attributed-event", "event", lambda row: event_id(row["interaction_number"])),
        _reference("flow", "flow", lambda row: row["flow_id"]),
        _reference("flow-message", "flow-message", lambda row: row["message_id"]),
        _reference("flow-message-variation", "flow-message", lambda row: row["variation"] or None),
    ),
    id=lambda row: attribution_id(row["number"], row["delivery_id"]),
)
"""The path is that of the link which clients demand of every resource; nothing else is served there."""


async def of_events(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the attributions of events, rows with `profile_id` and `number`, in one statement."""
    found = await call.ctx.fetch(_statement(call, rows))
    return {event_id(row["number"]): [row] for row in found}


def _statement(call: Call[Any, Any], rows: Sequence[Row]) -> Select[Any]:
    buckets = cast([bucket_of(row["profile_id"]) for row in rows], ARRAY(SmallInteger))
    numbers = cast([row["number"] for row in rows], ARRAY(BigInteger))
    wanted = func.unnest(buckets, numbers).table_valued("bucket", "number", name="wanted").render_derived()
    kept = t.conversion.c
    return select(
        kept.number, kept.interaction_number, kept.delivery_id, kept.flow_id, kept.message_id, kept.variation
    ).join_from(
        wanted,
        t.conversion,
        (kept.bucket == wanted.c.bucket) & (kept.account_id == call.ctx.account_id) & (kept.number == wanted.c.number),
    )
