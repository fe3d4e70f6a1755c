"""Small words for writing HTML: every text is escaped here, and nowhere else.

What is here: elements, and the little of Markdown that our descriptions use. What is not: any page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

_CODE = re.compile(r"`([^`]+)`")


def text(value: object) -> str:
    """Return a value as escaped text."""
    return escape(str(value))


def element(name: str, /, *content: str, **attributes: object) -> str:
    """Return an element around HTML; `class_` is the attribute class, `_` within names is `-`, None leaves one out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{shown}>{''.join(content)}</{name}>"


def code(value: object) -> str:
    """Return a value as code."""
    return element("code", text(value))


def codes(values: Iterable[object]) -> str:
    """Return values as code, separated by commas."""
    return ", ".join(code(one) for one in values)


def link(to: str, content: str, **attributes: object) -> str:
    """Return a link around HTML."""
    return element("a", content, href=to, **attributes)


def address(*parts: str, revision: str) -> str:
    """Return the address of a page of `/docs`."""
    path = "/".join(quote(one, safe="") for one in ("docs", *parts))
    return f"/{path}?revision={quote(revision)}"


def prose(source: str) -> str:
    """Return a description as paragraphs and lists, with code where it has backticks."""
    return "".join(_block(block) for block in source.split("\n\n") if block.strip())


def inline(source: str) -> str:
    """Return one line of a description."""
    return _CODE.sub(r"<code>\1</code>", text(source))


def _block(block: str) -> str:
    lines = block.strip().split("\n")
    if all(line.startswith("- ") for line in lines):
        return element("ul", *(element("li", inline(line[2:])) for line in lines))
    return element("p", inline(" ".join(lines)))
