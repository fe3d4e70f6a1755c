"""The nodes of a parsed template that are ours: output of a value, a metered loop body."""

from __future__ import annotations

import html
from datetime import datetime, time
from typing import Any

from django.template.base import Node, NodeList
from django.utils import dateformat
from django.utils.safestring import SafeData

from headrace.templates.expressions import Expression, is_moment
from headrace.templates.problems import RenderProblem


class OutputNode(Node):  # type: ignore[misc]
    """`{{ ... }}`: writes one value, escaped in HTML."""

    child_nodelists = ()

    def __init__(self, expression: Expression, line: int) -> None:
        self.expression = expression
        self.line = line

    def render(self, context: Any) -> str:
        """Return the text of the value; raises `RenderProblem` naming the line."""
        try:
            text = shown(self.expression.resolve(context), context)
        except (RenderProblem, MemoryError):
            raise
        except Exception as error:
            raise RenderProblem(f"{{{{ {self.expression} }}}} fails: {error}", self.line) from error
        context.budget.write(len(text))
        return text


class MeteredNode(Node):  # type: ignore[misc]
    """One turn of a loop: counts what it writes and checks the deadline."""

    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Any) -> str:
        """Return the text of one turn; raises `RenderProblem` past a limit."""
        text: str = self.nodelist.render(context)
        context.budget.write(len(text))
        return text


def shown(value: Any, context: Any) -> str:
    """Return a value as text: nothing for null, a date in words and the account's zone, escaped in HTML."""
    if type(value) is not str:
        if value is None:
            return ""
        if isinstance(value, SafeData):
            return str(value)
        value = in_words(value, context.surroundings.zone) if is_moment(value) else str(value)
    return html.escape(value) if context.autoescape else value


def in_words(value: Any, zone: Any) -> str:
    """Return a date, moment or time of day in Django's default form."""
    if isinstance(value, datetime):
        return str(dateformat.format(value.astimezone(zone) if value.tzinfo else value, "N j, Y, P"))
    return str(dateformat.time_format(value, "P") if isinstance(value, time) else dateformat.format(value, "N j, Y"))
