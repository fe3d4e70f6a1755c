"""Tags that write the present moment, in the account's zone and in English. Source: reference 4.6.

The moment is the one in `Surroundings.now`; no clock is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.template import TemplateSyntaxError
from django.template.base import Node
from django.utils import dateformat

from headrace.templates.filters.sizes import strftime
from headrace.templates.problems import RenderProblem
from headrace.templates.surroundings import Surroundings
from headrace.templates.tags.arguments import values, values_and_name

PATTERNS = {
    "current_day": "j",
    "current_month": "n",
    "current_year": "Y",
    "current_weekday": "l",
    "current_month_name": "F",
}
"""Tag to date pattern (Django's letters)."""


def local_now(around: Surroundings) -> datetime:
    """Return the moment of rendering in the account's zone; raises `RenderProblem` when none was given."""
    if around.now is None:
        raise RenderProblem("the template asks for the time, and none was given")
    return around.now.astimezone(around.zone)


class PatternNode(Node):  # type: ignore[misc]
    """Writes the moment by a pattern, or keeps it under a name."""

    child_nodelists = ()

    def __init__(self, pattern: Any, write: Callable[[datetime, str], str], target: str | None) -> None:
        self.pattern = pattern
        self.write = write
        self.target = target

    def render(self, context: Any) -> str:
        """Return the text, or nothing when it is kept under a name."""
        pattern = self.pattern if isinstance(self.pattern, str) else str(self.pattern.resolve(context))
        text = self.write(local_now(context.surroundings), pattern)
        if self.target is None:
            return text
        context[self.target] = text
        return ""


def _by_letters(moment: datetime, pattern: str) -> str:
    return str(dateformat.format(moment, pattern))


def _current(pattern: str, parser: Any, token: Any) -> PatternNode:
    values(parser, token, at_most=0)
    return PatternNode(pattern, _by_letters, None)


def _now(parser: Any, token: Any) -> PatternNode:
    arguments, target = values_and_name(parser, token, at_most=1, at_least=1)
    return PatternNode(arguments[0], _by_letters, target)


def _today(parser: Any, token: Any) -> PatternNode:
    arguments, target = values_and_name(parser, token, at_most=1, at_least=1)
    if target is None:
        raise TemplateSyntaxError("today needs a name for the date, as in today '%Y-%m-%d' as today")
    return PatternNode(arguments[0], strftime, target)


TAGS: Mapping[str, Callable[..., Any]] = {
    "now": _now,
    "today": _today,
    **{name: partial(_current, pattern) for name, pattern in PATTERNS.items()},
}
