"""Universal content in templates: elements that name a block show what the block is at present.

What is here: finding the elements of an HTML template that name a block by `data-klaviyo-universal-block`, and putting
the blocks in. What is not: what a block shows (`blocks`). It is done once per template and batch, before anything is
compiled, so the cache of compiled templates knows a changed block by the text it made.
Source: the published way of adding universal content to templates.

Our choice: a block comes right behind the start of its element, in place of the text that stands there until the first
element or construct; the usual snippet holds a lone &nbsp;, and often never ends.

Our choice: an element that names no block of the account stays as it is.

Our choice: blocks do not show other blocks, and a template has at most 100 elements that name one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MARK = "data-klaviyo-universal-block"
MOST_BLOCKS = 100
ELEMENT = re.compile(rf"(<[A-Za-z](?=[^<>]{{0,2000}}{MARK})[^<>]{{0,2000}}>)([^<{{]*)")
"""The start of an element that names a block, and the text behind it. Its length is bounded, so that nothing that is
never closed takes forever."""
NAME = re.compile(rf"""\s{MARK}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")


def references(html: str | None) -> list[str]:
    """Return the ids of the blocks that a template names, in order, each as often as it does."""
    if not html or MARK not in html:
        return []
    return [named for match in ELEMENT.finditer(html) if (named := _named(match))]


def expanded(html: str, blocks: Mapping[str, str]) -> str:
    """Return a template with blocks, given as templates by id, put into the elements that name them."""

    def put(match: re.Match[str]) -> str:
        block = blocks.get(_named(match))
        return match[0] if block is None else f"{match[1]}{block}"

    return ELEMENT.sub(put, html, count=MOST_BLOCKS)


def settled(html: str, content_id: str, block: str) -> str:
    """Return a template that one block has become a part of: its content stays, its elements name it no more."""

    def settle(match: re.Match[str]) -> str:
        return f"{NAME.sub('', match[1])}{block}" if _named(match) == content_id else match[0]

    return ELEMENT.sub(settle, html)


def _named(match: re.Match[str]) -> str:
    """Return the id that an element names, empty where it names none."""
    name = NAME.search(match[1])
    return next((one for one in name.groups() if one is not None), "").strip() if name else ""
