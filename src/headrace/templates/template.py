"""Compiling and rendering: the two functions that the rest of Headrace calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.template import Context, TemplateSyntaxError
from django.template.engine import Engine

from headrace.templates import django_engine, links
from headrace.templates.language import FILTERS, TAGS, explain
from headrace.templates.limits import Budget, Limits, check_cost
from headrace.templates.problems import RenderProblem, TemplateProblem
from headrace.templates.surroundings import Surroundings

ENGINE: Engine = django_engine.engine_of(TAGS, FILTERS)
NOWHERE = Surroundings()
LIMITS = Limits()


class RenderingContext(Context):  # type: ignore[misc]
    """Django's context with the budget and the surroundings of one render."""

    def __init__(self, variables: Mapping[str, Any], surroundings: Surroundings, budget: Budget) -> None:
        super().__init__(variables, autoescape=surroundings.html)
        self.dicts.append({})  # tags that set a variable write here, never into what the caller passed
        self.surroundings = surroundings
        self.budget = budget


class Template:
    """A compiled template; holds no state of a render, so it may be shared."""

    __slots__ = ("_source", "limits")

    def __init__(self, source: django_engine.Source, limits: Limits) -> None:
        self._source = source
        self.limits = limits

    def render(self, context: Mapping[str, Any], surroundings: Surroundings = NOWHERE) -> str:
        """Render with these variables; raises `RenderProblem` on a failure or past a limit."""
        full = RenderingContext(context, surroundings, Budget(self.limits))
        try:
            text = str(self._source.render(full))
        except (RenderProblem, MemoryError):
            raise
        except RecursionError as error:
            raise RenderProblem("the template is nested too deeply") from error
        except Exception as error:
            raise RenderProblem(f"the template fails: {error}") from error
        if len(text) > self.limits.output_characters:
            raise RenderProblem(f"the template writes more than {self.limits.output_characters} characters")
        return _storable(text)


def compile(source: str, *, prepare: Callable[[str], Any | None] | None = None, limits: Limits = LIMITS) -> Template:
    """Compile a template; raises `TemplateProblem` naming the line and the construct.

    With `prepare`, the addresses of links in the HTML are found now: each is handed to `prepare` unescaped, and what
    comes back goes through `Surroundings.link` at each render (None leaves the address as it is).
    """
    if len(source) > limits.source_characters:
        raise TemplateProblem(f"the template has {len(source)} characters; at most {limits.source_characters} are read")
    check_cost(source)
    try:
        parsed = django_engine.parse(source, ENGINE)
    except TemplateSyntaxError as error:
        raise _problem(error) from error
    except RecursionError as error:
        raise TemplateProblem("the template is nested too deeply") from error
    except Exception as error:
        raise _problem(error) from error
    if prepare is not None:
        links.mark(parsed.nodelist, prepare)
    return Template(parsed, limits)


def _storable(text: str) -> str:
    """Return text without NULs and halves of characters, which filters can make and nobody can store or send."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else text.encode(errors="ignore").decode()


def _problem(error: Exception) -> TemplateProblem:
    token = getattr(error, "token", None)
    return TemplateProblem(explain(str(error), token), getattr(token, "lineno", None))
