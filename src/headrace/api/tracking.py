"""What links in messages lead to: the open pixel, clicks, unsubscribing and preferences, confirming, the message in a
browser.

What is here: the routes under `/t/`. What is not: the tokens and addresses (`messages.tokens`, `messages.links`) and
the recording (`tracker`). A click is answered from its token alone, whatever state the database is in. Follows
reference 4.5.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from collections.abc import Awaitable, Sequence
from html import escape
from urllib.parse import parse_qs

import asyncpg
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from headrace.api import confirmation_pages, preference_pages
from headrace.api.pages import foreign, notice, page
from headrace.api.state import Services
from headrace.api.unsubscribing import FlowList, channel_of, is_unsubscribed, leave_list, list_of, unsubscribe
from headrace.ids import bucket_of
from headrace.messages.links import PREFERENCES, follow
from headrace.messages.tokens import Kind as TokenKind
from headrace.messages.tokens import Payload
from headrace.model import Channel
from headrace.storage.aliases import follow_one
from headrace.storage.interactions import Kind
from headrace.storage.tables import inbox_message

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NO_STORE = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer"}
PATIENCE = 2.0
"""Seconds that an answer waits for the recording, which goes on without it."""
CLICK_PATIENCE = 0.5
"""The same for a click: somebody is waiting for a page."""
LIST = "list"
"""The button that unsubscribes from one list."""
LARGEST_FORM = 32_768
DOWN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

_log = logging.getLogger(__name__)


def tracking_routes(services: Services) -> Sequence[Mount]:
    """Return the routes under `/t/`."""
    pages = TrackingPages(services)
    return [
        Mount(
            "/t",
            routes=[
                Route("/o/{token}.gif", pages.opened),
                Route("/c/{token}", pages.clicked),
                Route("/u/{token}", pages.unsubscribe_page),
                Route("/u/{token}", pages.unsubscribed, methods=["POST"]),
                Route("/v/{token}", pages.viewed),
                Route("/s/{token}", pages.confirmation_page),
                Route("/s/{token}", pages.confirmed, methods=["POST"]),
            ],
        )
    ]


class TrackingPages:
    """The handlers of the routes."""

    __slots__ = ("_services",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def opened(self, request: Request) -> Response:
        """Answer the pixel; an open is whatever fetched it."""
        payload = self._payload(request, TokenKind.OPEN)
        if payload is not None and request.method == "GET":
            await self._services.tracker.note(payload, Kind.OPENED, PATIENCE)
        return Response(PIXEL, 404 if payload is None else 200, NO_STORE, media_type="image/gif")

    async def clicked(self, request: Request) -> Response:
        """Send whoever clicked where the token says."""
        destination = follow(self._services.signer, request.path_params["token"])
        if destination is None:
            return notice("This link does not work", "It is incomplete or was changed on its way to you.", 404)
        if request.method == "GET":
            payload = destination.payload
            await self._services.tracker.note(payload, Kind.CLICKED, CLICK_PATIENCE, payload.url)
        return RedirectResponse(destination.location, 302, NO_STORE)

    async def unsubscribe_page(self, request: Request) -> Response:
        """Ask before unsubscribing: mail scanners follow links, too. The other link shows all preferences."""
        payload = self._payload(request, TokenKind.UNSUBSCRIBE)
        if payload is None:
            return _bad_link()
        if PREFERENCES in request.query_params:
            return await _when_up(preference_pages.show(self._services, payload))
        name = escape(await self._sender(payload.account_id))
        others = f'<p><a href="?{PREFERENCES}">Choose what you receive'
        if await self._is_done(payload):
            return page("You are unsubscribed", f"<p>{name} sends you no more of these messages.</p>{others}</a></p>")
        wanted = await self._list(payload)
        from_list = (
            f'<button name="{LIST}" value="{escape(wanted.list_id)}">Only from {escape(wanted.name)}</button> '
            if wanted
            else ""
        )
        words = "From all e-mail" if wanted else "Unsubscribe"
        return page(
            "Unsubscribe",
            f"<p>Stop receiving messages from {name}?</p>"
            f'<form method="post"><p>{from_list}<button name="confirm" value="yes">{words}</button></p></form>'
            f"{others} instead</a></p>",
        )

    async def unsubscribed(self, request: Request) -> Response:
        """Unsubscribe: from the page's button, or from the mail program's own by one click (RFC 8058)."""
        payload = self._payload(request, TokenKind.UNSUBSCRIBE)
        if payload is None:
            return _bad_link()
        body = await _small_body(request)
        if PREFERENCES in request.query_params:
            answers = preference_pages.Answers.of(parse_qs(body.decode(errors="replace")))
            return await _when_up(preference_pages.save(self._services, payload, answers))
        return await _when_up(self._unsubscribe(payload, body))

    async def _unsubscribe(self, payload: Payload, body: bytes) -> Response:
        if LIST in parse_qs(body.decode(errors="replace")) and (wanted := await list_of(self._services, payload)):
            await leave_list(self._services, payload, wanted.list_id)
            return notice("You are unsubscribed", f"You will receive no more messages of {wanted.name}.")
        await unsubscribe(self._services, payload, one_click=b"List-Unsubscribe=One-Click" in body)
        return notice("You are unsubscribed", "You will receive no more of these messages.")

    async def confirmation_page(self, request: Request) -> Response:
        """Ask whether somebody wants the subscription that their mail is about."""
        payload = self._payload(request, TokenKind.CONFIRM)
        return _bad_link() if payload is None else await _when_up(confirmation_pages.ask(self._services, payload))

    async def confirmed(self, request: Request) -> Response:
        """Confirm a subscription."""
        payload = self._payload(request, TokenKind.CONFIRM)
        if payload is None:
            return _bad_link()
        form = parse_qs((await _small_body(request)).decode(errors="replace"))
        return await _when_up(confirmation_pages.confirmed(self._services, payload, form))

    async def viewed(self, request: Request) -> Response:
        """Show a message that the inbox kept."""
        payload = self._payload(request, TokenKind.VIEW)
        html = None if payload is None else await self._html(payload)
        if html is None:
            return notice("This message cannot be shown", "It is not kept here any more.", 404)
        return foreign(html)

    def _payload(self, request: Request, kind: TokenKind) -> Payload | None:
        payload = self._services.signer.read(request.path_params["token"])
        return payload if payload is not None and payload.kind is kind else None

    async def _sender(self, account_id: str) -> str:
        query = "SELECT coalesce(nullif(organization->>'name', ''), name) FROM account WHERE account_id = $1"
        try:
            async with asyncio.timeout(PATIENCE):
                return str(await self._services.database.fetch_value(query, account_id) or "this sender")
        except DOWN:
            return "this sender"

    async def _is_done(self, payload: Payload) -> bool:
        """Return whether the person has unsubscribed already; without a database, the page asks."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await is_unsubscribed(self._services, payload)
        except DOWN:
            return False

    async def _list(self, payload: Payload) -> FlowList | None:
        """Return the list that an e-mail's flow begins with; without a database, the page offers none."""
        try:
            async with asyncio.timeout(PATIENCE):
                if not payload.flow_id or await channel_of(self._services, payload) is not Channel.EMAIL:
                    return None
                return await list_of(self._services, payload)
        except DOWN:
            return None

    async def _html(self, payload: Payload) -> str | None:
        kept = inbox_message.c
        profile_id = await follow_one(self._services.database, payload.account_id, payload.profile_id)
        statement = select(kept.html).where(
            kept.bucket == bucket_of(profile_id),
            kept.account_id == payload.account_id,
            kept.delivery_id == payload.delivery_id,
        )
        html: str | None = await self._services.database.fetch_value(statement)
        return html


def _bad_link() -> Response:
    return notice("This link does not work", "It is incomplete or was changed on its way to you.", 404)


async def _when_up(answer: Awaitable[Response]) -> Response:
    """Return an answer, or ask to try again where the database is away."""
    try:
        return await answer
    except DOWN:
        _log.exception("a request of a person could not be answered")
        return notice("Please try again", "Your request could not be saved just now. Try again in a minute.", 503)


async def _small_body(request: Request, limit: int = LARGEST_FORM) -> bytes:
    """Return the beginning of a body; more than that is never a form of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            break
    return body[:limit]
