"""Filters on lists and on values of any kind. Source: reference 4.6."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.template import defaultfilters

from headrace.templates.expressions import follow
from headrace.templates.filters.sizes import RESULT, decimal_of, float_of, text_of
from headrace.templates.problems import RenderProblem

COMPARISON = re.compile(r"\s*(?P<key>[^<>=!]+?)\s*(?P<sign><=|>=|=>|==|!=|<|>|=)\s*(?P<value>.*?)\s*")
SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "=>": operator.ge,
    ">=": operator.ge,
    ">": operator.gt,
}


def items_of(value: Any) -> list[Any]:
    """Return a value as a list: null and empty text have no items, a single value is one item."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value in (None, "") else [value]


def lookup(value: Any, arg: Any) -> Any:
    """Return the member of a mapping or list under any name, however odd."""
    return follow(value, text_of(arg))


def default(value: Any, arg: Any) -> Any:
    """Return the argument in place of a missing, empty, zero or false value."""
    return value or arg


def default_if_none(value: Any, arg: Any) -> Any:
    """Return the argument in place of null."""
    return arg if value is None else value


def length(value: Any) -> int:
    """Return the number of items or characters; a number has none."""
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


def compact(value: Any) -> list[Any]:
    """Drop nulls and empty texts."""
    return [item for item in items_of(value) if item not in (None, "")]


def join(value: Any, arg: Any = " ", autoescape: bool = True) -> str:
    """Join the items with a separator; raises `RenderProblem` past the cap."""
    items = items_of(value)
    if len(text_of(arg)) * len(items) > RESULT:
        raise RenderProblem(f"join makes more than {RESULT} characters")
    return str(defaultfilters.join([text_of(item) for item in items], text_of(arg), autoescape=autoescape))


join.needs_autoescape = True  # type: ignore[attr-defined]
join.is_safe = True  # type: ignore[attr-defined]
default_if_none.takes_none = True  # type: ignore[attr-defined]


def list_to_string(value: Any) -> str:
    """Write a list as `a, b and c`."""
    words = [text_of(item) for item in items_of(value)]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def dictfilter(value: Any, arg: Any) -> list[Any]:
    """Keep the items whose member passes a test such as `price>2`; raises `RenderProblem` for no test."""
    match = COMPARISON.fullmatch(text_of(arg)[:200])
    if not match:
        raise RenderProblem(f"{text_of(arg)[:40]!r} is no test; write it as name=value, with one of = == != < <= > >=")
    test = SIGNS[match["sign"]]
    return [item for item in items_of(value) if _passes(follow(item, match["key"]), match["value"], test)]


def _passes(value: Any, wanted: str, test: Callable[[Any, Any], bool]) -> bool:
    number, target = decimal_of(value), decimal_of(wanted)
    if number is not None and target is not None:
        return test(number, target)
    return value is not None and test(text_of(value), wanted.strip("'\""))


def mapped(value: Any, arg: Any) -> list[Any]:
    """Return one member of each item."""
    return [follow(item, text_of(arg)) for item in items_of(value)]


def reverse(value: Any) -> Any:
    """Return a list or text backwards."""
    return value[::-1] if isinstance(value, str | list | tuple) else value


def sort(value: Any, arg: Any = "") -> list[Any]:
    """Sort items, or mappings by a member: numbers first, then texts."""
    return sorted(items_of(value), key=lambda item: _rank(follow(item, arg) if arg else item))


def sort_reversed(value: Any, arg: Any = "") -> list[Any]:
    """Sort the other way around."""
    return sort(value, arg)[::-1]


def sort_natural(value: Any, arg: Any = "") -> list[Any]:
    """Sort without regard to upper and lower case."""
    return sorted(items_of(value), key=lambda item: text_of(follow(item, arg) if arg else item).casefold())


def _rank(value: Any) -> tuple[int, float, str]:
    number = None if isinstance(value, str) else decimal_of(value)
    return (0, float(number), "") if number is not None else (1, 0.0, text_of(value))


def uniq(value: Any, arg: Any = "") -> list[Any]:
    """Drop repeated items, or mappings that repeat a member; the first stays."""
    seen: set[str] = set()
    kept = []
    for item in items_of(value):
        mark = repr(follow(item, arg) if arg else item)
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


def sum_list(value: Any) -> float:
    """Return the sum of the items."""
    return sum((float_of(item) for item in items_of(value)), 0.0)


def first(value: Any) -> Any:
    """Return the first item."""
    return value[0] if isinstance(value, str | list | tuple) and value else ""


def last(value: Any) -> Any:
    """Return the last item."""
    return value[-1] if isinstance(value, str | list | tuple) and value else ""


def yesno(value: Any, arg: Any = "yes,no,maybe") -> str:
    """Return one of two or three words for true, false and null."""
    return str(defaultfilters.yesno(value, text_of(arg)))


yesno.takes_none = True  # type: ignore[attr-defined]

FILTERS: Mapping[str, Callable[..., Any]] = {
    "compact": compact,
    "count": length,
    "default": default,
    "default_if_none": default_if_none,
    "dictfilter": dictfilter,
    "dictsort": sort,
    "dictsortreversed": sort_reversed,
    "first": first,
    "join": join,
    "last": last,
    "length": length,
    "list_to_string": list_to_string,
    "list_where": dictfilter,
    "lookup": lookup,
    "map": mapped,
    "reverse": reverse,
    "size": length,
    "slice": defaultfilters.slice_filter,
    "sort": sort,
    "sort_natural": sort_natural,
    "sum_list": sum_list,
    "uniq": uniq,
    "yesno": yesno,
}
