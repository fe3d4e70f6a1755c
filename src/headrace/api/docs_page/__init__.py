"""The pages at `/docs`: what the API has, made from our own description and from nothing else.

What is here: the routes. What is not: the HTML (`pages`, `operation`, `schema`), looks and behavior (`page.css`,
`page.js`, which the pages do without where scripts are off). Nothing is loaded from elsewhere, so that the pages work
on a machine without a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from headrace.api.docs_page.pages import index_page, operation_page, schema_page
from headrace.api.openapi_route import Descriptions
from headrace.api.pages import SAFE
from headrace.api.revisions import NEWEST
from headrace.errors import NotFound

HEADERS: Mapping[str, str] = {
    **SAFE,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-cache",
}
PARTS = {"page.css": "text/css", "page.js": "text/javascript"}

Make = Callable[[Any, Request], str]


def docs_routes(descriptions: Descriptions) -> Sequence[Route]:
    """Return the routes of the pages; the query parameter `revision` asks for another than the newest."""

    def route(path: str, make: Make) -> Route:
        async def show(request: Request) -> Response:
            document = await descriptions.found(request.query_params.get("revision") or NEWEST)
            return HTMLResponse(make(document, request), headers=dict(HEADERS))

        return Route(path, show)

    return [
        *(_part(name, media_type) for name, media_type in PARTS.items()),
        route("/docs", _index),
        route("/docs/schemas/{name}", _schema),
        route("/docs/{operation}", _operation),
    ]


def _part(name: str, media_type: str) -> Route:
    content = files(__package__).joinpath(name).read_bytes()

    async def show(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=dict(HEADERS))

    return Route(f"/docs/{name}", show)


def _index(document: Any, request: Request) -> str:
    return index_page(document, request.query_params.get("q", "")[:200])


def _operation(document: Any, request: Request) -> str:
    return _found(operation_page(document, request.path_params["operation"], _base_url(request)), "operation")


def _schema(document: Any, request: Request) -> str:
    return _found(schema_page(document, request.path_params["name"]), "schema")


def _found(page: str | None, what: str) -> str:
    if page is None:
        raise NotFound(f"The description has no {what} of this name.")
    return page


def _base_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
