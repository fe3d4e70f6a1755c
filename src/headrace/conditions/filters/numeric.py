"""Numeric filters. Source: reference 3.2.

Comparisons are exact (decimal). Text that spells a number counts as that number; anything else counts as missing, which
satisfies `not-equals` only. `between` includes both ends.
"""

from __future__ import annotations

import operator as op
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from headrace.conditions.filters.base import FilterModel
from headrace.conditions.parsing import BLANKS
from headrace.conditions.parsing import Number as JsonNumber

Number = int | Decimal
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": op.eq,
    "not-equals": op.ne,
    "greater-than": op.gt,
    "greater-than-or-equal": op.ge,
    "less-than": op.lt,
    "less-than-or-equal": op.le,
}
LONGEST_NUMBER = 400
"""Text longer than this spells no number; a bound on the cost of reading it."""
NUMBER = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
"""How a text spells a number, in words that Python and PostgreSQL read alike."""
_NUMBER = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class NumericFilter:
    """A compiled numeric filter; `end` is set for `between` only, whose start is `value`."""

    operator: str
    value: Number
    end: Number | None = None
    compare: Callable[[Any, Any], bool] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compare", OPERATORS.get(self.operator, op.ge))

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value satisfies the filter."""
        number = as_number(value)
        if number is None:
            return self.operator == "not-equals"
        return self.compare(number, self.value) and (self.end is None or number <= self.end)


class NumericModel(FilterModel):
    """A comparison with one number."""

    type: Literal["numeric"]
    operator: Literal[
        "equals", "greater-than", "greater-than-or-equal", "less-than", "less-than-or-equal", "not-equals"
    ]
    value: JsonNumber

    def compile(self) -> NumericFilter:
        """Return the compiled filter."""
        return NumericFilter(self.operator, exact(self.value))


class NumericRangeModel(FilterModel):
    """A range, both ends included."""

    type: Literal["numeric"]
    operator: Literal["between"]
    start: JsonNumber
    end: JsonNumber

    def compile(self) -> NumericFilter:
        """Return the compiled filter."""
        return NumericFilter(self.operator, exact(self.start), exact(self.end))


def as_number(value: Any) -> Number | None:
    """Return a value as an exact finite number, None when it is none."""
    match value:
        case bool():
            return None
        case int():
            return value
        case float():
            return _finite(Decimal(repr(value)))
        case Decimal():
            return _finite(value)
        case str() if len(value) <= LONGEST_NUMBER:
            return _read(value)
        case _:
            return None


def _read(text: str) -> Number | None:
    trimmed = text.strip(BLANKS)
    return Decimal(trimmed) if _NUMBER.fullmatch(trimmed) else None


def _finite(number: Decimal) -> Decimal | None:
    return number if number.is_finite() else None


def exact(number: int | float) -> Number:
    """Return a JSON number without the error of binary fractions."""
    return number if isinstance(number, int) else Decimal(repr(number))
