"""Filters on numbers: decimal text counts as a number, anything else as 0. Source: reference 4.6."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from django.template import defaultfilters

from headrace.templates.filters.sizes import decimal_of, float_of, text_of, whole
from headrace.templates.problems import RenderProblem

PLACES = 30
"""The most decimal places a number is written with."""


def number_of(value: Any) -> int | float:
    """Return a value as an int when it is one, else as a float; what is no number is 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else float_of(value)


def absolute(value: Any) -> int | float:
    """Return the absolute value."""
    return abs(number_of(value))


def at_least(value: Any, arg: Any) -> int | float:
    """Return the larger number."""
    return max(number_of(value), number_of(arg))


def at_most(value: Any, arg: Any) -> int | float:
    """Return the smaller number."""
    return min(number_of(value), number_of(arg))


def rounded(value: Any, arg: Any, rounding: str) -> float:
    """Return a number rounded to a count of decimal places."""
    places = min(max(whole(arg), 0), PLACES)
    number = decimal_of(value) or Decimal(0)
    return float(_quantized(number, places, rounding))


def _quantized(number: Decimal, places: int, rounding: str) -> Decimal:
    scaled = number.scaleb(places).to_integral_value(rounding)
    return scaled.scaleb(-places) if scaled else Decimal(0)  # never -0


def ceil(value: Any) -> float:
    """Round up to a whole number."""
    return rounded(value, 0, ROUND_CEILING)


def floor(value: Any) -> float:
    """Round down to a whole number."""
    return rounded(value, 0, ROUND_FLOOR)


def round_half_up(value: Any, arg: Any = 0) -> float:
    """Round to the nearest, a half upward."""
    return rounded(value, arg, ROUND_HALF_UP)


def round_up(value: Any, arg: Any = 0) -> float:
    """Round up to a count of decimal places."""
    return rounded(value, arg, ROUND_CEILING)


def round_down(value: Any, arg: Any = 0) -> float:
    """Round down to a count of decimal places."""
    return rounded(value, arg, ROUND_FLOOR)


def multiply(value: Any, arg: Any) -> float:
    """Multiply."""
    return _exact(value, arg, lambda left, right: left * right)


def divide(value: Any, arg: Any) -> float:
    """Divide. Our choice: dividing by 0 gives 0."""
    return _exact(value, arg, lambda left, right: left / right if right else Decimal(0))


def plus(value: Any, arg: Any) -> float:
    """Add."""
    return _exact(value, arg, lambda left, right: left + right)


def minus(value: Any, arg: Any) -> float:
    """Subtract."""
    return _exact(value, arg, lambda left, right: left - right)


def remainder(value: Any, arg: Any) -> float:
    """Return the remainder with the sign of the divisor. Our choice: dividing by 0 gives 0."""
    divisor = float_of(arg)
    return math.fmod(math.fmod(float_of(value), divisor) + divisor, divisor) if divisor else 0.0


def _exact(value: Any, arg: Any, work: Callable[[Decimal, Decimal], Decimal]) -> float:
    """Calculate in decimals, so that 1.1 - 1 is 0.1."""
    return float(work(decimal_of(value) or Decimal(0), decimal_of(arg) or Decimal(0)))


def floatformat(value: Any, arg: Any = -1) -> str:
    """Write a number with a count of decimals, Django's way; raises `RenderProblem` past the cap."""
    if type(arg) is int and 0 < arg <= PLACES and isinstance(value, int | float | Decimal):
        number = decimal_of(value)
        if number is not None:
            return f"{_quantized(number, arg, ROUND_HALF_UP):.{arg}f}"
    if abs(whole(text_of(arg).rstrip("gu"), -1)) > PLACES:
        raise RenderProblem(f"floatformat writes at most {PLACES} decimals, not {arg}")
    return str(defaultfilters.floatformat(value, arg))


def percentize(value: Any, arg: Any = 0) -> str:
    """Write a fraction as a percentage with a count of decimals."""
    return f"{rounded(multiply(value, 100), arg, ROUND_HALF_UP):.{min(max(whole(arg), 0), PLACES)}f}%"


def divisibleby(value: Any, arg: Any) -> bool:
    """Return whether a whole number is a multiple of another."""
    return bool(whole(arg)) and whole(value) % whole(arg) == 0


def pluralize(value: Any, arg: Any = "s") -> str:
    """Return the ending for a count."""
    return str(defaultfilters.pluralize(value, text_of(arg)))


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, arg: Any) -> bool:
        left, right = decimal_of(value), decimal_of(arg)
        return left is not None and right is not None and test(left, right)

    return compare


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": absolute,
    "at_least": at_least,
    "at_most": at_most,
    "ceil": ceil,
    "divide": divide,
    "divisibleby": divisibleby,
    "filesizeformat": defaultfilters.filesizeformat,
    "floatadd": plus,
    "floatformat": floatformat,
    "floatsub": minus,
    "floor": floor,
    "get_digit": defaultfilters.get_digit,
    "gt": _compared(lambda left, right: left > right),
    "gte": _compared(lambda left, right: left >= right),
    "lt": _compared(lambda left, right: left < right),
    "lte": _compared(lambda left, right: left <= right),
    "minus": minus,
    "modulo": remainder,
    "multiply": multiply,
    "percentize": percentize,
    "pluralize": pluralize,
    "plus": plus,
    "remainder": remainder,
    "round": round_half_up,
    "round_down": round_down,
    "round_up": round_up,
}
