"""`/openapi.json`: our own description of the API, made from the rows of the newest revision. It needs no key."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.api.revisions import NEWEST, Surface
from headrace.jsonapi.context import JSON
from headrace.jsonapi.document import encode
from headrace.jsonapi.openapi import openapi_document


def openapi_routes(surface: Surface) -> Sequence[Route]:
    """Return the route; the document is made when it is first asked for."""
    made: list[bytes] = []

    async def document(_: Request) -> Response:
        if not made:
            rows = surface.operations.values()
            made.append(encode(openapi_document(rows, surface.resources, title="Headrace", version=NEWEST)))
        return Response(made[0], media_type=JSON)

    return [Route("/openapi.json", document)]
