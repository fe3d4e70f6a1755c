"""What the API shows of events and of metrics, the kinds of event, and where their rows come from.

What is here: the two resources with their tables and the loaders of their relationships. What is not: the operations on
them (`events`, `metrics`). Follows reference 5.4, 7.1 and 9. Our choice: the attributions of an event have no links,
because these would lead nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from headrace.api.resources import attributions, flow_triggers
from headrace.api.resources.group_tables import CREATED, UPDATED
from headrace.api.resources.people import PROFILES
from headrace.api.resources.shown_people import Integration
from headrace.errors import Invalid
from headrace.ids import event_id, event_moment, event_uuid, parse_event_id
from headrace.jsonapi.operation import Call, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t

# --- metric ---------------------------------------------------------------------------------------------------------


def _integration(row: Row) -> dict[str, Any]:
    name = row["integration_name"]
    return {
        "object": "integration",
        "id": name.lower(),
        "key": name.lower(),
        "name": name,
        "category": row["integration_category"],
        "image_url": "",
    }


METRIC = Resource(
    "metric",
    "/api/metrics/{id}",
    (Attribute("name", str | None), CREATED, UPDATED, Attribute("integration", Integration, _integration)),
    (flow_triggers.RELATIONSHIP,),
)

_METRIC_COLUMNS = (
    t.metric.c.metric_id.label("id"),
    t.metric.c.name,
    t.metric.c.integration_name,
    t.metric.c.integration_category,
    t.metric.c.created_at,
    t.metric.c.updated_at,
)


def _metrics(call: Call[Any, Any]) -> Select[Any]:
    return select(*_METRIC_COLUMNS).where(t.metric.c.account_id == call.ctx.account_id)


METRICS = Table(_metrics, t.metric.c.metric_id, loaders={flow_triggers.NAME: flow_triggers.loader("metric")})

# --- event ----------------------------------------------------------------------------------------------------------


def _event_properties(row: Row) -> dict[str, Any]:
    """Return an event's properties with its value, as `$value`. Source: reference 5.4."""
    properties = dict(row["properties"])
    if row["value"] is not None:
        properties["$value"] = row["value"]
    if row["value_currency"] is not None:
        properties["$value_currency"] = row["value_currency"]
    return properties


EVENT = Resource(
    "event",
    "/api/events/{id}",
    (
        Attribute("timestamp", int, lambda row: int(row["occurred_at"].timestamp())),
        Attribute("event_properties", dict[str, Any], _event_properties),
        Attribute("datetime", datetime, lambda row: row["occurred_at"]),
        Attribute("uuid", str, lambda row: event_uuid(row["number"])),
    ),
    (
        Relationship("profile", "profile", ids=lambda row: row["profile_id"]),
        Relationship("metric", "metric", ids=lambda row: row["metric_id"]),
        attributions.RELATIONSHIP,
    ),
    id=lambda row: event_id(row["number"]),
)


def _events(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's events; where the path names one, its time too, so that one partition is looked at."""
    statement = select(
        t.event.c.number,
        t.event.c.profile_id,
        t.event.c.metric_id,
        t.event.c.occurred_at,
        t.event.c.value,
        t.event.c.value_currency,
        t.event.c.properties,
    ).where(t.event.c.account_id == call.ctx.account_id)
    if call.operation.path.startswith("/api/events/{id}"):
        statement = statement.where(t.event.c.occurred_at == event_moment(event_number_of(call.path["id"])))
    return statement


def event_number_of(text: str) -> int:
    """Return the number behind an event id; raises `Invalid` for a malformed one. Source: reference 5.4 (400)."""
    number = parse_event_id(text)
    if number is None:
        raise Invalid(f'The event id is "{text[:80]}"; it must be eleven letters and digits.', parameter="id")
    return number


def _one_event(call: Call[Any, Any], column: Any, number: int) -> Any:
    return (
        select(column)
        .where(
            t.event.c.account_id == call.ctx.account_id,
            t.event.c.occurred_at == event_moment(number),
            t.event.c.number == number,
        )
        .scalar_subquery()
    )


def metric_of_event(call: Call[Any, Any], statement: Select[Any], number: Any) -> Select[Any]:
    """Narrow metrics to that of one event."""
    return statement.where(t.metric.c.metric_id == _one_event(call, t.event.c.metric_id, number))


def profile_of_event(call: Call[Any, Any], statement: Select[Any], number: Any) -> Select[Any]:
    """Narrow profiles to that of one event."""
    return statement.where(t.profile.c.profile_id == _one_event(call, t.event.c.profile_id, number))


async def _metrics_of_events(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    wanted = {row["metric_id"] for row in rows}
    found = await call.ctx.fetch(_metrics(call).where(t.metric.c.metric_id.in_(sorted(wanted))))
    return _by_event(rows, "metric_id", found)


async def _profiles_of_events(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    wanted = {row["profile_id"] for row in rows}
    found = await call.ctx.fetch(PROFILES.select(call).where(t.profile.c.profile_id.in_(sorted(wanted))))
    return _by_event(rows, "profile_id", found)


def _by_event(events: Sequence[Row], column: str, found: Sequence[Row]) -> dict[str, list[Row]]:
    known = {row["id"]: row for row in found}
    return {event_id(row["number"]): [known[row[column]]] for row in events if row[column] in known}


EVENTS = Table(
    _events,
    t.event.c.number,
    event_number_of,
    {"metric": _metrics_of_events, "profile": _profiles_of_events, attributions.NAME: attributions.of_events},
)
