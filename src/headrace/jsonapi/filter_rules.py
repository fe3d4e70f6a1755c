"""Which filters an operation takes: fields, operators and the kind of value, checked before anything runs.

What is here: `Filterable`, one row of an operation's allow-list, and the check of a parsed filter against the list,
which also turns values into what the column stores. What is not: the language (`filters`) and SQL (`clauses`).
Follows reference 7.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Integer

from headrace.errors import Invalid, Problem
from headrace.jsonapi.filter_words import read_moment
from headrace.jsonapi.filters import Comparison, Filter, Scalar, Value, print_value

Kind = Literal["string", "enum", "bool", "datetime", "int", "number", "strings"]

LIST_OPERATORS = frozenset({"any", "contains-any", "contains-all"})
UPPER_BOUNDS = frozenset({"less-than", "less-or-equal"})
BOUNDS = frozenset({"less-than", "less-or-equal", "greater-than", "greater-or-equal"})
DATE_OPERATORS = ("equals", "greater-or-equal", "greater-than", "less-or-equal", "less-than")


@dataclass(frozen=True, slots=True, eq=False)
class Filterable:
    """One field that an operation filters by.

    `kind` is that of the value: `strings` is an array column, which takes contains-any and contains-all. `values` are
    the legal ones of an enum. `convert` turns an API value into the stored one (raises `ValueError` with a sentence).
    `clause` replaces the usual SQL: it receives the request's context and the comparison. `nullable` permits
    `equals(field,null)`. `once` refuses a second filter of the same field.
    """

    kind: Kind
    operators: tuple[str, ...]
    column: ColumnElement[Any] | None = None
    values: tuple[str, ...] = ()
    convert: Callable[[Any], Any] | None = None
    clause: Callable[[Any, Comparison], ColumnElement[bool]] | None = None
    nullable: bool = False
    once: bool = False
    max_items: int = 100


def check_filter(
    parsed: Filter,
    allowed: Mapping[str, Filterable],
    *,
    now: datetime | None = None,
    parameter: str | None = "filter",
    pointer: str | None = None,
) -> tuple[Filter, list[Problem]]:
    """Return the filter with its values as the columns store them, and a problem for each comparison that is refused.

    `now`, when given, is a moment that no upper date bound may lie after. Source: reference 7.2, 7.6.
    """
    kept: list[Comparison] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for one in parsed:
        try:
            rule = _rule(one, allowed)
            _check_once(one, rule, seen)
            kept.append(replace(one, value=_checked(one, rule, now)))
        except ValueError as error:
            where = {"pointer": pointer} if pointer else {"parameter": parameter}
            problems.append(Invalid(str(error), **where))
    return tuple(kept), problems


def listed(names: Iterable[str]) -> str:
    """Return names as an error message lists them."""
    return ", ".join(names) or "none"


def _rule(one: Comparison, allowed: Mapping[str, Filterable]) -> Filterable:
    rule = allowed.get(one.field)
    if rule is None:
        raise ValueError(f'"{one.field}" is not a filterable field here; allowed fields: {listed(sorted(allowed))}.')
    if one.operator not in rule.operators:
        raise ValueError(
            f'"{one.operator}" is not a filter operator of the field "{one.field}"; '
            f"allowed operators: {listed(sorted(rule.operators))}."
        )
    return rule


def _check_once(one: Comparison, rule: Filterable, seen: set[str]) -> None:
    if rule.once and one.field in seen:
        raise ValueError(f'"{one.field}" is filtered twice; only one filter of this field is allowed.')
    seen.add(one.field)


def _checked(one: Comparison, rule: Filterable, now: datetime | None) -> Any:
    if one.operator == "has":
        return None
    if one.operator in LIST_OPERATORS:
        return tuple(_stored(one, rule, item) for item in _items(one, rule))
    value = _single(one)
    if value is None:
        if rule.nullable and one.operator == "equals":
            return None
        raise ValueError(f'"{one.operator}" of the field "{one.field}" does not take null.')
    stored = _stored(one, rule, value)
    if now is not None and rule.kind == "datetime" and one.operator in UPPER_BOUNDS and stored > now:
        raise ValueError(f'The upper bound {print_value(value)} of "{one.field}" lies in the future.')
    return stored


def _single(one: Comparison) -> Scalar:
    """Return the value of an operator that takes one; a list of one stands for it, as in the published examples."""
    if not isinstance(one.value, tuple):
        return one.value
    if len(one.value) != 1:
        raise ValueError(
            f'"{one.operator}" of the field "{one.field}" takes one value, not a list of {len(one.value)}.'
        )
    return one.value[0]


def _items(one: Comparison, rule: Filterable) -> Sequence[Scalar]:
    items = one.value if isinstance(one.value, tuple) else (one.value,)
    if not items:
        raise ValueError(f'"{one.operator}" of the field "{one.field}" was given an empty list.')
    if len(items) > rule.max_items:
        raise ValueError(
            f'"{one.operator}" of the field "{one.field}" was given {len(items)} values; '
            f"at most {rule.max_items} are allowed."
        )
    return items


def _stored(one: Comparison, rule: Filterable, value: Scalar) -> Any:
    try:
        typed = _typed(rule, value)
        return typed if rule.convert is None else rule.convert(typed)
    except ValueError as error:
        raise ValueError(f'{print_value(value)} is not a value of the field "{one.field}": {error}.') from None


def _typed(rule: Filterable, value: Scalar) -> Any:
    match rule.kind:
        case "string" | "strings":
            return _text(value)
        case "enum":
            return _member(rule, value)
        case "bool":
            return _of_type(value, bool, "it must be true or false, without quotes")
        case "datetime":
            return _moment(value)
        case "int":
            return _whole(value, rule.column)
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError("it must be a number, without quotes")
            return value


def _of_type(value: Scalar, kind: type, rule: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(rule)
    return value


def _text(value: Scalar) -> str:
    text: str = _of_type(value, str, "it must be text in quotes")
    if "\x00" in text:
        raise ValueError("it must not contain a NUL character")
    return text


def _member(rule: Filterable, value: Scalar) -> str:
    text = _text(value)
    if text not in rule.values:
        raise ValueError(f"it must be one of {listed(rule.values)}")
    return text


def _whole(value: Scalar, column: ColumnElement[Any] | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("it must be a whole number, without quotes")
    narrow = column is not None and isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
    bits = 32 if narrow else 64
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise ValueError(f"it must fit into {bits} bits")
    return value


def _moment(value: Scalar) -> datetime:
    """Return a moment in UTC; a quoted date is met kindly, a day alone is its midnight in UTC."""
    read: Value = read_moment(value) if isinstance(value, str) else value
    if isinstance(read, datetime):
        try:
            return read.astimezone(UTC)
        except OverflowError:
            raise ValueError("it lies outside the years 1 to 9999") from None
    if isinstance(read, date):
        return datetime.combine(read, time(), UTC)
    raise ValueError("it must be an RFC 3339 date, like 2024-02-22T20:24:32Z")
