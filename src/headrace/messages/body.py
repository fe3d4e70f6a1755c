"""What is added to a rendered HTML body: hidden preview text, unsubscribe footer, open pixel. Source: reference 4.5."""

from __future__ import annotations

import html
import re

BODY_START = re.compile(r"<body\b[^<>]*>", re.IGNORECASE)
BODY_END = re.compile(r"</body\s{0,20}>", re.IGNORECASE)
"""Neither looks past the next tag, so that no HTML takes forever."""

HIDDEN = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"


def with_preview(body: str, preview: str) -> str:
    """Return the body with the preview text as hidden first words, which mail programs show in the inbox list."""
    block = f'<div style="{HIDDEN}">{html.escape(preview)}</div>'
    start = BODY_START.search(body)
    position = start.end() if start else 0
    return body[:position] + block + body[position:]


def with_end(body: str, addition: str) -> str:
    """Return the body with something added as its last content."""
    position = body.rfind("</body>")
    if position < 0:
        ends = list(BODY_END.finditer(body))
        position = ends[-1].start() if ends else len(body)
    return body[:position] + addition + body[position:]


def unsubscribe_footer(url: str) -> str:
    """Return the link that marketing e-mail gets when its author put none in."""
    return f'<p style="text-align:center;font-size:12px"><a href="{html.escape(url)}">Unsubscribe</a></p>'


def unsubscribe_line(url: str) -> str:
    """Return the footer of a text part."""
    return f"\n\nUnsubscribe: {url}"


def open_pixel(url: str) -> str:
    """Return the picture whose loading counts as an open."""
    return f'<img src="{html.escape(url)}" width="1" height="1" alt="" style="display:block;border:0">'
