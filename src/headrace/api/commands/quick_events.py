"""Reading events that are as most are: from the bytes of a request to what the ingest takes, in one go.

What is here: `quick_event` and `quick_events`, which msgspec helps to parse and check at once. What is not: any error
message. Whatever is wrong, or merely unusual (a location, a profile's id, the identity of a tracked link, long or deep
properties), is left to the models of `event_bodies` by returning None; a property test holds the two against each
other. Every rule here stands there too. See docs/decisions/0014-quick-bodies.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from headrace.api.commands.event_bodies import EARLIEST, FURTHEST, MAX_BULK, MAX_VALUE
from headrace.api.commands.limits import written_if_short
from headrace.api.commands.values import currency_of, e164, email_of, moment_of
from headrace.clock import to_second
from headrace.jsonapi.context import Context
from headrace.storage.identity import NOTHING, IncomingProfile
from headrace.storage.ingest import IncomingEvent
from headrace.storage.metrics import API

ShortText = Annotated[str, Meta(max_length=255)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Body = TypeVar("Body")
MetricKey = tuple[str, str]
"""Integration and name of a metric."""


class _Shape(Struct, forbid_unknown_fields=True, gc=False):
    """The base of every shape: what a shape does not name is unusual."""


class _MetricAttributes(_Shape):
    name: Name
    service: Name | None = None


class _MetricData(_Shape):
    type: Literal["metric"]
    attributes: _MetricAttributes


class _Metric(_Shape):
    data: _MetricData


class _PersonAttributes(_Shape):
    email: str | None = None
    phone_number: str | None = None
    external_id: ShortText | None = None
    anonymous_id: ShortText | None = None
    first_name: ShortText | None = None
    last_name: ShortText | None = None


class _PersonData(_Shape):
    type: Literal["profile"]
    attributes: _PersonAttributes


class _Person(_Shape):
    data: _PersonData


class _Occurrence(_Shape):
    properties: dict[str, Any]
    metric: _Metric
    time: str | None = None
    value: int | float | None = None
    value_currency: str | None = None
    unique_id: Name | None = None
    backfill: bool | None = None


class _Event(_Occurrence, kw_only=True):
    profile: _Person


class _EventData(_Shape):
    type: Literal["event"]
    attributes: _Event


class _One(_Shape):
    data: _EventData


class _OccurrenceData(_Shape):
    type: Literal["event"]
    attributes: _Occurrence


class _Occurrences(_Shape):
    data: list[_OccurrenceData]


class _PersonsEvents(_Shape):
    profile: _Person
    events: _Occurrences
    backfill: bool | None = None


class _PersonsEventsData(_Shape):
    type: Literal["event-bulk-create"]
    attributes: _PersonsEvents


class _BulkCreate(_Shape):
    data: list[_PersonsEventsData]


class _BulkAttributes(_Shape):
    people: _BulkCreate = msgspec.field(name="events-bulk-create")


class _BulkData(_Shape):
    type: Literal["event-bulk-create-job"]
    attributes: _BulkAttributes


class _Bulk(_Shape):
    data: _BulkData


_ONE, _BULK = Decoder(_One), Decoder(_Bulk)


class _Unusual(Exception):
    """Somebody else has to judge this."""


class QuickEvents(NamedTuple):
    """Events with which nothing is wrong: of each its person, its metric, whose id is not known yet, and the rest."""

    people: list[IncomingProfile]
    metrics: list[MetricKey]
    rest: list[tuple[Any, ...]]

    def with_metrics(self, ids: Mapping[MetricKey, str]) -> list[IncomingEvent]:
        """Return the events as the ingest takes them."""
        rows = zip(self.people, self.metrics, self.rest, strict=True)
        return [IncomingEvent(person, ids[metric], *rest) for person, metric, rest in rows]


def quick_event(ctx: Context[Any], raw: bytes) -> QuickEvents | None:
    """Return the event that the body of POST /api/events holds, None where the careful way must read it."""
    body = _decoded(_ONE, raw)
    if body is None or ctx.now is None:
        return None
    try:
        what = body.data.attributes
        person = _incoming_person(what.profile)
        return QuickEvents([person], [_metric_key(what)], [_rest(what, False, ctx.now)])
    except (ValueError, TypeError, _Unusual):
        return None


def quick_events(ctx: Context[Any], raw: bytes) -> QuickEvents | None:
    """Return the events that the body of a bulk job holds, None where the careful way must read it."""
    body = _decoded(_BULK, raw)
    if body is None or ctx.now is None:
        return None
    read = QuickEvents([], [], [])
    try:
        for one in body.data.attributes.people.data:
            _read_persons(one.attributes, ctx.now, read)
    except (ValueError, TypeError, _Unusual):
        return None
    return read if 0 < len(read.people) <= MAX_BULK else None


def _decoded(decoder: Decoder[Body], raw: bytes) -> Body | None:
    if b"\\u0000" in raw:
        return None
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _read_persons(row: _PersonsEvents, now: datetime, read: QuickEvents) -> None:
    person, backfill = _incoming_person(row.profile), bool(row.backfill)
    for event in row.events.data:
        read.people.append(person)
        read.metrics.append(_metric_key(event.attributes))
        read.rest.append(_rest(event.attributes, backfill, now))


def _incoming_person(given: _Person) -> IncomingProfile:
    """Return the person; raises for one without an identifier, and `ValueError` for one that is not well written."""
    one = given.data.attributes
    email = None if one.email is None else email_of(one.email)
    phone = None if one.phone_number is None else e164(one.phone_number)
    if not (email or phone or one.external_id or one.anonymous_id):
        raise _Unusual
    fields = NOTHING
    if one.first_name is not None or one.last_name is not None:
        names = (("first_name", one.first_name), ("last_name", one.last_name))
        fields = {name: value for name, value in names if value is not None}
    return IncomingProfile(None, email, phone, one.external_id or None, one.anonymous_id or None, fields)


def _rest(what: _Occurrence, backfill: bool, now: datetime) -> tuple[Any, ...]:
    """Return an event's members from its time on; raises for what is unusual, and `ValueError` for a broken rule."""
    written = written_if_short(what.properties)
    if written is None:
        raise _Unusual
    at, value = now, what.value
    if what.time is not None:
        at = _moment(what.time)
        if not EARLIEST <= at <= now + FURTHEST:
            raise _Unusual
    if value is not None and abs(value) > MAX_VALUE:
        raise _Unusual
    return (
        to_second(at) if at.microsecond else at,
        what.unique_id,
        what.properties,
        value,
        None if what.value_currency is None else currency_of(what.value_currency),
        bool(what.backfill) or backfill,
        0,
        written,
    )


def _metric_key(what: _Occurrence) -> MetricKey:
    one = what.metric.data.attributes
    return (API if one.service is None or one.service.lower() == API.lower() else one.service), one.name


def _moment(text: str) -> datetime:
    """Return the moment that a text writes; the spelling that programs use is read without looking at others."""
    if len(text) == 25 and text[4] == text[7] == "-" and text[10] == "T" and text.endswith("+00:00"):
        return datetime.fromisoformat(text)
    return moment_of(text)
