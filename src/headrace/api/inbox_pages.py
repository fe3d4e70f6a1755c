"""The inbox as plain pages: what was sent, as the people saw it, behind a link that opens once.

What is here: `/t/p/<token>`, which spends the link and leaves a cookie, and the pages under `/inbox`. What is not: the
JSON of the same messages (`resources.headrace_messages`). A mail's HTML is shown in a frame that runs no scripts and is
of no origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from html import escape
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Select, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from headrace.api.commands.inbox import PURPOSE
from headrace.api.pages import foreign, notice, page
from headrace.api.state import Services
from headrace.ids import BUCKETS
from headrace.messages.tokens import Kind, Payload
from headrace.model import Channel
from headrace.storage.database import Row
from headrace.storage.one_time_links import spend_link
from headrace.storage.tables import inbox_message

COOKIE = "headrace_inbox"
SESSION = "inbox session"
"""What tells the token in the cookie from the one in a link."""
SESSION_LENGTH = timedelta(hours=12)
SHOWN = 100
"""Messages of one page."""
LARGEST = 2**63 - 1


def inbox_routes(services: Services) -> Sequence[BaseRoute]:
    """Return the routes; that of the link comes before the other routes under `/t/`."""
    pages = InboxPages(services)
    return [
        Route("/t/p/{token}", pages.enter),
        Route("/inbox", pages.messages),
        Route("/inbox/{id}", pages.message),
        Route("/inbox/{id}/html", pages.html),
    ]


class InboxPages:
    """The handlers of the routes."""

    __slots__ = ("_services",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def enter(self, request: Request) -> Response:
        """Spend a link, leave a cookie and show the inbox."""
        services, token = self._services, request.path_params["token"]
        payload = services.signer.read(token)
        if payload is None or payload.kind is not Kind.PAGE or payload.url:
            return _not_allowed()
        now = services.system_clock.now()
        account_id = await spend_link(services.database, token, PURPOSE, now)
        if account_id is None:
            return _not_allowed()
        expires_at = int((now + SESSION_LENGTH).timestamp())
        session = services.signer.sign(Payload(Kind.PAGE, account_id, url=SESSION, expires_at=expires_at))
        response = RedirectResponse("/inbox", 303, {"Cache-Control": "no-store"})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, session, path="/inbox", httponly=True, samesite="lax", secure=secure)
        return response

    async def messages(self, request: Request) -> Response:
        """List the newest messages, or those before a number."""
        account_id = self._account(request)
        if account_id is None:
            return _not_allowed()
        kept, text = inbox_message.c, request.query_params.get("before", "")
        before = min(int(text), LARGEST) if text.isascii() and text.isdigit() and len(text) < 20 else LARGEST
        statement = (
            select(kept.delivery_id, kept.number, kept.channel, kept.recipient, kept.subject, kept.text, kept.sent_at)
            .where(kept.account_id == account_id, kept.number < before)
            .order_by(kept.number.desc())
            .limit(SHOWN)
        )
        return page("Inbox", _table(await self._services.database.fetch(statement)))

    async def message(self, request: Request) -> Response:
        """Show one message with its headers, text and, in a frame, its HTML."""
        row = await self._row(request)
        return _no_message() if row is None else page(row["subject"] or "Message", _details(row))

    async def html(self, request: Request) -> Response:
        """Return the HTML of a message, for the frame; its links open outside of it."""
        row = await self._row(request)
        if row is None or row["html"] is None:
            return _no_message()
        return foreign(f'<base target="_blank">{row["html"]}')

    def _account(self, request: Request) -> str | None:
        payload = self._services.signer.read(request.cookies.get(COOKIE, ""))
        if payload is None or payload.kind is not Kind.PAGE or payload.url != SESSION:
            return None
        return None if payload.expired(self._services.system_clock.now()) else payload.account_id

    async def _row(self, request: Request) -> Row | None:
        account_id = self._account(request)
        try:
            delivery_id = UUID(request.path_params["id"])
        except ValueError:
            return None
        if account_id is None:
            return None
        return await self._services.database.fetch_row(_one(account_id, delivery_id))


def _one(account_id: str, delivery_id: UUID) -> Select[Any]:
    kept = inbox_message.c
    return select(inbox_message).where(
        kept.bucket.in_(range(BUCKETS)), kept.account_id == account_id, kept.delivery_id == delivery_id
    )


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "<p>No messages here.</p>"
    lines = "".join(
        f"<tr><td>{row['sent_at']:%Y-%m-%d %H:%M:%S}</td><td>{_channel(row)}</td><td>{escape(row['recipient'])}</td>"
        f'<td><a href="/inbox/{row["delivery_id"]}">{escape(_title(row))}</a></td></tr>'
        for row in rows
    )
    older = f'<p><a href="/inbox?before={rows[-1]["number"]}">Older</a></p>' if len(rows) == SHOWN else ""
    return f"<table><tr><th>Sent (UTC)</th><th>Channel</th><th>To</th><th>Subject</th></tr>{lines}</table>{older}"


def _details(row: Row) -> str:
    shown = {"Sent (UTC)": f"{row['sent_at']:%Y-%m-%d %H:%M:%S}", "Channel": _channel(row), "To": row["recipient"]}
    lines = "".join(
        f"<tr><th>{escape(name)}</th><td>{_value(value)}</td></tr>"
        for name, value in {**shown, **row["headers"]}.items()
    )
    frame = (
        f'<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="/inbox/{row["delivery_id"]}/html">'
        "</iframe>"
        if row["html"]
        else ""
    )
    text = f"<h2>{_words(row)}</h2><pre>{escape(_body(row))}</pre>" if row["text"] else ""
    return f'<p><a href="/inbox">All messages</a></p><table>{lines}</table>{frame}{text}'


def _value(value: Any) -> str:
    """Return a field as HTML: lists line by line, what has parts as JSON."""
    if isinstance(value, list):
        return "<br>".join(_value(one) for one in value)
    if isinstance(value, dict):
        return f"<pre>{escape(_indented(value))}</pre>"
    return ("yes" if value else "no") if isinstance(value, bool) else escape(str(value))


def _words(row: Row) -> str:
    return "Body" if row["channel"] == Channel.WEBHOOK else "Text"


def _body(row: Row) -> str:
    """Return a message's text; the JSON of a webhook is laid out for reading."""
    text: str = row["text"]
    if row["channel"] == Channel.WEBHOOK:
        try:
            return _indented(orjson.loads(text))
        except ValueError:
            return text
    return text


def _indented(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _title(row: Row) -> str:
    text = row["subject"] or row["text"] or "(nothing)"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _channel(row: Row) -> str:
    return Channel(row["channel"]).send_channel


def _not_allowed() -> Response:
    return notice(
        "This page needs a link",
        "The link is unknown, expired or was opened before. "
        "Make a new one by the command `headrace inbox`, or by POST /headrace/inbox-links.",
        403,
    )


def _no_message() -> Response:
    return notice("There is no such message", "It is not kept here, or your visit has ended: open a new link.", 404)
