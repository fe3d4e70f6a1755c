"""The images of messages, for whoever reads them: `/media/{account}/{name}`.

What is here: the address of an image and its route. What is not: the files (`storage.media`). No key is asked for and
the database is not either: an address holds the SHA-256 of the content, so only who has seen it knows it, and what is
behind it never changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route

from headrace.api.state import Services
from headrace.storage.media import file_name

PATH = "/media"
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def address_of(base_url: str, account_id: str, digest: bytes, kind: str) -> str:
    """Return the address of an image; `base_url` has no slash at its end."""
    return f"{base_url}{PATH}/{quote(account_id, safe='')}/{file_name(digest, kind)}"


def media_routes(services: Services) -> Sequence[Mount]:
    """Return the routes under `/media/`."""
    return [Mount(PATH, routes=[Route("/{account}/{name}", MediaPages(services).image)])]


class MediaPages:
    """The handler of the route."""

    __slots__ = ("_services",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def image(self, request: Request) -> Response:
        """Answer an image, 304 to who has it already, 404 where there is none."""
        account, name = request.path_params["account"], request.path_params["name"]
        path = await asyncio.to_thread(self._services.media.find, account, name)
        if path is None:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        digest, _, kind = name.partition(".")
        headers = {**HEADERS, "ETag": f'"{digest}"'}
        if _has(request.headers.get("if-none-match", ""), digest):
            return Response(status_code=304, headers=headers)
        return FileResponse(path, headers=headers, media_type=f"image/{kind}")


def _has(header: str, digest: str) -> bool:
    """Return whether an If-None-Match header names a content."""
    return any(one.strip().removeprefix("W/") in (f'"{digest}"', "*") for one in header.split(","))
