"""Reading the attributes of a flow-values request.

What is here: from the parsed JSON to a `FlowValuesRequest`, with every mistake reported at once. What is not: whether
the conversion metric exists, which needs the database (`flow_values`). Follows reference 6.3 and 6.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.filter_rules import check_filter, listed
from headrace.jsonapi.filter_words import read_moment
from headrace.jsonapi.filters import Filter, parse_filter
from headrace.reports.grouping import DEFAULT, FILTERS, GROUPINGS, REQUIRED
from headrace.reports.statistics import BY_NAME
from headrace.reports.timeframes import KEYS, CustomFrame, Timeframe, longer_than_a_year

ATTRIBUTES = "/data/attributes"
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
    mistakes: list[Problem] = [
        _invalid(name, f'"{name}" is not a member of this request; members are {listed(MEMBERS)}.')
        for name in attributes
        if name not in MEMBERS
    ]
    request = FlowValuesRequest(
        statistics=_statistics(attributes.get("statistics"), mistakes),
        timeframe=_timeframe(attributes.get("timeframe"), mistakes),
        conversion_metric_id=_metric(attributes.get("conversion_metric_id"), mistakes),
        group_by=_group_by(attributes.get("group_by"), mistakes),
        filter=_filter(attributes.get("filter"), mistakes),
    )
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Problems(mistakes)
    return request


def request_schema() -> dict[str, Any]:
    """Return the JSON Schema of what `read_request` takes, from the tables that it checks with."""
    moment = {"type": "string", "description": "Read on the clocks of the account's zone; an offset is ignored."}
    by_key = {"key": {"enum": sorted(KEYS)}}
    custom = {"start": moment, "end": moment}
    properties = {
        "statistics": {"type": "array", "minItems": 1, "items": {"enum": sorted(BY_NAME)}},
        "timeframe": {"oneOf": [_object(by_key, list(by_key)), _object(custom, list(custom))]},
        "conversion_metric_id": {"type": "string"},
        "group_by": {"type": ["array", "null"], "items": {"enum": sorted(GROUPINGS)}, "default": list(DEFAULT)},
        "filter": {"type": ["string", "null"], "description": f"Of {listed(sorted(FILTERS))}, joined by and(...)."},
    }
    return _object(properties, ["statistics", "timeframe", "conversion_metric_id"])


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _invalid(member: str, detail: str) -> Problem:
    return Invalid(detail, pointer=f"{ATTRIBUTES}/{member}")


def _statistics(given: Any, mistakes: list[Problem]) -> tuple[str, ...]:
    if given is None or given == []:
        mistakes.append(_invalid("statistics", "statistics is required and must name at least one statistic."))
        return ()
    return _names("statistics", given, tuple(BY_NAME), mistakes)


def _group_by(given: Any, mistakes: list[Problem]) -> tuple[str, ...]:
    if given is None:
        return DEFAULT
    names = _names("group_by", given, GROUPINGS, mistakes)
    missing = [name for name in REQUIRED if isinstance(given, list) and name not in given]
    if missing:
        mistakes.append(_invalid("group_by", f"group_by must hold {listed(REQUIRED)}; it lacks {listed(missing)}."))
    return names


def _names(member: str, given: Any, allowed: Iterable[str], mistakes: list[Problem]) -> tuple[str, ...]:
    if not isinstance(given, list):
        mistakes.append(_invalid(member, f"{member} must be a list of names, not {given!r:.80}."))
        return ()
    known = [name for name in given if isinstance(name, str) and name in allowed]
    mistakes += [
        _invalid(member, f"{name!r:.80} is not allowed in {member}; allowed are {listed(allowed)}.")
        for name in given
        if not (isinstance(name, str) and name in allowed)
    ]
    return tuple(dict.fromkeys(known))


def _metric(given: Any, mistakes: list[Problem]) -> str:
    if isinstance(given, str) and given and "\x00" not in given:
        return given
    shown = "is required" if given is None else f"must be the id of a metric, not {given!r:.80}"
    mistakes.append(_invalid("conversion_metric_id", f"conversion_metric_id {shown}."))
    return ""


def _filter(given: Any, mistakes: list[Problem]) -> Filter:
    if given is None or given == "":
        return ()
    pointer = f"{ATTRIBUTES}/filter"
    if not isinstance(given, str):
        mistakes.append(Invalid(f"filter must be a text, not {given!r:.80}.", pointer=pointer))
        return ()
    try:
        parsed = parse_filter(given, pointer=pointer)
    except Invalid as problem:
        mistakes.append(problem)
        return ()
    checked, problems = check_filter(parsed, FILTERS, pointer=pointer)
    mistakes += problems
    return checked


def _timeframe(given: Any, mistakes: list[Problem]) -> Timeframe:
    try:
        return _read_timeframe(given)
    except ValueError as error:
        mistakes.append(_invalid("timeframe", str(error)))
        return "today"


def _read_timeframe(given: Any) -> Timeframe:
    if not isinstance(given, Mapping):
        raise ValueError("timeframe is required: an object with a key, or with start and end.")
    if set(given) == {"key"}:
        if not isinstance(given["key"], str) or given["key"] not in KEYS:
            raise ValueError(f"{given['key']!r:.80} is not a key of a timeframe; keys are {listed(KEYS)}.")
        return str(given["key"])
    if set(given) != {"start", "end"}:
        raise ValueError(f"timeframe takes either key, or start and end; it has {listed(map(str, given))}.")
    frame = CustomFrame(_wall_clock("start", given["start"]), _wall_clock("end", given["end"]))
    if frame.start >= frame.end:
        raise ValueError(f"start {given['start']} of the timeframe must lie before its end {given['end']}.")
    if longer_than_a_year(frame):
        raise ValueError(f"The timeframe from {given['start']} to {given['end']} is longer than one year.")
    return frame


def _wall_clock(name: str, given: Any) -> datetime:
    """Return a time as the wall clock shows it. Source: reference 6.3 (an offset is ignored)."""
    read = read_moment(given) if isinstance(given, str) else None
    if isinstance(read, datetime):
        return read.replace(tzinfo=None)
    if isinstance(read, date):
        return datetime.combine(read, time())
    raise ValueError(
        f"{name} of the timeframe must be a date and time like 2022-11-08T00:00:00+00:00, not {given!r:.80}."
    )
