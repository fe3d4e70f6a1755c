"""The way of a request of the API past what only pages need.

What is here: `Front`, which stands before the application in a served process. What is not: answering. The endpoint of
`/api` tells of every mistake and every bug by itself, and has no need of the middleware and the routing by which pages
and `/client` are served; going around them is a tenth of the time of a single event.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from headrace.jsonapi.serve import Endpoint

API = "/api"


class Front:
    """An ASGI application that hands requests below `/api/` to their endpoint, and everything else to the whole."""

    __slots__ = ("_app", "_endpoint")

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._endpoint = next(one.app for one in app.routes if isinstance(one, Mount) and one.path == API)
        if not isinstance(self._endpoint, Endpoint):
            raise TypeError(f"{API} is not served by operations")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the process's life."""
        direct = scope["type"] == "http" and scope["path"].startswith(f"{API}/")
        await (self._endpoint if direct else self._app)(scope, receive, send)
