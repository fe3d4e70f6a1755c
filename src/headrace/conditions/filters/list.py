"""List filters. Source: reference 3.2.

A missing value satisfies the negative operators and no positive one. Our choice: a scalar counts as a list of itself,
so that a property which is sometimes a list and sometimes one text is found either way; a missing list has no length.
Numbers are equal by value: 5 is an element of [5.0].
"""

from __future__ import annotations

import operator as op
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from headrace.conditions.filters.base import FilterModel
from headrace.conditions.parsing import TextOrInteger

Operand = str | int | None | tuple[str, ...]
POSITIVE: Mapping[str, Callable[[Sequence[Any], Any], bool]] = {
    "contains": lambda items, operand: any(not isinstance(item, bool) and item == operand for item in items),
    "contains-any": lambda items, operand: any(item in items for item in operand),
    "contains-all": lambda items, operand: all(item in items for item in operand),
    "contains-substring": lambda items, operand: any(isinstance(item, str) and operand in item for item in items),
    "contains-starts-with": lambda items, operand: any(
        isinstance(one, str) and one.startswith(operand) for one in items
    ),
    "contains-ends-with": lambda items, operand: any(isinstance(one, str) and one.endswith(operand) for one in items),
}
LENGTHS: Mapping[str, Callable[[int, Any], bool]] = {
    "length-equals": op.eq,
    "length-greater-than": op.gt,
    "length-greater-than-or-equal": op.ge,
    "length-less-than": op.lt,
    "length-less-than-or-equal": op.le,
}


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A compiled list filter; `value` is a tuple for the operators on sets, an int for those on the length."""

    operator: str
    value: Operand

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value satisfies the filter."""
        negative = self.operator.startswith("not-")
        if value is None:
            return negative
        items = value if isinstance(value, (list, tuple)) else (value,)
        if self.operator in LENGTHS:
            return LENGTHS[self.operator](len(items), self.value)
        positive = POSITIVE[self.operator.removeprefix("not-")]
        return positive(items, self.value) is not negative


class ListContainsModel(FilterModel):
    """An exact element is, or is not, in the list."""

    type: Literal["list"]
    operator: Literal["contains", "not-contains"]
    value: TextOrInteger | None

    def compile(self) -> ListFilter:
        """Return the compiled filter."""
        return ListFilter(self.operator, self.value)


class ListSetModel(FilterModel):
    """Any or all of a set's texts are, or are not, in the list."""

    type: Literal["list"]
    operator: Literal["contains-all", "contains-any", "not-contains-all", "not-contains-any"]
    value: list[str]

    def compile(self) -> ListFilter:
        """Return the compiled filter."""
        return ListFilter(self.operator, tuple(self.value))


class ListSubstringModel(FilterModel):
    """Some element holds, or no element holds, a text; null is read as the empty text."""

    type: Literal["list"]
    operator: Literal["contains-substring", "not-contains-substring"]
    value: str | None

    def compile(self) -> ListFilter:
        """Return the compiled filter."""
        return ListFilter(self.operator, self.value or "")


class ListAffixModel(FilterModel):
    """Some element begins or ends, or no element does, with a text; a number is spelled, null is the empty text."""

    type: Literal["list"]
    operator: Literal[
        "contains-ends-with", "contains-starts-with", "not-contains-ends-with", "not-contains-starts-with"
    ]
    value: TextOrInteger | None

    def compile(self) -> ListFilter:
        """Return the compiled filter."""
        return ListFilter(self.operator, "" if self.value is None else str(self.value))


class ListLengthModel(FilterModel):
    """A comparison with the list's length."""

    type: Literal["list"]
    operator: Literal[
        "length-equals",
        "length-greater-than",
        "length-greater-than-or-equal",
        "length-less-than",
        "length-less-than-or-equal",
    ]
    value: int

    def compile(self) -> ListFilter:
        """Return the compiled filter."""
        return ListFilter(self.operator, self.value)
