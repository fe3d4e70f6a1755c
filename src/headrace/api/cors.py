"""What lets browsers call `/client/*` from pages of other sites, and nothing else.

What is here: an ASGI middleware that answers preflight requests and adds the headers of cross-origin sharing to every
answer of `/client/*`, errors among them: a browser hides from the page what lacks them. What is not: who the caller is
(`client_door`). Follows the Fetch standard.

Any origin may call, because a public id says nothing about where it is used, and no answer tells anything about the
account. Credentials are never allowed: nothing here reads a cookie. `/api/*` has no such headers, so that no page can
be made to use a private key.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/client/"
Headers = list[tuple[bytes, bytes]]
ANY_ORIGIN: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"),
]
PREFLIGHT: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"accept, content-type, revision"),
    (b"access-control-max-age", b"86400"),
]
"""The answer to a preflight, which a browser may keep for a day. Our choice: the time, which browsers cut as they like.
"""


class ClientCors:
    """Stands before the application."""

    __slots__ = ("_app",)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer a preflight for `/client/*` at once, and mark every other answer there."""
        if scope["type"] != "http" or not is_client(scope):
            await self._app(scope, receive, send)
        elif is_preflight(scope):
            await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, marking(send))


def is_client(scope: Scope) -> bool:
    """Tell whether a request is for `/client/*`, below whatever the application is mounted under."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).startswith(PREFIX)


def is_preflight(scope: Scope) -> bool:
    """Tell whether a browser asks beforehand whether it may send a request."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def marking(send: Send) -> Send:
    """Return a sender that lets pages of any origin read the answer."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *ANY_ORIGIN]}
        await send(message)

    return marked
