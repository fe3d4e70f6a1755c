"""Reading the members that requests for reports have in common.

What is here: from parsed JSON to lists of names, timeframes and filters, each with its mistakes, and their JSON Schema.
What is not: any one request (`request`, `segment_request`). Follows reference 6.3 and 6.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.filter_rules import Filterable, check_filter, listed
from headrace.jsonapi.filter_words import read_moment
from headrace.jsonapi.filters import Filter, parse_filter
from headrace.reports.intervals import INTERVALS, too_long_for
from headrace.reports.timeframes import KEYS, YEARS, CustomFrame, Timeframe, longer_than_a_year, span_of

ATTRIBUTES = "/data/attributes"
INTERVAL = "interval"


def invalid(member: str, detail: str) -> Problem:
    """Return the problem of a member of a request."""
    return Invalid(detail, pointer=f"{ATTRIBUTES}/{member}")


def unknown_members(attributes: Mapping[str, Any], members: Iterable[str]) -> list[Problem]:
    """Return a problem for each member that a request does not have."""
    known = tuple(members)
    return [
        invalid(name, f'"{name}" is not a member of this request; members are {listed(known)}.')
        for name in attributes
        if name not in known
    ]


def read_statistics(given: Any, allowed: Iterable[str], mistakes: list[Problem]) -> tuple[str, ...]:
    """Return the statistics that a request names, at least one of those allowed."""
    if given is None or given == []:
        mistakes.append(invalid("statistics", "statistics is required and must name at least one statistic."))
        return ()
    return read_names("statistics", given, tuple(allowed), mistakes)


def read_names(member: str, given: Any, allowed: Iterable[str], mistakes: list[Problem]) -> tuple[str, ...]:
    """Return the names of a list that are allowed, each once."""
    if not isinstance(given, list):
        mistakes.append(invalid(member, f"{member} must be a list of names, not {given!r:.80}."))
        return ()
    known = [name for name in given if isinstance(name, str) and name in allowed]
    mistakes += [
        invalid(member, f"{name!r:.80} is not allowed in {member}; allowed are {listed(allowed)}.")
        for name in given
        if not (isinstance(name, str) and name in allowed)
    ]
    return tuple(dict.fromkeys(known))


def read_filter(given: Any, allowed: Mapping[str, Filterable], mistakes: list[Problem]) -> Filter:
    """Return the checked filter of a request, empty where it has none."""
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
    checked, problems = check_filter(parsed, allowed, pointer=pointer)
    mistakes += problems
    return checked


def read_timeframe(given: Any, mistakes: list[Problem]) -> Timeframe:
    """Return the timeframe of a request, of at most a year."""
    try:
        return _read_timeframe(given)
    except ValueError as error:
        mistakes.append(invalid("timeframe", str(error)))
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
    if isinstance(read, date) and read.year not in YEARS:
        raise ValueError(f"{name} of the timeframe, {given}, lies outside the years {YEARS[0]} to {YEARS[-1]}.")
    if isinstance(read, datetime):
        return read.replace(tzinfo=None)
    if isinstance(read, date):
        return datetime.combine(read, time())
    raise ValueError(
        f"{name} of the timeframe must be a date and time like 2022-11-08T00:00:00+00:00, not {given!r:.80}."
    )


def read_interval(given: Any, mistakes: list[Problem]) -> str:
    """Return the interval of a request for a series."""
    if isinstance(given, str) and given in INTERVALS:
        return given
    shown = "is required" if given is None else f"is {given!r:.80}"
    mistakes.append(invalid(INTERVAL, f"interval {shown}; it must be one of {listed(sorted(INTERVALS))}."))
    return ""


def check_interval(interval: str, timeframe: Timeframe, zone: ZoneInfo, now: datetime) -> list[Problem]:
    """Return a problem where a timeframe is longer than its interval allows."""
    if not too_long_for(interval, timeframe, span_of(timeframe, zone, now), zone):
        return []
    days = INTERVALS[interval].days
    return [invalid("timeframe", f"The timeframe is longer than {days} days, the most of {interval}.")]


def interval_schema() -> dict[str, Any]:
    """Return the JSON Schema of `interval`."""
    return {"enum": sorted(INTERVALS)}


def statistics_schema(allowed: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema of `statistics`."""
    return {"type": "array", "minItems": 1, "items": {"enum": sorted(allowed)}}


def timeframe_schema() -> dict[str, Any]:
    """Return the JSON Schema of `timeframe`."""
    moment = {"type": "string", "description": "Read on the clocks of the account's zone; an offset is ignored."}
    by_key = {"key": {"enum": sorted(KEYS)}}
    custom = {"start": moment, "end": moment}
    return {"oneOf": [object_schema(by_key, list(by_key)), object_schema(custom, list(custom))]}


def object_schema(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """Return the JSON Schema of an object without further members."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def raise_mistakes(mistakes: list[Problem]) -> None:
    """Raise the one mistake, or `Problems` when there are several."""
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Problems(mistakes)
