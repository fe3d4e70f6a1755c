"""Reading values, and the caps of filters that make text longer. Source: DESIGN section 8, "Template limits"."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from headrace.templates.problems import RenderProblem

WIDTH = 10_000
"""The widest column that `ljust`, `rjust`, `center` and the number formats fill."""
RESULT = 1_000_000
"""The longest text that a filter makes."""
DIGITS = 50
"""The largest exponent of a number that is calculated with."""


def text_of(value: Any) -> str:
    """Return a value as text; null is empty."""
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)


def decimal_of(value: Any) -> Decimal | None:
    """Return a value as a number, None when it is none (or larger than 10^50)."""
    if isinstance(value, bool):
        return Decimal(int(value))
    try:
        number = Decimal(str(value).strip()[:200])
    except InvalidOperation:
        return None
    return number if number.is_finite() and (not number or abs(number.adjusted()) <= DIGITS) else None


def float_of(value: Any) -> float:
    """Return a value as a float; what is no finite number is 0."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def whole(value: Any, default: int = 0) -> int:
    """Return a value as a whole number, cut toward zero; `default` for what is no number."""
    number = decimal_of(value)
    return default if number is None else int(number)


def width(value: Any) -> int:
    """Return a column width; raises `RenderProblem` past the cap."""
    columns = whole(value)
    if columns > WIDTH:
        raise RenderProblem(f"a width of {columns} is more than {WIDTH}")
    return max(columns, 0)


def replaced(value: str, old: str, new: str, count: int = -1) -> str:
    """Return text with parts replaced; raises `RenderProblem` when it would grow past the cap."""
    if not old:
        return value
    times = value.count(old) if count < 0 else min(count, value.count(old))
    if len(value) + times * (len(new) - len(old)) > RESULT:
        raise RenderProblem(f"a replacement makes more than {RESULT} characters")
    return value.replace(old, new, count)


def strftime(moment: date, pattern: str) -> str:
    """Write a date by a pattern of `%` letters; raises `RenderProblem` for a pattern that is too long.

    Widths (`%99999d`) are a GNU extension that the C library would carry out, so a digit after `%` is refused.
    """
    if len(pattern) > 100 or any(mark == "%" and after.isdigit() for mark, after in pairwise(pattern)):
        raise RenderProblem(f"the date pattern {pattern[:40]!r} is not understood")
    return moment.strftime(pattern)
