"""Reading the attributes of a request for flow reports: values, or a series.

What is here: from the parsed JSON to a `FlowValuesRequest` or `FlowSeriesRequest`, with every mistake reported at once.
What is not: whether the conversion metric exists, which needs the database (`flow_figures`). Follows reference 6.3 to
6.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from headrace.errors import Problem
from headrace.jsonapi.filter_rules import listed
from headrace.jsonapi.filters import Filter
from headrace.reports.grouping import DEFAULT, FILTERS, GROUPINGS, REQUIRED
from headrace.reports.reading import (
    INTERVAL,
    check_interval,
    interval_schema,
    invalid,
    object_schema,
    raise_mistakes,
    read_filter,
    read_interval,
    read_names,
    read_statistics,
    read_timeframe,
    statistics_schema,
    timeframe_schema,
    unknown_members,
)
from headrace.reports.statistics import BY_NAME
from headrace.reports.timeframes import Timeframe

REQUIRED_MEMBERS = ("statistics", "timeframe", "conversion_metric_id")
MEMBERS = (*REQUIRED_MEMBERS, "group_by", "filter")


@dataclass(frozen=True, slots=True)
class FlowValuesRequest:
    """A request whose parts are all legal: known statistics and groupings, a timeframe of at most a year."""

    statistics: tuple[str, ...]
    timeframe: Timeframe
    conversion_metric_id: str
    group_by: tuple[str, ...] = DEFAULT
    filter: Filter = ()


@dataclass(frozen=True, slots=True)
class FlowSeriesRequest:
    """What is asked for, and one of the intervals that its timeframe is short enough for."""

    values: FlowValuesRequest
    interval: str


def read_request(attributes: Mapping[str, Any]) -> FlowValuesRequest:
    """Return the request that the `attributes` of a JSON:API document ask for.

    Raises `Invalid`, or `Problems` when there are several mistakes, each with a pointer. Names that are given twice
    count once. Source: reference 6.4.
    """
    mistakes = unknown_members(attributes, MEMBERS)
    request = _read(attributes, mistakes)
    raise_mistakes(mistakes)
    return request


def read_series_request(attributes: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> FlowSeriesRequest:
    """Return the request for a series; `now` is the account's present. Raises what `read_request` does.

    Source: reference 6.5.
    """
    mistakes = unknown_members(attributes, (*MEMBERS, INTERVAL))
    request = _read(attributes, mistakes)
    interval = read_interval(attributes.get(INTERVAL), mistakes)
    if not mistakes:
        mistakes += check_interval(interval, request.timeframe, zone, now)
    raise_mistakes(mistakes)
    return FlowSeriesRequest(request, interval)


def _read(attributes: Mapping[str, Any], mistakes: list[Problem]) -> FlowValuesRequest:
    return FlowValuesRequest(
        statistics=read_statistics(attributes.get("statistics"), BY_NAME, mistakes),
        timeframe=read_timeframe(attributes.get("timeframe"), mistakes),
        conversion_metric_id=_metric(attributes.get("conversion_metric_id"), mistakes),
        group_by=_group_by(attributes.get("group_by"), mistakes),
        filter=read_filter(attributes.get("filter"), FILTERS, mistakes),
    )


def request_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_request` takes, from the tables that it checks with."""
    properties = {
        "statistics": statistics_schema(BY_NAME),
        "timeframe": timeframe_schema(),
        "conversion_metric_id": {"type": "string"},
        "group_by": {"type": ["array", "null"], "items": {"enum": sorted(GROUPINGS)}, "default": list(DEFAULT)},
        "filter": {"type": ["string", "null"], "description": f"Of {listed(sorted(FILTERS))}, joined by and(...)."},
    }
    return object_schema(properties, list(REQUIRED_MEMBERS))


def series_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_series_request` takes."""
    properties = {**request_schema()["properties"], INTERVAL: interval_schema()}
    return object_schema(properties, [*REQUIRED_MEMBERS, INTERVAL])


def _group_by(given: Any, mistakes: list[Problem]) -> tuple[str, ...]:
    if given is None:
        return DEFAULT
    names = read_names("group_by", given, GROUPINGS, mistakes)
    missing = [name for name in REQUIRED if isinstance(given, list) and name not in given]
    if missing:
        mistakes.append(invalid("group_by", f"group_by must hold {listed(REQUIRED)}; it lacks {listed(missing)}."))
    return names


def _metric(given: Any, mistakes: list[Problem]) -> str:
    if isinstance(given, str) and given and "\x00" not in given:
        return given
    shown = "is required" if given is None else f"must be the id of a metric, not {given!r:.80}"
    mistakes.append(invalid("conversion_metric_id", f"conversion_metric_id {shown}."))
    return ""
