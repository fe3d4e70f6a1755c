"""Value filters in SQL: a value of unknown type, how it is read, and the clause that a compiled filter makes of it.

Each clause says for every row what the filter's `matches` says for the value, and is never NULL; a property test holds
them together. What only Python can decide (regular expressions) is left to a `Decide` that the caller supplies.
What is not here: how a value is read (`unknown_values`), which rows are meant (`fact_query`). Source: reference 3.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Numeric,
    Text,
    and_,
    any_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from headrace.conditions.filters.boolean import FALSE, TRUE, BooleanFilter
from headrace.conditions.filters.existence import ExistenceFilter
from headrace.conditions.filters.list import ListFilter
from headrace.conditions.filters.numeric import NumericFilter, as_number
from headrace.conditions.filters.reading import as_text
from headrace.conditions.filters.spelled import SpelledFilter
from headrace.conditions.filters.string import NEGATIVE, StringFilter
from headrace.conditions.parsing import BLANKS
from headrace.storage.date_clauses import DATE_FILTERS, date_clause, once
from headrace.storage.phone_clauses import phone_clause
from headrace.storage.unknown_values import WHOLE, MomentValue, Value

Bool = ColumnElement[bool]
Decide = Callable[[ColumnElement[Any], Callable[[str], bool]], Bool]
"""Takes a text and a test in Python, and returns the clause that the text is not NULL and passes the test."""


def value_clause(value: Value, value_filter: Any, now: datetime, decide: Decide) -> Bool:
    """Return the clause of a compiled filter; None stands for "there is a value"."""
    match value_filter:
        case None:
            return _present(value)
        case StringFilter():
            return _string(value, value_filter, decide)
        case SpelledFilter():
            return _is_true(_folded(value.text) == one_of(value_filter.names))
        case NumericFilter():
            return numeric_clause(value.number, value_filter)
        case BooleanFilter():
            return _is_true(_folded(value.text) == one_of(TRUE if value_filter.value else FALSE))
        case ListFilter():
            return _list(value, value_filter)
        case ExistenceFilter():
            there = and_(_present(value), true() if value.raw is None else value.raw != "")
            return there if value_filter.wanted else ~there
        case _ if isinstance(value_filter, DATE_FILTERS):
            return _is_true(_date(value, value_filter, now))
        case _:
            raise TypeError(f"{type(value_filter).__name__} is no value filter that has a clause")


def numeric_clause(number: ColumnElement[Any], value_filter: NumericFilter) -> Bool:
    """Return the clause of a numeric filter over a numeric expression, NULL for a missing one."""
    operand = literal(Decimal(value_filter.value), Numeric)
    clause = COMPARISONS.get(value_filter.operator, COMPARISONS["greater-than-or-equal"])(number, operand)
    if value_filter.end is not None:
        clause = and_(clause, number <= literal(Decimal(value_filter.end), Numeric))
    return func.coalesce(clause, value_filter.operator == "not-equals", type_=Boolean)


def one_of(texts: Any) -> Any:
    """Return what `==` compares a text with to find it among `texts`; what cannot be stored is left out."""
    return any_(literal(sorted(text for text in texts if storable(text)), ARRAY(Text)))


def storable(text: str) -> bool:
    """Tell whether PostgreSQL can hold a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "equals": lambda left, right: left == right,
    "not-equals": lambda left, right: left != right,
    "greater-than": lambda left, right: left > right,
    "greater-than-or-equal": lambda left, right: left >= right,
    "less-than": lambda left, right: left < right,
    "less-than-or-equal": lambda left, right: left <= right,
}


def _date(value: Value, value_filter: Any, now: datetime) -> Bool:
    if isinstance(value, MomentValue):
        return date_clause(value.moment, value_filter, now)
    return once(value.moment, lambda moment: date_clause(moment, value_filter, now))


def _present(value: Value) -> Bool:
    return (value.json if value.raw is None else value.raw).is_not(None)


def _is_true(clause: Any) -> Bool:
    return func.coalesce(clause, False, type_=Boolean)


def _folded(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.lower(func.btrim(text, BLANKS).collate("C"))


def _string(value: Value, value_filter: StringFilter, decide: Decide) -> Bool:
    operator = NEGATIVE.get(value_filter.operator, value_filter.operator)
    operand = value_filter.value
    if operand is None and operator == "equals":
        return value.text.is_not(None) if value_filter.negative else value.text.is_(None)
    if type(value) is Value and operator in ("equals", "in"):
        clause = _is_spelled(value, (operand,) if isinstance(operand, str) else operand or ())
    else:
        clause = _positive(value.text, operator, value_filter, decide)
    return ~clause if value_filter.negative else clause


def _is_spelled(value: Value, texts: Sequence[str]) -> Bool:
    """Return the clause that jsonb is one of these texts, or the number or boolean that one spells.

    A plain word is no other value's text, so that there the loose text decides.
    """
    if value.loose is not None and all(map(_WORD.fullmatch, texts)):
        return _is_true(value.loose == (texts[0] if len(texts) == 1 else one_of(texts)))
    spelled = [one for text in texts if storable(text) for one in _spelled_by(text)]
    return _is_true(value.json == any_(cast(literal(spelled, ARRAY(Text)), ARRAY(JSONB))))


_WORD = re.compile("(?!true$|false$|null$)[A-Za-z][A-Za-z0-9 _.@+-]*")


def _spelled_by(text: str) -> list[str]:
    """Return the JSON of a text and of the number or boolean whose spelling (`filters.reading`) it is."""
    number = as_number(text)
    plain = text in ("true", "false") or (number is not None and as_text(Decimal(number)) == text)
    return [json.dumps(text), text] if plain else [json.dumps(text)]


def _positive(text: ColumnElement[Any], operator: str, value_filter: StringFilter, decide: Decide) -> Bool:
    operand = value_filter.value
    if operand is None or (isinstance(operand, str) and operator != "regex" and not storable(operand)):
        return false()
    match operator, operand:
        case "regex", _:
            return decide(text, value_filter.test)
        case "phone-country-code-in", tuple():
            return _is_true(phone_clause(text, operand))
        case "in", tuple():
            return _is_true(text == one_of(operand))
        case "equals", _:
            return _is_true(text == operand)
        case "contains", _:
            return _is_true(func.strpos(text, operand) > 0)
        case "starts-with", _:
            return _is_true(func.starts_with(text, operand))
        case _:
            return _is_true(func.right(text, len(operand)) == operand)


def _list(value: Value, value_filter: ListFilter) -> Bool:
    negative = value_filter.operator.startswith("not-")
    present = _present(value)
    items = case((func.jsonb_typeof(value.json) == "array", value.json), else_=func.jsonb_build_array(value.json))
    if value_filter.operator.startswith("length-"):
        compare = COMPARISONS[value_filter.operator.removeprefix("length-")]
        return case(
            (present, compare(func.jsonb_array_length(items), literal(value_filter.value, Numeric))), else_=False
        )
    found = _contains(items, value_filter.operator.removeprefix("not-"), value_filter.value)
    return case((present, ~found if negative else found), else_=negative)


def _contains(items: ColumnElement[Any], operator: str, operand: Any) -> Bool:
    if isinstance(operand, str) and not storable(operand):
        return false()
    match operator:
        case "contains":
            return items.op("@>", return_type=Boolean())(literal([operand], JSONB))
        case "contains-any":
            texts = [text for text in operand if storable(text)]
            return items.op("?|", return_type=Boolean())(literal(texts, ARRAY(Text)))
        case "contains-all":
            if not all(map(storable, operand)):
                return false()
            return items.op("?&", return_type=Boolean())(literal(list(operand), ARRAY(Text)))
        case _:
            return _holds_text(items, operand)


def _holds_text(items: ColumnElement[Any], operand: str) -> Bool:
    item = func.jsonb_array_elements(items).column_valued("item")
    text = item.op("#>>")(WHOLE)
    of_kind = func.jsonb_typeof(item) == "string"
    return exists().where(and_(of_kind, func.strpos(text, operand) > 0))
