"""The few plain HTML pages that Headrace serves before it has a web app: one frame, no scripts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1d2330;"
    "background:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;"
    "border-bottom:1px solid #d8dce5}button{font:inherit;padding:.5rem 1rem}iframe{width:100%;height:70vh;"
    "border:1px solid #d8dce5}pre{white-space:pre-wrap}@media(prefers-color-scheme:dark){body{color:#e8ebf2;"
    "background:#14171f}a{color:#8ab4ff}}"
)

SAFE: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

FOREIGN: Mapping[str, str] = {
    **SAFE,
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; "
        "style-src 'unsafe-inline' *; font-src * data:; media-src *; form-action 'none'; base-uri 'none'"
    ),
}
"""For HTML that somebody else wrote: it runs no scripts and, being sandboxed, is of no origin."""


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """Return a page; `body` is HTML, everything foreign in it escaped already."""
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(html, status, dict(SAFE))


def notice(title: str, text: str, status: int = 200) -> HTMLResponse:
    """Return a page of one sentence."""
    return page(title, f"<p>{escape(text)}</p>", status)


def foreign(html: str) -> HTMLResponse:
    """Return somebody else's HTML, disarmed."""
    return HTMLResponse(html, headers=dict(FOREIGN))
