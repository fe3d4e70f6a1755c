"""The application: every operation behind one door.

What is here: `create_app`, and how a request becomes the context of its caller. What is not: starting a server, which
the command line does. Follows DESIGN section 4.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from typing import cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute

from headrace.api import resources, revisions
from headrace.api.auth import EVERYTHING, Authenticator
from headrace.api.away import explain
from headrace.api.client_door import PublicCallers
from headrace.api.cors import ClientCors
from headrace.api.docs_page import docs_routes
from headrace.api.faults import meet_fault
from headrace.api.health import health_routes
from headrace.api.inbox_pages import inbox_routes
from headrace.api.limits import RateLimiter
from headrace.api.media_pages import media_routes
from headrace.api.openapi_route import Descriptions, openapi_routes
from headrace.api.revisions import FIRST_WITHOUT_SLASH, NEWEST, Revisions, Surface, served_revision
from headrace.api.revisions.changes import CHANGES
from headrace.api.state import Services, State
from headrace.api.tracking import tracking_routes
from headrace.jsonapi.context import EMPTY, JSON, JSON_API, Context, Fetch, LinkStyle
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.routes import check_operations, exception_handlers, routes
from headrace.jsonapi.serve import Hooks
from headrace.storage.keys import Caller

PUBLISHED = "klaviyo"
"""The value of HEADRACE_RATE_LIMITS that applies the published tiers."""
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What a proxy may call a request, so that its log and ours agree."""


@cache
def every_revision() -> Revisions:
    """Return the operations and resources of every revision; worked out once, because tables do not change."""
    surface = Surface.of(resources.OPERATIONS, resources.RESOURCES)
    check_operations(resources.OPERATIONS, surface.resources)
    return Revisions.of(surface, CHANGES)


def create_app(services: Services) -> Starlette:
    """Return the application over its services; it finishes what was handed in when it is shut down."""
    chain = every_revision()
    door = Door(services, resources.OPERATIONS)
    hooks = Hooks(
        authenticate=door.enter,
        look=chain.look,
        ids=services.ids,
        up=chain.up,
        down=chain.down,
        meet=meet_fault,
        explain=explain,
        share=alike,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await services.close()

    descriptions = Descriptions(chain)
    every_route: Sequence[BaseRoute] = [
        *routes(resources.OPERATIONS, hooks),
        *inbox_routes(services),
        *tracking_routes(services),
        *media_routes(services),
        *health_routes(services),
        *openapi_routes(descriptions),
        *docs_routes(descriptions),
    ]
    app = Starlette(
        routes=every_route,
        middleware=[Middleware(ClientCors)],
        exception_handlers=dict(exception_handlers(services.ids)),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def alike(ctx: Context[State]) -> Hashable | None:
    """Return what callers have in common who are shown the same: their key, their revision and how links are written.

    On a clock of its own an account's present moment is part of the question, so that nothing is shared there.
    """
    if ctx.state.account.clock or ctx.state.account.settings.test:
        return None
    return ctx.account_id, ctx.state.key_id, ctx.revision, ctx.links


class Door:
    """Lets callers in: who they are, which revision serves them, and what time it is for them."""

    __slots__ = ("_authenticator", "_every_scope", "_fetch", "_limiter", "_numbers", "_process", "_public", "_services")

    def __init__(self, services: Services, operations: Sequence[Operation]) -> None:
        self._services = services
        self._fetch = cast(Fetch, services.database.fetch)
        self._authenticator = Authenticator(services)
        self._public = PublicCallers(services)
        self._process, self._numbers = services.ids.short(), count(1)
        self._limiter = (
            RateLimiter(services.database, services.system_clock) if services.config.rate_limits == PUBLISHED else None
        )
        self._every_scope = frozenset(scope for one in operations for scope in one.scopes)

    async def enter(self, request: Request, operation: Operation) -> Context[State]:
        """Return the context of a request; raises a problem (400, 401, 410, 429) when it may not go on."""
        headers = request.headers
        caller = await self._caller(request, operation)
        revision = self._revision(request, operation)
        clock = await self._services.clock_of(caller.account)
        asked = request.query_params.multi_items() if self._limiter and operation.costly else ()
        limited = self._limiter and await self._limiter.admit(caller.account.account_id, operation, asked)
        older = revision < FIRST_WITHOUT_SLASH
        return Context(
            state=State(
                self._services,
                caller.account,
                clock,
                caller.key_id,
                "" if operation.public else headers.get("authorization", "").strip()[-4:],
            ),
            account_id=caller.account.account_id,
            fetch=self._fetch,
            request_id=self._request_id(headers.get("x-request-id")),
            scopes=self._scopes(caller, operation),
            revision=revision,
            links=LinkStyle(_base_url(request), trailing_slash=older),
            media_type=JSON if older else JSON_API,
            headers=limited or EMPTY,
            now=clock.now(),
        )

    async def _caller(self, request: Request, operation: Operation) -> Caller:
        if operation.public:
            return await self._public.caller(request, operation)
        return await self._authenticator.caller(request.headers.get("authorization"))

    def _scopes(self, caller: Caller, operation: Operation) -> frozenset[str]:
        if operation.public:
            return frozenset(operation.scopes)
        return self._every_scope if EVERYTHING in caller.scopes else caller.scopes

    def _request_id(self, given: str | None) -> str:
        """Return the id under which the log knows a request.

        Our choice: the one that a proxy gave it, if any; else a name of this process and a number, which costs nothing.
        """
        return given if given and REQUEST_ID.fullmatch(given) else f"{self._process}-{next(self._numbers)}"

    def _revision(self, request: Request, operation: Operation) -> str:
        """Return the revision. Our choice: Headrace's own paths do not need the header and then get the newest."""
        header = request.headers.get(revisions.HEADER)
        if header is None and not operation.path.startswith(("/api/", "/client/")):
            return NEWEST
        opt_out = request.headers.get(revisions.OPT_OUT, "").strip().lower() in ("1", "true")
        return served_revision(header, self._services.system_clock.now().date(), opt_out=opt_out)


def _base_url(request: Request) -> str:
    """Return the address that the caller used, so that links lead back the way they came."""
    host = request.headers.get("host")
    return f"{request.scope['scheme']}://{host}" if host else f"{request.url.scheme}://{request.url.netloc}"
