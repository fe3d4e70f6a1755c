"""Reading the list of filters of a request for the aggregates of a metric: its span of time, and tests of dimensions.

What is here: from texts to a span and tests. A list must hold `greater-or-equal(datetime,...)` and
`less-than(datetime,...)`; dimensions take `equals`, `any`, and either inside `not(...)`. What is not: the filter
language (`headrace.jsonapi.filters`). Follows reference 6.6 and what clients of the service send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from headrace.errors import Invalid, Problem
from headrace.jsonapi.filter_rules import listed
from headrace.jsonapi.filter_words import quote, read_moment, tokens
from headrace.jsonapi.filters import Comparison, Scalar, parse_filter, print_value
from headrace.reports.reading import ATTRIBUTES
from headrace.reports.timeframes import YEARS, CustomFrame, longer_than_a_year
from headrace.storage.event_dimensions import DIMENSIONS
from headrace.storage.metric_aggregates import DimensionTest
from headrace.storage.slots import Span

POINTER = f"{ATTRIBUTES}/filter"
TIME = "datetime"
FROM, UNTIL = "greater-or-equal", "less-than"
OPERATORS = ("any", "equals")
MAX_FILTERS = 50
_NOT = re.compile(r"\s*not\s*\((.*)\)\s*", re.DOTALL)
_OFFSET = re.compile(r"(?:[Zz]|[-+ ]?\d{2}:?\d{2})")
_CLOCK = re.compile(r"[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)? ?(.*)")
NOWHERE = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC))
"""What stands for a span that could not be read; the request is refused."""


@dataclass(slots=True)
class _Found:
    """What was read so far; `bounds` by operator."""

    zone: ZoneInfo
    bounds: dict[str, datetime] = field(default_factory=dict)
    tests: list[DimensionTest] = field(default_factory=list)


def read_filters(given: Any, zone: ZoneInfo, mistakes: list[Problem]) -> tuple[Span, tuple[DimensionTest, ...]]:
    """Return the span and the tests of a list of filters; moments without an offset are on the clocks of `zone`.

    Source: reference 6.6 (both bounds required, at most a year). Our choice: at most 50 filters.
    """
    if given is not None and not isinstance(given, list):
        mistakes.append(Invalid(f"filter is {given!r:.80}; it must be a list that holds {_wanted()}.", pointer=POINTER))
        return NOWHERE, ()
    if not given:
        mistakes.append(Invalid(f"filter is required: a list that holds {_wanted()}.", pointer=POINTER))
        return NOWHERE, ()
    if len(given) > MAX_FILTERS:
        mistakes.append(
            Invalid(f"filter holds {len(given)} filters; at most {MAX_FILTERS} are allowed.", pointer=POINTER)
        )
        return NOWHERE, ()
    found = _Found(zone)
    problems = [problem for at, text in enumerate(given) for problem in _read(text, f"{POINTER}/{at}", found)]
    mistakes += problems
    span = NOWHERE if problems else _span(found, mistakes)
    return span, tuple(found.tests)


def filters_schema() -> dict[str, Any]:
    """Return the JSON Schema of `filter`."""
    described = f"Together they hold {_wanted()}; others take {listed(OPERATORS)} of a dimension, also inside not(...)."
    item = {"type": "string", "description": described}
    return {"type": "array", "minItems": 1, "maxItems": MAX_FILTERS, "items": item}


def _wanted() -> str:
    return f"{FROM}({TIME},...) and {UNTIL}({TIME},...)"


def _read(text: Any, pointer: str, found: _Found) -> Iterator[Problem]:
    if not isinstance(text, str):
        yield Invalid(f"A filter must be a text, not {text!r:.80}.", pointer=pointer)
        return
    negation = _NOT.fullmatch(text)
    try:
        parsed = parse_filter(_with_quoted_moments(negation[1] if negation else text), pointer=pointer)
        if negation is None or len(parsed) == 1:
            for one in parsed:
                _take(one, found, negated=negation is not None)
        else:
            yield Invalid("not(...) takes one comparison of a dimension.", pointer=pointer)
    except Invalid as problem:
        yield problem
    except ValueError as error:
        yield Invalid(str(error), pointer=pointer)


def _with_quoted_moments(text: str) -> str:
    """Return the text with the moments of its bounds in quotes, so that the parser does not read them as UTC."""
    found, _ = tokens(text)
    for name, comma, value in reversed(list(zip(found, found[1:], found[2:], strict=False))):
        if (name.kind, name.text, comma.kind, value.kind) == ("word", TIME, ",", "word"):
            text = text[: value.at] + quote(value.text) + text[value.at + len(value.text) :]
    return text


def _take(one: Comparison, found: _Found, *, negated: bool) -> None:
    """Take a comparison in; raises `ValueError` with a sentence for one that is not offered."""
    if one.field == TIME:
        _take_bound(one, found, negated=negated)
    elif one.field not in DIMENSIONS:
        allowed = listed((TIME, *sorted(DIMENSIONS)))
        raise ValueError(f'"{one.field}" is not a field that events are filtered by; fields are {allowed}.')
    elif one.operator not in OPERATORS:
        raise ValueError(f'"{one.operator}" is not an operator of "{one.field}"; operators are {listed(OPERATORS)}.')
    else:
        found.tests.append(DimensionTest(one.field, _values(one), negated))


def _take_bound(one: Comparison, found: _Found, *, negated: bool) -> None:
    if negated or one.operator not in (FROM, UNTIL):
        given = f"not({one.operator})" if negated else one.operator
        raise ValueError(f'"{given}" is not an operator of "{TIME}"; the filter holds {_wanted()}.')
    if one.operator in found.bounds:
        raise ValueError(f"{one.operator}({TIME},...) is given twice.")
    found.bounds[one.operator] = _moment(one.value, found.zone)


def _moment(given: Any, zone: ZoneInfo) -> datetime:
    """Return a bound in UTC. Source: reference 6.6 (without an offset, it is on the clocks of the zone)."""
    read = read_moment(given) if isinstance(given, str) else None
    if isinstance(read, datetime):
        moment = read if _has_offset(given) else read.replace(tzinfo=zone)
    elif isinstance(read, date):
        moment = datetime.combine(read, time(), zone)
    else:
        shown = print_value(given)[:80]
        raise ValueError(f"{shown} is not a moment; {TIME} takes a date and time like 2022-12-01T00:00:00.")
    if moment.year not in YEARS:
        raise ValueError(f"{given} lies outside the years {YEARS[0]} to {YEARS[-1]}.")
    return moment.astimezone(UTC)


def _has_offset(text: str) -> bool:
    clock = _CLOCK.search(text)
    return clock is not None and _OFFSET.fullmatch(clock[1]) is not None


def _values(one: Comparison) -> tuple[str, ...]:
    values: Sequence[Scalar] = one.value if isinstance(one.value, tuple) else (one.value,)
    if one.operator == "equals" and len(values) != 1:
        raise ValueError(f'"equals" of "{one.field}" takes one value, not a list of {len(values)}.')
    if not values:
        raise ValueError(f'"any" of "{one.field}" was given an empty list.')
    return tuple(_text(one.field, value) for value in values)


def _text(name: str, value: Scalar) -> str:
    """Return a value as the text that a dimension shows."""
    if value is None:
        raise ValueError(f'"{name}" does not take null; events without it have the empty text, "".')
    return value if isinstance(value, str) else print_value(value)


def _span(found: _Found, mistakes: list[Problem]) -> Span:
    missing = [f"{operator}({TIME},...)" for operator in (FROM, UNTIL) if operator not in found.bounds]
    if missing:
        mistakes.append(Invalid(f"filter lacks {listed(missing)}.", pointer=POINTER))
        return NOWHERE
    span = Span(found.bounds[FROM], found.bounds[UNTIL])
    frame = CustomFrame(*(at.astimezone(found.zone).replace(tzinfo=None) for at in (span.start, span.end)))
    if span.empty:
        detail = f"{TIME} begins {frame.start.isoformat()}, which does not lie before its end {frame.end.isoformat()}."
        mistakes.append(Invalid(detail, pointer=POINTER))
    elif longer_than_a_year(frame):
        detail = f"{TIME} spans {frame.start.isoformat()} to {frame.end.isoformat()}; it may span one year at most."
        mistakes.append(Invalid(detail, pointer=POINTER))
    return span
