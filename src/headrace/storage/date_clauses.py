"""Dates in SQL: how a text is read as a moment, and the clauses of date filters over one.

They say what `spans.parse_moment` and the filters of `conditions.filters.date` say; moments are `timestamptz`.
Source: reference 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Interval,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    or_,
    true,
)

from headrace.conditions import spans
from headrace.conditions.filters.date import (
    RELATIVE,
    Anniversary,
    CalendarMonth,
    RelativeAnniversary,
    RelativeDate,
    RelativeRange,
    StaticDate,
)
from headrace.conditions.parsing import BLANKS
from headrace.conditions.spans import MOMENT, Span

Expression = ColumnElement[Any]
DATE_FILTERS = (StaticDate, RelativeDate, RelativeRange, RelativeAnniversary, CalendarMonth, Anniversary)
Timestamp = DateTime(timezone=True)
EARLIEST: Expression = literal_column("timestamptz '0001-01-01 00:00:00+00'")
LATEST: Expression = literal_column("timestamptz '9999-12-31 23:59:59.999999+00'")
"""What Python can express; as parameters they would mean infinity."""


def read_moment(text: Expression) -> Expression:
    """Return a text as the moment that it spells, NULL for what spells none."""
    trimmed = func.btrim(text, BLANKS)
    read = _moment(trimmed)
    in_range = and_(read >= EARLIEST, read <= LATEST)
    return case((trimmed.op("~")(f"^({MOMENT})$"), case((_is_day(trimmed), case((in_range, read))))))


def date_clause(moment: Expression, value_filter: Any, now: datetime) -> ColumnElement[bool]:
    """Return the clause of a date filter; NULL for a missing moment."""
    match value_filter:
        case CalendarMonth(month=month):
            return _part("month", moment) == month
        case Anniversary(operator=operator):
            this_month = _part("month", moment) == now.month
            return this_month if operator == "anniversary-month" else and_(this_month, _part("day", moment) == now.day)
        case RelativeAnniversary(operator=operator, quantity=quantity, unit=unit):
            return _recurs(moment, RELATIVE[operator](now, quantity, unit), now)
        case _:
            return within(moment, value_filter.spans(now, None))


def within(moment: Expression, some: Sequence[Span]) -> ColumnElement[bool]:
    """Return the clause that a moment lies in one of the spans; NULL or false for a missing moment."""
    return and_(moment.is_not(None), or_(false(), *(_in_span(moment, span) for span in some)))


def _in_span(moment: Expression, span: Span) -> ColumnElement[bool]:
    since, until = span
    return and_(
        true(),
        *(() if since is None else (moment >= literal(since, Timestamp),)),
        *(() if until is None else (moment < literal(until, Timestamp),)),
    )


def _recurs(moment: Expression, span: Span, now: datetime) -> ColumnElement[bool]:
    if spans.recurring(span, spans.FIRST_YEAR, spans.FIRST_YEAR) == ((None, None),):
        return moment.is_not(None)
    local = func.timezone("UTC", moment)
    years = range(max(now.year - 1, 1), min(now.year + 1, 9999) + 1)
    moved = (func.timezone("UTC", local + _years(year - _part("year", moment))) for year in years)
    return and_(moment.is_not(None), or_(*(_in_span(one, span) for one in moved)))


def _years(number: Expression) -> Expression:
    return func.make_interval(number, type_=Interval)


def _part(name: str, moment: Expression) -> Expression:
    return cast(func.date_part(name, func.timezone("UTC", moment)), Integer)


def _is_day(text: Expression) -> ColumnElement[bool]:
    """Return whether the day exists in its month; the text is known to be spelled well."""
    year, month, day = (cast(func.substr(text, start, size), Integer) for start, size in ((1, 4), (6, 2), (9, 2)))
    last = func.make_date(year, month, 1) + cast(literal("1 month -1 day", Text), Interval)
    return day <= func.date_part("day", last)


def _moment(text: Expression) -> Expression:
    clock = func.coalesce(func.substring(func.substr(text, 12), "^[0-9:]+"), "00:00")
    parts = func.coalesce("." + func.substring(text, "[.,]([0-9]{1,6})"), "")
    local = cast(func.left(text, 10) + " " + clock + parts, DateTime())
    return func.timezone("UTC", local - _offset(text), type_=Timestamp)


def _offset(text: Expression) -> Expression:
    spelled = func.replace(func.substring(func.substr(text, 17), "[+-][0-9:]+$"), ":", "")
    hours, minutes = (cast(func.coalesce(func.nullif(func.substr(spelled, at, 2), ""), "0"), Integer) for at in (2, 4))
    sign = case((func.left(spelled, 1) == "-", -1), else_=1)
    return func.make_interval(0, 0, 0, 0, sign * hours, sign * minutes, type_=Interval)
