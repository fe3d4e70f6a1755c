"""The operations on events. Follows reference 5.4 and 7.6."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, true

from headrace.api.commands import event_bodies
from headrace.api.commands import events as commands
from headrace.api.commands.quick_events import quick_event, quick_events
from headrace.api.resources import attributions
from headrace.api.resources.happenings import EVENT, EVENTS, METRIC, METRICS, metric_of_event, profile_of_event
from headrace.api.resources.people import PROFILE, PROFILES
from headrace.api.resources.profile_fields import own_bucket
from headrace.ids import event_number
from headrace.jsonapi import shapes
from headrace.jsonapi.clauses import clause as usual_clause
from headrace.jsonapi.filter_rules import BOUNDS, Filterable
from headrace.jsonapi.filters import Comparison
from headrace.jsonapi.operation import XL, M, Operation
from headrace.jsonapi.query import Page, Sortable
from headrace.storage import tables as t

READ, WRITE = ("events:read",), ("events:write",)
PAGE = Page(default=200, maximum=1000)
BOUND = tuple(sorted(BOUNDS))
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
"""Between these every event number lies, which has 32 bits for the seconds."""

_OCCURRED = Filterable("datetime", BOUND, t.event.c.occurred_at)


def _of_profile(_: Any, one: Comparison) -> ColumnElement[bool]:
    return and_(*own_bucket(t.event, str(one.value)))


def _exists(_: Any, __: Comparison) -> ColumnElement[bool]:
    """Every event has a profile and a metric."""
    return true()


def _during(context: Any, one: Comparison) -> ColumnElement[bool]:
    """Bound the time, which chooses the partitions, and the number, by which the events of a list are found."""
    moment: Any = one.value
    within = min(max(moment, FIRST), LAST).replace(microsecond=0)
    number = t.event.c.number
    if one.operator.startswith("greater"):
        bound = number >= event_number(within, 0)
    else:
        bound = number < event_number(within + timedelta(seconds=1), 0)
    return and_(usual_clause(one, _OCCURRED, context), bound)


def _moment(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise ValueError("it must be seconds since 1970 that lie within the years 1 to 9999") from None


def _timed(convert: Callable[[Any], Any] | None, kind: Any) -> Filterable:
    return Filterable(kind, BOUND, clause=_during, convert=convert)


FILTERS = {
    "metric_id": Filterable("string", ("equals",), t.event.c.metric_id),
    "profile_id": Filterable("string", ("equals",), clause=_of_profile),
    "profile": Filterable("string", ("has",), clause=_exists),
    "metric": Filterable("string", ("has",), clause=_exists),
    "datetime": _timed(None, "datetime"),
    "timestamp": _timed(_moment, "int"),
}

# An event's number begins with its time: sorting by it sorts by time, and one index serves it.
SORTS = {
    "datetime": Sortable(t.event.c.number, dated=True),
    "timestamp": Sortable(t.event.c.number, dated=True),
}

OPERATIONS = (
    Operation(
        id="get_events",
        method="GET",
        path="/api/events",
        shape=shapes.listing,
        tag="Events",
        summary="List events",
        scopes=READ,
        tier=XL,
        resource=EVENT,
        table=EVENTS,
        filters=FILTERS,
        sorts=SORTS,
        includes=(attributions.NAME, "metric", "profile"),
        linkage=(attributions.NAME,),
        sparse=("attribution", "event", "metric", "profile"),
        page=PAGE,
    ),
    Operation(
        id="create_event",
        method="POST",
        path="/api/events",
        shape=shapes.call,
        tag="Events",
        summary="Record an event",
        scopes=WRITE,
        tier=XL,
        command=commands.create_event,
        body=event_bodies.NewEvent,
        read=quick_event,
        status=202,
    ),
    Operation(
        id="bulk_create_events",
        method="POST",
        path="/api/event-bulk-create-jobs",
        shape=shapes.call,
        tag="Events",
        summary="Record the events of several people",
        scopes=WRITE,
        tier=M,
        command=commands.create_events,
        body=event_bodies.BulkJob,
        read=quick_events,
        status=202,
        since="2024-05-15",
    ),
    Operation(
        id="get_event",
        method="GET",
        path="/api/events/{id}",
        shape=shapes.get,
        tag="Events",
        summary="Read an event",
        scopes=READ,
        tier=M,
        resource=EVENT,
        table=EVENTS,
        includes=(attributions.NAME, "metric", "profile"),
        linkage=(attributions.NAME,),
        sparse=("attribution", "event", "metric", "profile"),
    ),
    Operation(
        id="get_metric_for_event",
        method="GET",
        path="/api/events/{id}/metric",
        shape=shapes.related,
        tag="Events",
        summary="Read the metric of an event",
        scopes=("events:read", "metrics:read"),
        tier=XL,
        resource=METRIC,
        table=METRICS,
        parent=(EVENT, EVENTS),
        scope=metric_of_event,
        many=False,
        sparse=("metric",),
    ),
    Operation(
        id="get_metric_id_for_event",
        method="GET",
        path="/api/events/{id}/relationships/metric",
        shape=shapes.relationship,
        tag="Events",
        summary="Read the id of the metric of an event",
        scopes=("events:read", "metrics:read"),
        tier=XL,
        resource=METRIC,
        table=METRICS,
        parent=(EVENT, EVENTS),
        scope=metric_of_event,
        many=False,
    ),
    Operation(
        id="get_profile_for_event",
        method="GET",
        path="/api/events/{id}/profile",
        shape=shapes.related,
        tag="Events",
        summary="Read the profile of an event",
        scopes=("events:read", "profiles:read"),
        tier=XL,
        resource=PROFILE,
        table=PROFILES,
        parent=(EVENT, EVENTS),
        scope=profile_of_event,
        many=False,
        sparse=("profile",),
        additional={"profile": ("subscriptions", "predictive_analytics")},
    ),
    Operation(
        id="get_profile_id_for_event",
        method="GET",
        path="/api/events/{id}/relationships/profile",
        shape=shapes.relationship,
        tag="Events",
        summary="Read the id of the profile of an event",
        scopes=("events:read", "profiles:read"),
        tier=XL,
        resource=PROFILE,
        table=PROFILES,
        parent=(EVENT, EVENTS),
        scope=profile_of_event,
        many=False,
    ),
)
RESOURCES = (attributions.ATTRIBUTION, EVENT)
