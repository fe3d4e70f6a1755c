"""When an end of a moving span passes a date, in SQL: what `conditions.flips` says, over `timestamptz` expressions.

Recurring dates are moved into the years around now, 29 February to the 28th where a year lacks it: a moment may be told
earlier than it is, never later. Source: reference 3.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, and_, case, func, literal, literal_column, null, select

from headrace.conditions.flips import Edge, Flips
from headrace.storage.date_clauses import in_year

Expression = ColumnElement[Any]
Timestamp = DateTime(timezone=True)
INSTANT: Expression = literal_column("interval '1 microsecond'")
NEVER: Expression = literal_column("NULL::timestamptz")
SECOND = timedelta(seconds=1)


def flip_clause(date: Expression, flips: Flips, now: datetime) -> Expression:
    """Return the first moment after now at which an edge passes a date; NULL for a missing date and for never."""
    named = func.date_trunc("microseconds", date, type_=Timestamp).column_valued("date")
    dates = _around(named, now) if flips.recurs else (named,)
    return select(earliest(_after(one, edge, now) for one in dates for edge in flips.edges)).scalar_subquery()


def passes(date: Expression, edge: Edge) -> Expression:
    """Return when an edge passes a date, which must be one that it passes in a year that there is."""
    moved = date if edge.step == "instant" else func.date_trunc(edge.step, date, "UTC", type_=Timestamp)
    shifted = moved + func.make_interval(0, 0, 0, 0, 0, 0, literal(float(edge.offset // SECOND)))
    return shifted + INSTANT if edge.step == "instant" else shifted


def earliest(moments: Iterable[Expression]) -> Expression:
    """Return the earliest of some moments, NULL where all are."""
    known = list(moments)
    return func.least(*known, type_=Timestamp) if known else NEVER


def _after(date: Expression, edge: Edge, now: datetime) -> Expression:
    since, until = edge.since(now), edge.until()
    if since is None or until is None:
        return NEVER
    inside = and_(date >= literal(since, Timestamp), date <= literal(until, Timestamp))
    return case((inside, passes(date, edge)), else_=null())


def _around(date: Expression, now: datetime) -> list[Expression]:
    years = range(max(now.year - 1, 1), min(now.year + 2, 9999) + 1)
    return [func.timezone("UTC", in_year(date, year), type_=Timestamp) for year in years]
