"""The quick way of reading events takes nothing that the careful way refuses, and reads everything as that does."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headrace.api.commands.event_bodies import FURTHEST, BulkJob, NewEvent
from headrace.api.commands.events import PostedEvent, incoming_event, mistakes_of, person_of
from headrace.api.commands.quick_events import QuickEvents, quick_event, quick_events
from headrace.errors import Problem, Problems
from headrace.jsonapi.context import Context
from headrace.jsonapi.reading import parse_json
from headrace.storage.ingest import IncomingEvent

NOW = datetime(2026, 11, 20, 12, 0, 30, 250_000, tzinfo=UTC)


async def _nothing(_: Any) -> list[Any]:
    return []


CTX: Context[Any] = Context(state=None, account_id="AbC123", fetch=_nothing, now=NOW)

ODD = st.sampled_from([None, "", " ", 0, -1, True, [], {}, "x" * 256, "\x00", "é", 10**13, 1 << 70, 1.5])
NAMES = st.one_of(st.text(max_size=12), ODD)
EMAILS = st.one_of(st.sampled_from(["ana@example.com", " Ana@Example.COM ", "no address", "a@b..co", "a,b@c.de"]), ODD)
PHONES = st.one_of(st.sampled_from(["+15005550006", "+1 (500) 555-0006", "15005550006", "+99912345678"]), ODD)
MOMENTS = st.one_of(
    st.sampled_from(
        [
            "2026-11-20T11:00:00+00:00",
            "2026-11-20T11:00:00Z",
            "2026-11-20T11:00:00.123456+02:00",
            "2026-11-20T11:00:00-0500",
            "2026-11-20",
            "2026-11-20 11:00:00",
            "2026-W47-1T11:00:00+00:00",
            "2026-13-40T11:00:00+00:00",
            "1989-12-31T23:59:59+00:00",
            "2031-01-01T00:00:00+00:00",
            "20261120T110000+00:00",
            "2026-11-20T11:00:00+24:00",
        ]
    ),
    ODD,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 66), 1 << 66), st.floats(), st.text(max_size=8)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=6), below, max_size=3)),
    max_leaves=12,
)
PERSON = st.fixed_dictionaries(
    {},
    optional={
        "email": EMAILS,
        "phone_number": PHONES,
        "external_id": NAMES,
        "anonymous_id": NAMES,
        "first_name": NAMES,
        "last_name": NAMES,
        "title": NAMES,
        "location": st.sampled_from([None, {}, {"city": "Bern"}, {"city": 3}]),
        "properties": st.dictionaries(st.text(max_size=4), JSON, max_size=2),
        "_kx": NAMES,
        "unknown": NAMES,
    },
)
METRIC = st.fixed_dictionaries({"name": NAMES}, optional={"service": st.one_of(st.sampled_from(["api", "API"]), NAMES)})


def _data(kind: str, attributes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.sampled_from([kind] * 9 + ["thing"])
    return st.fixed_dictionaries({"data": st.fixed_dictionaries({"type": kinds, "attributes": attributes})})


OCCURRENCE = {
    "properties": st.one_of(st.dictionaries(st.text(max_size=6), JSON, max_size=4), ODD),
    "metric": _data("metric", METRIC),
}
MORE = {
    "time": MOMENTS,
    "value": st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False), ODD),
    "value_currency": st.one_of(st.sampled_from(["USD", "usd", "EURO"]), ODD),
    "unique_id": NAMES,
    "backfill": st.one_of(st.booleans(), ODD),
}
SINGLE = _data(
    "event", st.fixed_dictionaries({**OCCURRENCE, "profile": _data("profile", PERSON)}, optional=cast(Any, MORE))
)
EVENTS = st.lists(
    st.fixed_dictionaries({"type": st.just("event"), "attributes": st.fixed_dictionaries(OCCURRENCE, optional=MORE)}),
    max_size=3,
)
ROW = st.fixed_dictionaries(
    {
        "type": st.just("event-bulk-create"),
        "attributes": st.fixed_dictionaries(
            {"profile": _data("profile", PERSON), "events": st.fixed_dictionaries({"data": EVENTS})},
            optional={"backfill": st.one_of(st.booleans(), ODD)},
        ),
    }
)
BULK = st.lists(ROW, max_size=3).map(
    lambda rows: {
        "data": {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": rows}}},
    }
)


def written(body: Any) -> bytes:
    """Return a body as a client sends it; what JSON cannot write is made text."""
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS, default=str) if _is_json(body) else b"{}"


def _is_json(body: Any) -> bool:
    try:
        orjson.dumps(body)
    except TypeError:
        return False
    return True


def carefully(raw: bytes, *, bulk: bool) -> list[IncomingEvent] | None:
    """Return what the careful way reads, None where it refuses the body or some event of it."""
    try:
        posted = _posted(parse_json(raw), bulk=bulk)
    except (Problem, Problems, ValidationError):
        return None
    mistakes = [one for event in posted for one in mistakes_of(event, NOW + FURTHEST)]
    return None if mistakes or not posted else [incoming_event(event, "|".join(event.metric), NOW) for event in posted]


def _posted(body: Any, *, bulk: bool) -> list[PostedEvent]:
    if not bulk:
        what = NewEvent.model_validate(body).data.attributes
        return [PostedEvent(person_of(what["profile"]), what, bool(what.get("backfill")))]
    rows = BulkJob.model_validate(body).data.attributes.people["data"]
    return [
        PostedEvent(
            person_of(row["attributes"]["profile"]),
            event["attributes"],
            bool(event["attributes"].get("backfill")) or bool(row["attributes"].get("backfill")),
        )
        for row in rows
        for event in row["attributes"]["events"]["data"]
    ]


def quickly(read: QuickEvents) -> list[IncomingEvent]:
    """Return what the quick way reads, without what it has written on the side."""
    events = read.with_metrics({key: "|".join(key) for key in read.metrics})
    assert [one.properties for one in events] == [orjson.loads(one.written or "") for one in events]
    return [one._replace(written=None, value=None if one.value is None else Decimal(str(one.value))) for one in events]


@given(SINGLE)
def test_an_event_that_is_read_quickly_is_read_alike(body: Any) -> None:
    """Whenever the quick way takes an event, the careful way takes it, too, and both say the same."""
    raw = written(body)
    read = quick_event(CTX, raw)
    assert read is None or carefully(raw, bulk=False) == quickly(read)


@given(BULK)
def test_a_job_that_is_read_quickly_is_read_alike(body: Any) -> None:
    """Whenever the quick way takes a job, the careful way takes it, too, and both say the same."""
    raw = written(body)
    read = quick_events(CTX, raw)
    assert read is None or carefully(raw, bulk=True) == quickly(read)


def test_usual_events_are_read_quickly() -> None:
    """The bodies of the guide to events are taken the quick way, so that the laws above speak of something."""
    what = {
        "properties": {"ProductName": "Shoe", "Items": [{"SKU": "S1"}]},
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "time": "2026-11-20T11:00:00+00:00",
        "value": 12.5,
        "value_currency": "USD",
        "unique_id": "order-1",
    }
    person = {"data": {"type": "profile", "attributes": {"email": "ana@example.com", "first_name": "Ana"}}}
    single = written({"data": {"type": "event", "attributes": {**what, "profile": person}}})
    row = {"profile": person, "events": {"data": [{"type": "event", "attributes": what}] * 2}}
    rows = [{"type": "event-bulk-create", "attributes": row}]
    job = {"data": {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": rows}}}}

    one, many = quick_event(CTX, single), quick_events(CTX, written(job))

    assert one is not None
    assert many is not None
    assert carefully(single, bulk=False) == quickly(one)
    assert carefully(written(job), bulk=True) == quickly(many)
