"""Values in a template: `name.path|filter:argument`, looked up without touching Python objects.

Django reads attributes and calls what it finds; here only mappings, sequences and the parts of a date are read, so a
template can neither reach a method nor change what it was given. A missing or null value is empty text, and None
inside `if`. Source: reference 4.6. Our choice: null is shown as empty, because a person must not read "None".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from enum import IntEnum
from typing import Any, NamedTuple

from django.template import TemplateSyntaxError
from django.template.base import FilterExpression
from django.template.defaulttags import GroupedResult
from django.utils.safestring import SafeData, SafeString

DATE_PARTS = frozenset({"year", "month", "day", "hour", "minute", "second"})
VIEWS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "items": lambda mapping: list(mapping.items()),
    "keys": lambda mapping: list(mapping.keys()),
    "values": lambda mapping: list(mapping.values()),
}


def follow(value: Any, step: str) -> Any:
    """Return the member of a value that a step of a path names, None where there is none."""
    if type(value) is dict or isinstance(value, Mapping):  # the first test is the quick one
        if step in value:
            return value[step]
        return VIEWS[step](value) if step in VIEWS else None
    if isinstance(value, str | Sequence):
        return _element(value, step)
    if isinstance(value, date | time) and step in DATE_PARTS:
        return getattr(value, step, None)
    return None


def _element(value: Sequence[Any], step: str) -> Any:
    if isinstance(value, GroupedResult) and step in ("grouper", "list"):
        return getattr(value, step)
    if step.isascii() and step.isdigit() and len(step) < 9 and int(step) < len(value):
        return value[int(step)]
    return None


def resolve(context: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path, None when any step is missing."""
    first = path[0]
    for scope in reversed(context.dicts):
        if first in scope:
            value = scope[first]
            break
    else:
        return None
    for step in path[1:]:
        if value is None:
            return None
        value = follow(value, step)
    return value


class Expression(FilterExpression):  # type: ignore[misc]
    """A variable or constant with its filters, ready to be resolved against a context."""

    __slots__ = ("constant", "path", "steps")

    def __init__(self, token: str, parser: Any) -> None:
        super().__init__(token, parser)
        if "_(" in token and token.lstrip().startswith("_("):
            raise TemplateSyntaxError(f"Could not parse {token!r}: there are no translations.")
        start: Any = self.var
        self.path: tuple[str, ...] | None = start.lookups if self.is_var else None
        self.constant: Any = start.literal if self.is_var else start
        self.steps = [_step(function, arguments) for function, arguments in self.filters]

    @staticmethod
    def args_check(name: str, func: Callable[..., Any], provided: Any) -> bool:
        """Check the number of arguments when compiling; surroundings are handed in by us and not counted."""
        hidden = [None] if getattr(func, "needs_surroundings", False) else []
        return bool(FilterExpression.args_check(name, func, [*hidden, *provided]))

    def resolve(self, context: Any, ignore_failures: bool = False) -> Any:
        """Return the value after all filters; None for a missing one only where `ignore_failures`."""
        value = self.constant if self.path is None else resolve(context, self.path)
        for step in self.steps:
            value = _apply(step, value, context)
        return "" if value is None and not ignore_failures else value


class Kind(IntEnum):
    """What a filter is handed besides the value and its argument."""

    PLAIN = 0
    AUTOESCAPE = 1
    SURROUNDINGS = 2


class Step(NamedTuple):
    """A filter as it is applied: worked out once, when the template is compiled."""

    function: Callable[..., Any]
    kind: Kind
    argument: Any
    has_argument: bool
    is_safe: bool
    takes_none: bool
    name: str


class Path(tuple[str, ...]):
    """The path of a variable that is a filter's argument."""

    __slots__ = ()


def _step(function: Callable[..., Any], arguments: list[tuple[bool, Any]]) -> Step:
    kind = Kind.AUTOESCAPE if getattr(function, "needs_autoescape", False) else Kind.PLAIN
    return Step(
        function,
        Kind.SURROUNDINGS if getattr(function, "needs_surroundings", False) else kind,
        _argument(*arguments[0]) if arguments else None,
        bool(arguments),
        bool(getattr(function, "is_safe", False)),
        bool(getattr(function, "takes_none", False)),
        getattr(function, "_filter_name", function.__name__),
    )


def _argument(is_variable: bool, argument: Any) -> Any:
    if not is_variable:
        return SafeString(argument) if isinstance(argument, str) else argument
    return Path(argument.lookups) if argument.lookups is not None else argument.literal


def _apply(step: Step, value: Any, context: Any) -> Any:
    if value is None and not step.takes_none:
        value = ""
    arguments: tuple[Any, ...] = ()
    if step.has_argument:
        found = resolve(context, step.argument) if type(step.argument) is Path else step.argument
        arguments = ("" if found is None else found,)
    if step.kind is Kind.PLAIN:
        result = step.function(value, *arguments)
    elif step.kind is Kind.AUTOESCAPE:
        result = step.function(value, *arguments, autoescape=context.autoescape)
    else:
        result = step.function(context.surroundings, value, *arguments)
    context.budget.measure(result, step.name)
    if step.is_safe and isinstance(value, SafeData) and isinstance(result, str):
        return SafeString(result)
    return result


class CountedSequence:
    """What a `for` loop runs over: a list whose turns are counted before the loop starts."""

    __slots__ = ("expression",)

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def resolve(self, context: Any, ignore_failures: bool = False) -> Any:
        """Return a list, tuple or text to loop over; anything else is as empty as a missing value."""
        values = self.expression.resolve(context, ignore_failures)
        if isinstance(values, Mapping):
            values = list(values)
        if not isinstance(values, str | list | tuple):
            return []
        context.budget.turns(len(values))
        return values


def is_moment(value: Any) -> bool:
    """Return whether a value is a date or a time of day, which are written in words."""
    return isinstance(value, date | time | datetime)
