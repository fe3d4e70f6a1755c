"""`/healthz` tells that the process answers, `/readyz` that it also reaches its database. Neither needs a key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from headrace.api.state import Services

PATIENCE = 2.0
"""Seconds that the database has to answer."""


def health_routes(services: Services) -> Sequence[Route]:
    """Return the two routes."""

    async def alive(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> JSONResponse:
        try:
            async with asyncio.timeout(PATIENCE):
                await services.database.fetch_value("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            detail = f"the database does not answer: {type(error).__name__}"
            return JSONResponse({"status": "unavailable", "detail": detail}, 503)
        return JSONResponse({"status": "ok"})

    return [Route("/healthz", alive), Route("/readyz", ready)]
