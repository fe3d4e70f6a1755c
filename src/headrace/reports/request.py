"""Reading the attributes of a flow-values request.

What is here: from the parsed JSON to a `FlowValuesRequest`, with every mistake reported at once. What is not: whether
the conversion metric exists, which needs the database (`flow_values`). Follows reference 6.3 and 6.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.errors import Problem
from headrace.jsonapi.filter_rules import listed
from headrace.jsonapi.filters import Filter
from headrace.reports.grouping import DEFAULT, FILTERS, GROUPINGS, REQUIRED
from headrace.reports.reading import (
    invalid,
    object_schema,
    raise_mistakes,
    read_filter,
    read_names,
    read_statistics,
    read_timeframe,
    statistics_schema,
    timeframe_schema,
    unknown_members,
)
from headrace.reports.statistics import BY_NAME
from headrace.reports.timeframes import Timeframe

MEMBERS = ("statistics", "timeframe", "conversion_metric_id", "group_by", "filter")


@dataclass(frozen=True, slots=True)
class FlowValuesRequest:
    """A request whose parts are all legal: known statistics and groupings, a timeframe of at most a year."""

    statistics: tuple[str, ...]
    timeframe: Timeframe
    conversion_metric_id: str
    group_by: tuple[str, ...] = DEFAULT
    filter: Filter = ()


def read_request(attributes: Mapping[str, Any]) -> FlowValuesRequest:
    """Return the request that the `attributes` of a JSON:API document ask for.

    Raises `Invalid`, or `Problems` when there are several mistakes, each with a pointer. Names that are given twice
    count once. Source: reference 6.4.
    """
    mistakes = unknown_members(attributes, MEMBERS)
    request = FlowValuesRequest(
        statistics=read_statistics(attributes.get("statistics"), BY_NAME, mistakes),
        timeframe=read_timeframe(attributes.get("timeframe"), mistakes),
        conversion_metric_id=_metric(attributes.get("conversion_metric_id"), mistakes),
        group_by=_group_by(attributes.get("group_by"), mistakes),
        filter=read_filter(attributes.get("filter"), FILTERS, mistakes),
    )
    raise_mistakes(mistakes)
    return request


def request_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_request` takes, from the tables that it checks with."""
    properties = {
        "statistics": statistics_schema(BY_NAME),
        "timeframe": timeframe_schema(),
        "conversion_metric_id": {"type": "string"},
        "group_by": {"type": ["array", "null"], "items": {"enum": sorted(GROUPINGS)}, "default": list(DEFAULT)},
        "filter": {"type": ["string", "null"], "description": f"Of {listed(sorted(FILTERS))}, joined by and(...)."},
    }
    return object_schema(properties, ["statistics", "timeframe", "conversion_metric_id"])


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
