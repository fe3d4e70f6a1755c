"""Reading the attributes of a request for a segment report: its values, or its series.

What is here: from the parsed JSON to a `SegmentRequest`, with every mistake reported at once. What is not: the figures
(`segment_members`). Follows reference 6.3, 6.5 and 6.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.filters import Filter
from headrace.reports.reading import (
    INTERVAL,
    check_interval,
    interval_schema,
    object_schema,
    raise_mistakes,
    read_filter,
    read_interval,
    read_statistics,
    read_timeframe,
    statistics_schema,
    timeframe_schema,
    unknown_members,
)
from headrace.reports.timeframes import span_of
from headrace.storage.slots import Span

STATISTICS = ("members_added", "members_removed", "net_members_changed", "total_members")
FILTERS = {"segment_id": Filterable("string", ("any", "equals"), once=True)}
MEMBERS = ("statistics", "timeframe", "filter")


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """A request whose parts are all legal. `segment_ids` None stands for every segment of the account.

    `interval` is None where values are asked for, and one of `intervals.INTERVALS` for a series.
    """

    statistics: tuple[str, ...]
    span: Span
    segment_ids: tuple[str, ...] | None = None
    interval: str | None = None


def read_values(attributes: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> SegmentRequest:
    """Return the request for values; raises `Invalid` or `Problems`. `now` is the account's present."""
    return _read(attributes, zone, now, series=False)


def read_series(attributes: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> SegmentRequest:
    """Return the request for a series; raises `Invalid` or `Problems`. `now` is the account's present."""
    return _read(attributes, zone, now, series=True)


def values_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_values` takes."""
    properties = {
        "statistics": statistics_schema(STATISTICS),
        "timeframe": timeframe_schema(),
        "filter": {"type": ["string", "null"], "description": "equals or any of segment_id."},
    }
    return object_schema(properties, ["statistics", "timeframe"])


def series_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_series` takes."""
    properties = {**values_schema()["properties"], INTERVAL: interval_schema()}
    return object_schema(properties, ["statistics", "timeframe", INTERVAL])


def _read(attributes: Mapping[str, Any], zone: ZoneInfo, now: datetime, *, series: bool) -> SegmentRequest:
    mistakes = unknown_members(attributes, (*MEMBERS, INTERVAL) if series else MEMBERS)
    statistics = read_statistics(attributes.get("statistics"), STATISTICS, mistakes)
    timeframe = read_timeframe(attributes.get("timeframe"), mistakes)
    asked = read_filter(attributes.get("filter"), FILTERS, mistakes)
    interval = read_interval(attributes.get(INTERVAL), mistakes) if series else None
    if interval is not None and not mistakes:
        mistakes += check_interval(interval, timeframe, zone, now)
    raise_mistakes(mistakes)
    return SegmentRequest(statistics, span_of(timeframe, zone, now), _segment_ids(asked), interval)


def _segment_ids(asked: Filter) -> tuple[str, ...] | None:
    if not asked:
        return None
    [one] = asked
    return tuple(map(str, one.value if isinstance(one.value, tuple) else (one.value,)))
