"""Finding the addresses of links in a compiled HTML template, so that a render only fills them in.

Works on the tree of nodes: an address that is plain text becomes a `LiteralLink`, prepared once; an address that
variables or tags contribute to becomes a `ComputedLink`, prepared at each render. Addresses in plain text parts are
found by `headrace.messages.links`. Source: DESIGN section 8, "Mail speed".
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from django.template.base import Node, NodeList, TextNode

Prepare = Callable[[str], Any | None]

TOKEN = re.compile(r"""<(?P<tag>[A-Za-z][\w:-]*)|(?P<end>>)|(?<![\w-])href\s*=\s*(?P<quote>["'])""", re.IGNORECASE)
LINKING = frozenset({"a", "area", "v:roundrect", "v:rect"})
"""Elements whose href is a link a person follows; `link` and `base` are not."""

SCRIPT = re.compile(
    r"[\x00-\x20]*(?:j\s*a\s*v\s*a|v\s*b)\s*s\s*c\s*r\s*i\s*p\s*t\s*:|[\x00-\x20]*data\s*:", re.IGNORECASE
)
"""A computed address that would run in the page; it comes from a person's data and leads nowhere."""


class LiteralLink(Node):  # type: ignore[misc]
    """An address known when the template was compiled."""

    child_nodelists = ()

    def __init__(self, prepared: Any) -> None:
        self.prepared = prepared

    def render(self, context: Any) -> str:
        """Return the address to write for this message."""
        return html.escape(context.surroundings.link(self.prepared))


class ComputedLink(Node):  # type: ignore[misc]
    """An address that depends on the values of the render."""

    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList, prepare: Prepare) -> None:
        self.nodelist = nodelist
        self.prepare = prepare

    def render(self, context: Any) -> str:
        """Return the address to write for this message, or what the template wrote when it is not a link to follow."""
        written: str = self.nodelist.render(context)
        address = html.unescape(written).strip()
        if SCRIPT.match(address):
            return "#"
        prepared = self.prepare(address)
        return written if prepared is None else html.escape(context.surroundings.link(prepared))


def mark(nodelist: NodeList, prepare: Prepare, element: str = "") -> None:
    """Put link nodes in place of the addresses of a tree; `element` is the tag that is open where it starts."""
    found: list[Any] = []
    pending: list[Any] = list(nodelist)
    while pending:
        node = pending.pop(0)
        if type(node) is not TextNode:
            for child in _children(node):
                mark(child, prepare, element)
            found.append(node)
            continue
        element, pieces, quote = _split(node.s, element, prepare)
        found.extend(pieces)
        if quote:
            found.extend(_computed(found.pop().s, pending, quote, prepare))
    nodelist[:] = found


def _children(node: Any) -> list[NodeList]:
    if hasattr(node, "conditions_nodelists"):
        return [nodelist for _, nodelist in node.conditions_nodelists]
    return [child for name in node.child_nodelists if (child := getattr(node, name, None))]


def _split(text: str, element: str, prepare: Prepare) -> tuple[str, list[Any], str]:
    """Return the element open at the end, the nodes, and the quote of an address that the text leaves open.

    When an address is left open the last node is the text inside its quotes so far.
    """
    pieces: list[Any] = []
    start = position = 0
    while match := TOKEN.search(text, position):
        position = match.end()
        if match["tag"]:
            element = match["tag"].lower()
        elif match["end"]:
            element = ""
        elif element in LINKING:
            close = text.find(match["quote"], position)
            if close < 0:
                return element, [*pieces, TextNode(text[start:position]), TextNode(text[position:])], match["quote"]
            prepared = prepare(html.unescape(text[position:close]).strip())
            if prepared is not None:
                pieces += [TextNode(text[start:position]), LiteralLink(prepared)]
                start = close
            position = close + 1
    return element, [*pieces, TextNode(text[start:])], ""


def _computed(inside: str, pending: list[Any], quote: str, prepare: Prepare) -> list[Any]:
    """Take the nodes of an address up to its closing quote off `pending`; the rest of that text stays there."""
    parts: list[Any] = [TextNode(inside)] if inside else []
    for index, node in enumerate(pending):
        if type(node) is TextNode and quote in node.s:
            before, _, after = node.s.partition(quote)
            parts += [TextNode(before)] if before else []
            pending[: index + 1] = [TextNode(quote + after)]
            return [ComputedLink(NodeList(parts), prepare)]
        parts.append(node)
    return [TextNode(inside)] if inside else []
