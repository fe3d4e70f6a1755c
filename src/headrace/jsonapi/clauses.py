"""Filters, orders and cursors as SQLAlchemy clauses over the columns that the rows name.

What is here: one clause per comparison, and the keyset condition of a page. What is not: checking, which came before
(`filter_rules`, `query`). LIKE patterns are escaped; every value is a bound parameter. Follows reference 7.6.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, any_, bindparam, cast, literal, or_, tuple_
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import ARRAY

from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.filters import Comparison, Filter


def where(
    statement: Select[Any], parsed: Filter, allowed: Mapping[str, Filterable], context: object = None
) -> Select[Any]:
    """Return the statement with one condition per comparison of a checked filter."""
    return statement.where(*(clause(one, allowed[one.field], context) for one in parsed))


def clause(one: Comparison, rule: Filterable, context: object = None) -> ColumnElement[bool]:
    """Return the condition of one checked comparison."""
    if rule.clause is not None:
        return rule.clause(context, one)
    if rule.column is None:
        raise ValueError(f"the filter row of {one.field} has neither a column nor a clause")
    return _array(rule.column, one) if rule.kind == "strings" else _scalar(rule.column, one)


def _scalar(column: ColumnElement[Any], one: Comparison) -> ColumnElement[bool]:
    return _OF_SCALARS[one.operator](column, one.value)


def _array(column: ColumnElement[Any], one: Comparison) -> ColumnElement[bool]:
    items = list(one.value) if isinstance(one.value, tuple) else [one.value]
    return _OF_ARRAYS[one.operator](column, items)


def _equals(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _has(column: ColumnElement[Any], _: Any) -> ColumnElement[bool]:
    return column.is_not(None)


def _overlaps(column: ColumnElement[Any], items: Any) -> ColumnElement[bool]:
    return column.op("&&", is_comparison=True)(cast(items, ARRAY(SqlText)))


def _holds_all(column: ColumnElement[Any], items: Any) -> ColumnElement[bool]:
    return column.op("@>", is_comparison=True)(cast(items, ARRAY(SqlText)))


_Build = Callable[[Any, Any], ColumnElement[bool]]

_OF_SCALARS: Mapping[str, _Build] = {
    "equals": _equals,
    "less-than": operator.lt,
    "less-or-equal": operator.le,
    "greater-than": operator.gt,
    "greater-or-equal": operator.ge,
    "any": lambda column, value: column.in_(value),
    "contains-any": lambda column, value: column.in_(value),
    "contains": lambda column, value: column.contains(value, autoescape=True),
    "starts-with": lambda column, value: column.startswith(value, autoescape=True),
    "ends-with": lambda column, value: column.endswith(value, autoescape=True),
    "has": _has,
}
_OF_ARRAYS: Mapping[str, _Build] = {
    "contains": _holds_all,
    "contains-any": _overlaps,
    "contains-all": _holds_all,
    "any": _overlaps,
    "has": _has,
}


def understood(rule: Filterable) -> bool:
    """Return whether every operator of a filter row can become SQL."""
    operators = _OF_ARRAYS if rule.kind == "strings" else _OF_SCALARS
    return rule.clause is not None or (rule.column is not None and operators.keys() >= set(rule.operators))


def one_of(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the clause that a column holds one of the values, which go over as one array however many they are."""
    found: ColumnElement[bool] = column == any_(bindparam(None, list(values), ARRAY(column.type)))
    return found


def after(
    column: ColumnElement[Any] | None, key: ColumnElement[Any], value: Any, key_value: Any, descending: bool
) -> ColumnElement[bool]:
    """Return the condition of rows that come after one with this sort value and key.

    Nulls sort last when ascending and first when descending, as PostgreSQL does unasked, so that one index serves both
    directions. `column` None sorts by the key alone.
    """
    if column is None:
        return _past(key, key_value, descending)
    if value is None:
        tied = and_(column.is_(None), _past(key, key_value, descending))
        return or_(tied, column.is_not(None)) if descending else tied
    mark = tuple_(literal(value, column.type), literal(key_value, key.type))
    if descending:
        return tuple_(column, key) < mark
    return or_(tuple_(column, key) > mark, column.is_(None))


def _past(key: ColumnElement[Any], value: Any, descending: bool) -> ColumnElement[bool]:
    return key < literal(value, key.type) if descending else key > literal(value, key.type)


def order(
    statement: Select[Any], column: ColumnElement[Any] | None, key: ColumnElement[Any], descending: bool
) -> Select[Any]:
    """Return the statement ordered by a column and then by the key, both in the same direction."""
    columns = [key] if column is None else [column, key]
    return statement.order_by(*(one.desc() if descending else one.asc() for one in columns))
