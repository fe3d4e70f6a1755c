"""String filters. Source: reference 3.2.

Text is compared exactly, case-sensitive. A missing value satisfies the negative operators and no positive one.
Our choice: numbers and booleans are compared by their spelling (`reading.py`); lists and objects count as missing.
Our choice: a null operand stands for "no value": `equals` then holds for missing values only, `not-equals` for present
ones, and the other operators behave as for a text that nothing contains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal

from pydantic import field_validator

from headrace.conditions.filters.base import FilterModel
from headrace.conditions.filters.pattern import compile_pattern, found
from headrace.conditions.filters.phone import country_of
from headrace.conditions.filters.reading import as_text

Test = Callable[[str], bool]
POSITIVE: Mapping[str, Callable[[str, str], bool]] = {
    "equals": lambda operand, text: text == operand,
    "contains": lambda operand, text: operand in text,
    "starts-with": lambda operand, text: text.startswith(operand),
    "ends-with": lambda operand, text: text.endswith(operand),
}
NEGATIVE = {
    "not-equals": "equals",
    "not-contains": "contains",
    "not-starts-with": "starts-with",
    "not-ends-with": "ends-with",
    "nregex": "regex",
    "not-in": "in",
    "phone-country-code-not-in": "phone-country-code-in",
}


@dataclass(frozen=True, slots=True)
class StringFilter:
    """A compiled string filter; `value` is a tuple for the operators that take several."""

    operator: str
    value: str | tuple[str, ...] | None
    negative: bool = field(init=False, compare=False)
    test: Test = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "negative", self.operator in NEGATIVE)
        object.__setattr__(self, "test", _test(NEGATIVE.get(self.operator, self.operator), self.value))

    def matches(self, value: Any, now: datetime) -> bool:
        """Tell whether a value satisfies the filter."""
        text = value if isinstance(value, str) else as_text(value)
        if self.value is None and NEGATIVE.get(self.operator, self.operator) == "equals":
            return (text is None) is not self.negative
        if text is None:
            return self.negative
        return self.test(text) is not self.negative


class StringModel(FilterModel):
    """A string filter with one operand."""

    type: Literal["string"]
    operator: Literal[
        "contains",
        "ends-with",
        "equals",
        "not-contains",
        "not-ends-with",
        "not-equals",
        "not-starts-with",
        "nregex",
        "regex",
        "starts-with",
    ]
    value: str | None

    @field_validator("value")
    @classmethod
    def _pattern_compiles(cls, value: str | None, info: Any) -> str | None:
        if value is not None and info.data.get("operator") in ("regex", "nregex"):
            compile_pattern(value)
        return value

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, self.value)


class StringArrayModel(FilterModel):
    """A string filter whose operand is a set."""

    type: Literal["string"]
    operator: Literal["in", "not-in"]
    value: list[str]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, tuple(self.value))


class PhoneCountryModel(FilterModel):
    """A filter on the country of a phone number; the operand holds ISO 3166 two-letter codes."""

    type: Literal["string"]
    operator: Literal["phone-country-code-in", "phone-country-code-not-in"]
    value: list[str]

    def compile(self) -> StringFilter:
        """Return the compiled filter."""
        return StringFilter(self.operator, tuple(code.upper() for code in self.value))


def _test(operator: str, operand: str | tuple[str, ...] | None) -> Test:
    match operand:
        case None:
            return _never
        case tuple() if operator == "phone-country-code-in":
            return partial(_in_country, frozenset(operand))
        case tuple():
            return frozenset(operand).__contains__
        case str() if operator == "regex":
            return partial(found, compile_pattern(operand))
        case str():
            return partial(POSITIVE[operator], operand)


def _never(text: str) -> bool:
    return False


def _in_country(countries: frozenset[str], text: str) -> bool:
    country = country_of(text)
    return country is not None and country in countries
