"""Django's template engine without the rest of Django: the one file that calls `settings.configure`.

What is here: the configured engine, and a parser that swaps in our own expressions and output nodes. What is not: any
tag or filter (`language.py`) or limit (`limits.py`). This module is the named exception to "no globals" of DESIGN
section 8: Django's helpers read `django.conf.settings`, which can be set once per process only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.template import Library, Origin
from django.template import Template as DjangoTemplate
from django.template.base import Lexer, NodeList, Parser, TextNode, VariableNode
from django.template.defaulttags import ForNode
from django.template.engine import Engine

from headrace.templates.expressions import CountedSequence, Expression
from headrace.templates.nodes import MeteredNode, OutputNode

if not settings.configured:
    settings.configure(USE_I18N=False, USE_TZ=True, TIME_ZONE="UTC", LANGUAGE_CODE="en-us", DEBUG=False)


class LimitedParser(Parser):  # type: ignore[misc]
    """Django's parser, except that values are looked up by `Expression` and written by `OutputNode`."""

    def compile_filter(self, token: str) -> Expression:
        """Return the expression of a variable with its filters."""
        return Expression(token, self)

    def extend_nodelist(self, nodelist: NodeList, node: Any, token: Any) -> None:
        """Add a node to the tree, in its metered form."""
        if type(node) is VariableNode:
            node = OutputNode(node.filter_expression, token.lineno)
        elif isinstance(node, ForNode):
            node.sequence = CountedSequence(node.sequence)
            node.nodelist_loop = NodeList([MeteredNode(node.nodelist_loop)])
        super().extend_nodelist(nodelist, node, token)


class Source(DjangoTemplate):  # type: ignore[misc]
    """A parsed template: the object that Django's nodes expect to find in their context."""

    def compile_nodelist(self) -> NodeList:
        """Parse the source; raises Django's `TemplateSyntaxError`."""
        parser = LimitedParser(Lexer(self.source).tokenize(), {}, self.engine.template_builtins, self.origin)
        self.extra_data: dict[str, Any] = {}
        return parser.parse()


def engine_of(tags: Mapping[str, Callable[..., Any]], filters: Mapping[str, Callable[..., Any]]) -> Engine:
    """Return an engine that knows these tags and filters and no others, no files and no libraries."""
    library = Library()
    library.tags.update(tags)
    library.filters.update(filters)
    engine = Engine(loaders=[], autoescape=True, debug=False)
    engine.builtins = []
    engine.template_builtins = [library]
    engine.template_libraries = {}
    return engine


def parse(source: str, engine: Engine) -> Source:
    """Parse a template; raises Django's `TemplateSyntaxError`, whose `token` names the line."""
    return Source(source, Origin("template"), None, engine)


__all__ = ["LimitedParser", "Source", "TextNode", "engine_of", "parse"]
