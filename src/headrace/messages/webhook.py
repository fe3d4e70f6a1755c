"""Webhooks: address, headers and body with a person's and an event's values.

What is here: what is posted where. What is not: posting it (`channels.webhook`), whether its address may be called.
Source: reference 2 (send-webhook: JSON, by POST).

Our choice: a value inside a JSON string is escaped, so that whatever a person is called leaves the JSON whole; a body
that is no JSON all the same is not sent, unless a Content-Type of its own says that it need not be.

Our choice: a webhook without a body sends an empty object, and headers that belong to the connection are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from headrace.messages.desk import Desk, make_desk
from headrace.messages.json_text import escaping
from headrace.messages.links import in_ascii
from headrace.messages.rendered import (
    UNABLE_TO_SEND_WEBHOOK,
    RenderedWebhook,
    RenderFailed,
    RenderRequest,
    Workshop,
)
from headrace.model.web_address import is_web_address
from headrace.templates import TemplateProblem

JSON = "application/json"
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name. Source: RFC 9110 section 5.1."""
OF_THE_CONNECTION = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


def render_webhook(request: RenderRequest, workshop: Workshop) -> RenderedWebhook | RenderFailed:
    """Return a webhook, or why there is none: an address, header or body that cannot be sent."""
    try:
        made = _webhook(make_desk(request, workshop))
    except TemplateProblem as problem:
        made = str(problem)
    if isinstance(made, str):
        return RenderFailed(UNABLE_TO_SEND_WEBHOOK, f"message {request.ids.message_id}: {made}")
    return made


def _webhook(desk: Desk) -> RenderedWebhook | str:
    """Return the webhook, or what is wrong with it."""
    url = desk.line("url").replace(" ", "%20")
    if not is_web_address(url):
        return f"{url[:200]!r} is no web address"
    headers = _headers(desk, desk.request.message.get("headers") or {})
    if isinstance(headers, str):
        return headers
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    body = _body(desk, is_json=not kind or "json" in kind.lower())
    if body is None:
        return "the body is no JSON"
    return RenderedWebhook(in_ascii(url), (*headers, *((("Content-Type", JSON),) if not kind else ())), body)


def _headers(desk: Desk, given: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | str:
    """Return the headers that are the author's to set, or what is wrong with one."""
    made = []
    for name, source in given.items():
        if not HEADER.fullmatch(name):
            return f"{name[:80]!r} cannot be the name of a header"
        value = desk.one_line("" if source is None else str(source))
        if not value.isascii():
            return f"the header {name} is {value[:80]!r}; headers hold ASCII only"
        if name.lower() not in OF_THE_CONNECTION:
            made.append((name, value))
    return tuple(made)


def _body(desk: Desk, *, is_json: bool) -> str | None:
    """Return the body, None where it should be JSON and is not."""
    source = str(desk.request.message.get("body") or "")
    if not is_json:
        return desk.text(source)
    text = desk.text(desk.workshop.cache.get(("json", source), lambda: escaping(source))).strip()
    try:
        orjson.loads(text or "{}")
    except ValueError:
        return None
    return text or "{}"
