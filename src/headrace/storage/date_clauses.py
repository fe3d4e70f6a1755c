"""Dates in SQL: how a text is read as a moment, and the clauses of date filters over one.

They say what `spans.parse_moment` and the filters of `conditions.filters.date` say; moments are `timestamptz`.
Source: reference 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    select,
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
    edge = func.left(trimmed, 4).in_(("0001", "9999"))
    in_range = case((edge, case((and_(read >= EARLIEST, read <= LATEST), read))), else_=read)
    return case((trimmed.op("~")(f"^(?:{MOMENT})$"), case((_is_day(trimmed), in_range))))


def once(moment: Expression, clause: Callable[[Expression], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return a clause over a moment that is worked out once for each row, however often the clause names it."""
    named = func.date_trunc("microseconds", moment, type_=Timestamp).column_valued("moment")
    return select(clause(named)).scalar_subquery()


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
    around = range(max(now.year - 1, 1), min(now.year + 1, 9999) + 1)
    moved = [in_year(moment, year) for year in around]
    found = (and_(_in_span(func.timezone("UTC", one), span), _same_day(one, local)) for one in moved)
    return and_(moment.is_not(None), or_(*found))


def _same_day(one: Expression, other: Expression) -> ColumnElement[bool]:
    """Return whether 29 February stayed what it was, which it does in leap years only. Source: reference 3.4."""
    return func.date_part("day", one) == func.date_part("day", other)


def in_year(moment: Expression, year: int) -> Expression:
    """Return a moment in another year, as UTC without a zone; 29 February falls on the 28th where there is none."""
    return func.timezone("UTC", moment) + func.make_interval(year - _part("year", moment), type_=Interval)


def _part(name: str, moment: Expression) -> Expression:
    return cast(func.date_part(name, func.timezone("UTC", moment)), Integer)


def _is_day(text: Expression) -> ColumnElement[bool]:
    """Return whether the day exists in its month and the year is not 0; the text is known to be spelled well."""
    year, month, day = (cast(func.substr(text, start, size), Integer) for start, size in ((1, 4), (6, 2), (9, 2)))
    last = func.make_date(year, month, 1) + cast(literal("1 month -1 day", Text), Interval)
    exists = case((day <= 28, true()), else_=day <= func.date_part("day", last))
    return case((year == 0, false()), else_=exists)


def _moment(text: Expression) -> Expression:
    """Return a well-spelled text as PostgreSQL reads it, with digits beyond microseconds dropped and UTC by default."""
    cut = func.regexp_replace(text, "([.][0-9]{6})[0-9]+", "\\1")
    exact = case((func.length(text) > len("2023-06-17T10:30:00.123456"), cut), else_=text)
    zoned = case((func.substr(text, 17).op("~")("[Z+-]"), exact), else_=exact + "Z")
    return cast(case((func.length(text) == len("2023-06-17"), text + " 00:00Z"), else_=zoned), Timestamp)
