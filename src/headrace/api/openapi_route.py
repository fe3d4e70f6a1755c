"""`/openapi.json`: our own description of the API, made from the rows of a revision. It needs no key.

What is here: the route, and what the description says besides the rows. What is not: making it (`jsonapi.openapi`) and
the page that shows it (`docs_page`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.api.client_door import PARAMETER
from headrace.api.revisions import FIRST_WITHOUT_SLASH, NEWEST, SERVED, Revisions, Surface
from headrace.errors import Invalid
from headrace.jsonapi.context import JSON, JSON_API
from headrace.jsonapi.document import encode
from headrace.jsonapi.openapi import API_KEY, About, Access, openapi_document
from headrace.jsonapi.operation import Operation

TEXT = """The API of Headrace, in one revision. Its grammar is JSON:API: `include`, `fields[...]`, `filter`, `sort` and
`page[...]` mean the same wherever they are offered.

Each operation names the scopes that a key needs (`x-scopes`) and its rate limits (`x-rate-limit`), which hold where the
installation applies them; then every answer carries the headers `RateLimit-Limit`, `RateLimit-Remaining` and
`RateLimit-Reset`."""

SCHEMES: Mapping[str, dict[str, Any]] = {
    "ApiKey": API_KEY,
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same private key, sent as a bearer token."},
    "CompanyId": {
        "type": "apiKey",
        "in": "query",
        "name": PARAMETER,
        "description": "The account's public id, which pages may show to everybody.",
    },
}
NAMED = ("/api/", "/client/")
"""Where the header `revision` is required."""


class Descriptions:
    """The OpenAPI document of each revision, made when it is first asked for."""

    __slots__ = ("_made", "_surfaces")

    def __init__(self, chain: Revisions) -> None:
        self._surfaces = chain.surfaces
        self._made: dict[str, dict[str, Any]] = {}

    def of(self, revision: str) -> dict[str, Any]:
        """Return the document of a revision; raises `Invalid` for one that is not served."""
        if revision not in self._surfaces:
            listed = ", ".join(SERVED)
            raise Invalid(f'The revision is "{revision[:80]}"; it must be one of {listed}.', parameter="revision")
        if revision not in self._made:
            self._made[revision] = describe(self._surfaces[revision], revision)
        return self._made[revision]

    async def found(self, revision: str) -> dict[str, Any]:
        """Return the same, made on another thread, since it takes half a second."""
        return await run_in_threadpool(self.of, revision)


def describe(surface: Surface, revision: str) -> dict[str, Any]:
    """Return the OpenAPI document of what a revision has."""
    rows = [one for one in surface.operations.values() if has(one, revision)]
    about = About(
        "Headrace",
        revision,
        TEXT,
        media_type=JSON if revision < FIRST_WITHOUT_SLASH else JSON_API,
        schemes=SCHEMES,
        access=access,
    )
    return openapi_document(rows, surface.resources, about)


def has(row: Operation, revision: str) -> bool:
    """Return whether a revision has an operation."""
    return (row.since or "") <= revision and (row.until is None or revision < row.until)


def access(row: Operation) -> Access:
    """Return who may call an operation."""
    schemes = ("CompanyId",) if row.public else ("ApiKey", "Bearer")
    return Access(schemes, revision=row.path.startswith(NAMED))


def openapi_routes(descriptions: Descriptions) -> Sequence[Route]:
    """Return the route; the query parameter `revision` asks for another than the newest."""
    encoded: dict[str, bytes] = {}

    async def document(request: Request) -> Response:
        revision = request.query_params.get("revision") or NEWEST
        if revision not in encoded:
            encoded[revision] = encode(await descriptions.found(revision))
        return Response(encoded[revision], media_type=JSON)

    return [Route("/openapi.json", document)]
