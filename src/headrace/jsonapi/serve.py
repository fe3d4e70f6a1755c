"""Answering one request: from the path found to the response sent.

What is here: the order of things (path, method, authentication, revision, scopes, media types, body, query, shape)
and the hooks by which the application takes part in it. What is not: what an operation does (`shapes`) and where its
route stands (`routes`). Every way out of here is a document; an exception that is no problem is a 500 whose id is
logged. Follows reference 7.1-7.4 and 7.8.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.errors import Invalid, PermissionDenied, Problem, Problems
from headrace.ids import IdSource
from headrace.jsonapi.bodies import Model
from headrace.jsonapi.context import JSON_API, Context, fill
from headrace.jsonapi.document import encode
from headrace.jsonapi.forms import read_form
from headrace.jsonapi.headers import QuickRequest
from headrace.jsonapi.operation import Call, Operation, Reply
from headrace.jsonapi.problems import (
    error_document,
    from_validation,
    in_the_log,
    log_refusal,
    nothing_at,
    problems_of,
    unexpected,
    wrong_method,
)
from headrace.jsonapi.query import Pairs, Query, asks_nothing, parse_query
from headrace.jsonapi.reading import check_accept, check_content_type, parse_json, read_body
from headrace.jsonapi.resource import Resources
from headrace.jsonapi.sharing import Sharing
from headrace.jsonapi.tree import Match, Node, find

MAX_PARAMETERS = 200
MAX_QUERY = 60_000
"""Bytes of a query string. Our choice, as the number of parameters: a filter by a page of ids fits many times."""
NO_QUERY = Query()


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a request says, before it is checked: path parameters, query pairs in order, and the parsed body.

    `ready` is a body that `Operation.read` has read and checked already; then there is no other.
    """

    path: Mapping[str, str]
    pairs: Pairs
    body: Any = None
    ready: Any = None


Authenticate = Callable[[Request, Operation], Awaitable[Context[Any]]]
Look = Callable[[Context[Any], Operation], tuple[Operation, Resources]]
Up = Callable[[Context[Any], Operation, Incoming], Incoming]
Down = Callable[[Context[Any], Operation, Reply], Reply]
Meet = Callable[[Context[Any], Operation], Awaitable[None]]
Explain = Callable[[Exception], Problem | None]
Share = Callable[[Context[Any]], Hashable | None]


def unchanged_request(_: Context[Any], __: Operation, incoming: Incoming) -> Incoming:
    """Return the request as it is: the `up` of the newest revision."""
    return incoming


def unchanged_reply(_: Context[Any], __: Operation, reply: Reply) -> Reply:
    """Return the reply as it is: the `down` of the newest revision."""
    return reply


async def nothing_met(_: Context[Any], __: Operation) -> None:
    """Let the request go on."""


def unexplained(_: Exception) -> Problem | None:
    """Return None: an exception that is no problem is a bug."""
    return None


def nothing_shared(_: Context[Any]) -> None:
    """Let every request have an answer of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Hooks:
    """Where the application takes part.

    `authenticate` returns the caller, or raises a problem (401, 403, 410, 429). `look` returns the operation's row and
    all resources as the caller's revision knows them. `up` brings a request of that revision to the newest, `down`
    takes an answer back; both run after `look`, for successful answers only. `meet` may refuse or delay a request whose
    caller is known. `explain` says which exceptions are no bugs, such as a database that is away. `share` returns what
    two callers must have in common to be shown the same, None for one whose answers are nobody else's.
    """

    authenticate: Authenticate
    look: Look
    ids: IdSource
    up: Up = unchanged_request
    down: Down = unchanged_reply
    meet: Meet = nothing_met
    explain: Explain = unexplained
    share: Share = nothing_shared


class Endpoint:
    """The ASGI application behind one tree of operations."""

    __slots__ = ("_hooks", "_sharing", "_tree")

    def __init__(self, tree: Node, hooks: Hooks) -> None:
        self._tree = tree
        self._hooks = hooks
        self._sharing: Sharing[Reply] = Sharing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        request = QuickRequest(scope, receive)
        response = await self._answer(request)
        if request.method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match = find(self._tree, raw_path(request.scope))
        method = "GET" if request.method == "HEAD" else request.method
        if match is None:
            return self._refusal(request, [nothing_at(request.method, request.url.path)])
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": match.allow})
        if method not in match.operations:
            response = self._refusal(request, [wrong_method(request.method)])
            response.headers["Allow"] = match.allow
            return response
        return await self._carry_out(request, match, match.operations[method])

    async def _carry_out(self, request: Request, match: Match, operation: Operation) -> Response:
        ctx: Context[Any] | None = None
        try:
            ctx = await self._hooks.authenticate(request, operation)
            return response_of(await self._reply(request, match, operation, ctx), ctx)
        except (Problem, Problems) as error:
            return self._refusal(request, problems_of(error), ctx, operation)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            return self._trouble(request, error, ctx, operation)

    def _trouble(self, request: Request, error: Exception, ctx: Context[Any] | None, operation: Operation) -> Response:
        problem = self._hooks.explain(error)
        if problem is not None:
            return self._refusal(request, [problem], ctx, operation)
        document = unexpected(error, self._hooks.ids, _told(request, ctx, operation))
        return _response(500, document, ctx, {})

    async def _reply(self, request: Request, match: Match, operation: Operation, ctx: Context[Any]) -> Reply:
        await self._hooks.meet(ctx, operation)
        operation, resources = self._hooks.look(ctx, operation)
        check_accept(request.headers.get("accept"))
        check_revision(ctx, operation)
        check_scopes(ctx, operation)
        incoming = await _incoming(request, match, operation, ctx)
        if incoming.ready is None:
            incoming = self._hooks.up(ctx, operation, incoming)
        call = make_call(ctx, operation, resources, incoming)
        caller = self._hooks.share(ctx) if operation.method == "GET" else None
        if caller is None:
            return await self._worked_out(call)
        key = (caller, operation.id, raw_path(request.scope), request.scope.get("query_string"))
        return await self._sharing.answer(key, lambda: self._written_out(call))

    async def _worked_out(self, call: Call[Any, Any]) -> Reply:
        return self._hooks.down(call.ctx, call.operation, await call.operation.shape(call))

    async def _written_out(self, call: Call[Any, Any]) -> Reply:
        """Return the reply with its document written, so that all who share it share that work, too."""
        reply = await self._worked_out(call)
        if reply.document is None:
            return reply
        return replace(reply, content=encode(reply.document), media_type=reply.media_type or call.ctx.media_type)

    def _refusal(
        self,
        request: Request,
        problems: list[Problem],
        ctx: Context[Any] | None = None,
        operation: Operation | None = None,
    ) -> Response:
        return refusal(problems, self._hooks.ids, ctx, _told(request, ctx, operation))


def _told(request: Request, ctx: Context[Any] | None, operation: Operation | None) -> str:
    return in_the_log(request.method, raw_path(request.scope), ctx, operation.id if operation else "-")


def raw_path(scope: Scope) -> bytes:
    """Return the percent-encoded path, without what the application itself is mounted under."""
    raw: bytes = scope.get("raw_path") or scope["path"].replace("%", "%25").encode()
    return raw.removeprefix(scope.get("app_root_path", "").encode())


def check_revision(ctx: Context[Any], operation: Operation) -> None:
    """Raise `Invalid` when the caller's revision does not have the operation. Source: reference 7.2."""
    if operation.since is not None and ctx.revision < operation.since:
        raise Invalid(
            f'The revision "{ctx.revision}" precedes {operation.since}, the earliest that has {operation.id}.',
            parameter="revision",
        )
    if operation.until is not None and ctx.revision >= operation.until:
        raise Invalid(
            f'The revision "{ctx.revision}" no longer has {operation.id}, which ended with {operation.until}.',
            parameter="revision",
        )


def check_scopes(ctx: Context[Any], operation: Operation) -> None:
    """Raise `PermissionDenied` naming the scopes that the key lacks."""
    lacking = [one for one in operation.scopes if one not in ctx.scopes]
    if lacking:
        raise PermissionDenied(f"The API key lacks the scope {' and '.join(lacking)}, which {operation.id} needs.")


def query_pairs(request: Request) -> Pairs:
    """Return the query string's decoded pairs.

    Raises `Invalid` for invalid UTF-8, more than 60,000 bytes or more than 200 pairs.
    """
    raw: bytes = request.scope.get("query_string", b"")
    if not raw:
        return ()
    if len(raw) > MAX_QUERY:
        raise Invalid(f"The query string has {len(raw)} bytes; at most {MAX_QUERY} are allowed.", parameter="query")
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError as error:
        raise Invalid(f"The query string is not valid UTF-8: {error.reason}.", parameter="query") from None
    except ValueError:
        raise Invalid(f"The query string has more than {MAX_PARAMETERS} parameters.", parameter="query") from None


async def _incoming(request: Request, match: Match, operation: Operation, ctx: Context[Any]) -> Incoming:
    pairs = query_pairs(request)
    if operation.body is None:
        return Incoming(match.path, pairs)
    if operation.form:
        return Incoming(match.path, pairs, await read_form(request, operation.max_body))
    check_content_type(request.headers.get("content-type"))
    declared, waits = request.headers.get("content-length"), "expect" in request.headers
    raw = await read_body(request.stream(), operation.max_body, declared, waits=waits)
    ready = operation.read(ctx, raw) if operation.read is not None else None
    return Incoming(match.path, pairs, None if ready is not None else parse_json(raw), ready)


def make_call(ctx: Context[Any], operation: Operation, resources: Resources, incoming: Incoming) -> Call[Any, Any]:
    """Return the checked request; raises `Problems` with the mistakes of its query string and its body together."""
    problems: list[Problem] = []
    query = body = None
    try:
        query = _query(ctx, operation, resources, incoming)
    except Problems as error:
        problems += error.problems
    try:
        body = incoming.ready
        if body is None and operation.body is not None:
            body = operation.body.model_validate(incoming.body)
    except ValidationError as error:
        problems += from_validation(error, incoming.body).problems
    if problems or query is None:
        raise Problems(problems + _deeper(operation, incoming))
    return Call(ctx, operation, resources, incoming.path, query, body)


def _deeper(operation: Operation, incoming: Incoming) -> list[Problem]:
    model = operation.body
    return model.deeper(incoming.body) if model is not None and issubclass(model, Model) else []


def _query(ctx: Context[Any], operation: Operation, resources: Resources, incoming: Incoming) -> Query:
    if asks_nothing(operation, incoming.pairs):
        return NO_QUERY
    path = fill(operation.path, incoming.path)
    return parse_query(operation, resources, incoming.pairs, path=path, now=ctx.now)


def refusal(problems: list[Problem], ids: IdSource, ctx: Context[Any] | None = None, told: str = "-") -> Response:
    """Return the response that reports problems and log its ids, `told` being the request as the log names it.

    The first problem decides the status and, if it knows, when to try again.
    """
    status, retry = problems[0].status, problems[0].meta.get("retry_after")
    document = error_document(problems, ids)
    log_refusal(status, document, told)
    return _response(status, document, ctx, {} if retry is None else {"Retry-After": str(retry)})


def response_of(reply: Reply, ctx: Context[Any]) -> Response:
    """Return a reply as a response."""
    if reply.content is not None:
        headers = {**ctx.headers, **reply.headers}
        return Response(reply.content, reply.status, headers, media_type=reply.media_type)
    return _response(reply.status, reply.document, ctx, reply.headers, reply.media_type)


def _response(
    status: int,
    document: Any,
    ctx: Context[Any] | None,
    headers: Mapping[str, str],
    media_type: str | None = None,
) -> Response:
    shown = dict(headers) if ctx is None or status == 429 else {**ctx.headers, **headers}
    if document is None:
        return Response(status_code=status, headers=shown)
    chosen = media_type or (ctx.media_type if ctx else JSON_API)
    return Response(encode(document), status, shown, media_type=chosen)
