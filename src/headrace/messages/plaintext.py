"""The text part of an HTML e-mail, made from the template's source rather than from each message.

What is here: turning HTML with template constructs into plain text with the same constructs, so that it is compiled
once and rendered like any template. What is not: HTML entities or markup that values bring along.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from headrace.templates.limits import check_cost, check_markup

CONSTRUCT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
MARKED = re.compile("\ue000([0-9]+)\ue001")
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "center", "div", "dl", "dt", "dd", "fieldset", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
    "table", "tbody", "td", "th", "tr", "ul",
})  # fmt: skip
HIDDEN = frozenset({"head", "script", "style", "title"})
WRITING = frozenset({
    "current_day", "current_month", "current_month_name", "current_weekday", "current_year", "currency_format",
    "cycle", "firstof", "manage_preferences", "manage_preferences_link", "now", "render_variable", "templatetag",
    "unsubscribe", "unsubscribe_link", "web_view", "web_view_link", "widthratio",
})  # fmt: skip
"""Tags that write text, dropped where nothing is shown; the others (if, for, with, today ...) are kept everywhere."""


def text_source(source: str) -> str:
    """Return the plain-text template of an HTML template; raises `TemplateProblem` for what takes forever to read."""
    check_cost(source)
    check_markup(source)
    constructs: list[str] = []

    def hide(match: re.Match[str]) -> str:
        constructs.append(match[0])
        return f"\ue000{len(constructs) - 1}\ue001"

    reader = _Reader(constructs)
    reader.feed(CONSTRUCT.sub(hide, source.replace("\ue000", "").replace("\ue001", "")))
    reader.close()
    text = re.sub(r"\{(?=[{%#])", "{ ", tidy("".join(reader.pieces)))  # entities must not make new constructs
    return MARKED.sub(lambda match: constructs[int(match[1])], text)


def tidy(text: str) -> str:
    """Return text without spaces at line ends and with at most one empty line between others."""
    kept: list[str] = []
    for line in text.split("\n"):  # no pattern: many spaces would stall one, and each looks at every character
        line = line.strip(" \t\xa0")
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip()


def without_tags(text: str) -> str:
    """Return text without the HTML tags that values brought along."""
    return re.sub(r"</?[A-Za-z][^<>]*>", "", text)


class _Reader(HTMLParser):
    """Collects the pieces of text; links are written as `words (address)`."""

    def __init__(self, constructs: list[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._constructs = constructs
        self._hidden: list[str] = []
        self._open_links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the structure of templates within the tag, start a line at a block, remember a link."""
        given = dict(attrs)
        href = (given.get("href") or "").strip() if tag == "a" else ""
        raw = (self.get_starttag_text() or "").replace(href, "") if href else self.get_starttag_text() or ""
        self._keep_structure(raw)
        if tag in HIDDEN:
            self._hidden.append(tag)
        elif tag in BLOCKS:
            self.pieces.append("\n")
        elif tag == "a":
            self._open_links.append((href, len(self.pieces)))
        elif tag == "img" and given.get("alt") and not MARKED.search(given["alt"] or ""):
            self.pieces.append(given["alt"] or "")

    def handle_endtag(self, tag: str) -> None:
        """Write the address of a link that ends, end the line of a block."""
        if tag in HIDDEN and tag in self._hidden:
            self._hidden.remove(tag)
        elif tag in BLOCKS:
            self.pieces.append("\n")
        elif tag == "a" and self._open_links:
            href, start = self._open_links.pop()
            words = "".join(self.pieces[start:]).strip()
            if href and not href.startswith("#") and words != href:
                self.pieces.append(f" ({href})" if words else href)

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if self._hidden:
            self._keep_structure(data)
        else:
            self.pieces.append(re.sub(r"[ \t\r\n\f]+", " ", data))

    def handle_comment(self, data: str) -> None:
        """Drop a comment, but not what it does to the structure of the template."""
        self._keep_structure(data)

    def _keep_structure(self, hidden: str) -> None:
        for match in MARKED.finditer(hidden):
            construct = self._constructs[int(match[1])]
            words = construct[2:-2].split()
            if construct.startswith("{%") and words and (words[0] not in WRITING or "as" in words):
                self.pieces.append(match[0])
