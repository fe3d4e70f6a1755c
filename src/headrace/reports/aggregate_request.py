"""Reading the attributes of a request for the aggregates of a metric.

What is here: from the parsed JSON to an `AggregateRequest`, with every mistake reported at once. What is not: whether
the metric exists, and the figures (`metric_aggregates`); the filters (`aggregate_filters`). Follows reference 6.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from headrace.errors import Problem
from headrace.jsonapi.filter_rules import listed
from headrace.reports.aggregate_filters import filters_schema, read_filters
from headrace.reports.reading import invalid, object_schema, raise_mistakes, read_names, unknown_members
from headrace.storage.event_dimensions import DIMENSIONS
from headrace.storage.metric_aggregates import MEASUREMENTS, DimensionTest, Order
from headrace.storage.slots import Span

INTERVALS = {"day": "daily", "hour": "hourly", "month": "monthly", "week": "weekly"}
"""Interval of a request -> that of `reports.intervals`."""
NO_ZONES = frozenset({"Factory", "Europe/Kyiv", "Pacific/Kanton", "localtime"})
"""Names that the service does not take for a time zone. Source: the description of the operation."""
SMALLEST_PAGE, LARGEST_PAGE = 500, 10_000
"""Rows of one page. Source: reference 6.6 for the smallest, which is the default. Our choice: the largest."""
FIELDS = ("data", "dates", "id")
REQUIRED = ("metric_id", "measurements", "filter")
MEMBERS = (*REQUIRED, "by", "interval", "page_cursor", "page_size", "return_fields", "sort", "timezone")
SORTS = (*sorted(DIMENSIONS), *MEASUREMENTS)


@dataclass(frozen=True, slots=True)
class AggregateRequest:
    """A request whose parts are all legal. `span` is at most a year, `zone` that in which buckets begin.

    `fields` None shows everything.
    """

    metric_id: str
    measurements: tuple[str, ...]
    span: Span
    zone: ZoneInfo
    tests: tuple[DimensionTest, ...] = ()
    interval: str = "day"
    by: tuple[str, ...] = ()
    order: Order | None = None
    page_size: int = SMALLEST_PAGE
    page_cursor: str | None = None
    fields: frozenset[str] | None = None


def read_aggregate_request(attributes: Mapping[str, Any]) -> AggregateRequest:
    """Return the request that the `attributes` of a JSON:API document ask for.

    Raises `Invalid`, or `Problems` when there are several mistakes, each with a pointer. Names that are given twice
    count once. Source: reference 6.6.
    """
    mistakes = unknown_members(attributes, MEMBERS)
    measurements = _measurements(attributes.get("measurements"), mistakes)
    by = _optional_names("by", attributes.get("by"), tuple(DIMENSIONS), mistakes)
    zone = _zone(attributes.get("timezone"), mistakes)
    span, tests = read_filters(attributes.get("filter"), zone, mistakes)
    request = AggregateRequest(
        metric_id=_text("metric_id", attributes.get("metric_id"), mistakes) or "",
        measurements=measurements,
        span=span,
        zone=zone,
        tests=tests,
        interval=_interval(attributes.get("interval"), mistakes),
        by=by,
        order=_order(attributes.get("sort"), (*by, *measurements), mistakes),
        page_size=_page_size(attributes.get("page_size"), mistakes),
        page_cursor=_cursor(attributes.get("page_cursor"), mistakes),
        fields=_fields(attributes.get("return_fields"), mistakes),
    )
    raise_mistakes(mistakes)
    return request


def aggregate_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_aggregate_request` takes, from the tables that it checks with."""
    size = {"type": ["integer", "null"], "minimum": SMALLEST_PAGE, "maximum": LARGEST_PAGE, "default": SMALLEST_PAGE}
    properties = {
        "metric_id": {"type": "string", "minLength": 1},
        "measurements": {"type": "array", "minItems": 1, "items": {"enum": sorted(MEASUREMENTS)}},
        "filter": filters_schema(),
        "by": {"type": ["array", "null"], "items": {"enum": sorted(DIMENSIONS)}},
        "interval": {"enum": [*sorted(INTERVALS), None], "default": "day"},
        "page_cursor": {"type": "string", "description": "The cursor of the page to answer, from links.next."},
        "page_size": size,
        "return_fields": {"type": ["array", "null"], "items": {"enum": list(FIELDS)}},
        "sort": {"enum": [word for name in SORTS for word in (name, f"-{name}")]},
        "timezone": {"type": ["string", "null"], "default": "UTC", "description": "A name of the IANA database."},
    }
    return object_schema(properties, list(REQUIRED))


def _measurements(given: Any, mistakes: list[Problem]) -> tuple[str, ...]:
    if given is None or given == []:
        detail = f"measurements is required and must name at least one of {listed(MEASUREMENTS)}."
        mistakes.append(invalid("measurements", detail))
        return ()
    return read_names("measurements", given, MEASUREMENTS, mistakes)


def _optional_names(member: str, given: Any, allowed: tuple[str, ...], mistakes: list[Problem]) -> tuple[str, ...]:
    return () if given is None else read_names(member, given, allowed, mistakes)


def _text(member: str, given: Any, mistakes: list[Problem]) -> str | None:
    if isinstance(given, str) and given and "\x00" not in given:
        return given
    shown = "is required" if given is None else f"must be a text, not {given!r:.80}"
    mistakes.append(invalid(member, f"{member} {shown}."))
    return None


def _cursor(given: Any, mistakes: list[Problem]) -> str | None:
    """Return the cursor; an empty one, like none, stands for the first page."""
    return None if given is None or given == "" else _text("page_cursor", given, mistakes)


def _zone(given: Any, mistakes: list[Problem]) -> ZoneInfo:
    if given is None:
        return ZoneInfo("UTC")
    if isinstance(given, str) and given in _zones():
        return ZoneInfo(given)
    rule = "it must be a time zone of the IANA database, like America/New_York, with its capital letters"
    mistakes.append(invalid("timezone", f"timezone is {given!r:.80}; {rule}."))
    return ZoneInfo("UTC")


@lru_cache(1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - NO_ZONES


def _interval(given: Any, mistakes: list[Problem]) -> str:
    if given is None:
        return "day"
    if isinstance(given, str) and given in INTERVALS:
        return given
    mistakes.append(invalid("interval", f"interval is {given!r:.80}; it must be one of {listed(sorted(INTERVALS))}."))
    return "day"


def _order(given: Any, sortable: tuple[str, ...], mistakes: list[Problem]) -> Order | None:
    """Return the order that is asked for. Our choice: what a row is sorted by is among what it shows."""
    if given is None:
        return None
    key = given.removeprefix("-") if isinstance(given, str) else None
    if key is not None and key in sortable:
        return Order(key, descending=given.startswith("-"))
    known = key in SORTS
    rule = "it must be one of by or measurements" if known else f"sort keys are {listed(SORTS)}, with - for descending"
    mistakes.append(invalid("sort", f"sort is {given!r:.80}; {rule}."))
    return None


def _page_size(given: Any, mistakes: list[Problem]) -> int:
    if given is None:
        return SMALLEST_PAGE
    if isinstance(given, int) and not isinstance(given, bool) and SMALLEST_PAGE <= given <= LARGEST_PAGE:
        return given
    rule = f"it must be a whole number from {SMALLEST_PAGE} to {LARGEST_PAGE}"
    mistakes.append(invalid("page_size", f"page_size is {given!r:.80}; {rule}."))
    return SMALLEST_PAGE


def _fields(given: Any, mistakes: list[Problem]) -> frozenset[str] | None:
    return None if given is None else frozenset(read_names("return_fields", given, FIELDS, mistakes))
