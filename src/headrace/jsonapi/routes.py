"""Operations as Starlette routes.

What is here: one Mount per first path segment, the checks of the rows before anything is served, and the handlers for
what happens outside the Mounts. What is not: answering a request (`serve`). Follows DESIGN section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from headrace.errors import Problem, Problems
from headrace.ids import IdSource
from headrace.jsonapi.clauses import understood
from headrace.jsonapi.context import JSON_API
from headrace.jsonapi.document import encode
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.problems import from_http, in_the_log, problems_of, unexpected
from headrace.jsonapi.resource import Resources
from headrace.jsonapi.serve import Endpoint, Hooks, raw_path, refusal
from headrace.jsonapi.tree import build_tree

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def routes(operations: Iterable[Operation], hooks: Hooks) -> list[Mount]:
    """Return one Mount per first path segment, to be given to a Starlette application with `redirect_slashes` off."""

    def first(operation: Operation) -> str:
        return operation.path.strip("/").split("/", 1)[0]

    grouped = groupby(sorted(operations, key=first), key=first)
    return [Mount(f"/{segment}", app=Endpoint(build_tree(rows), hooks)) for segment, rows in grouped]


def exception_handlers(ids: IdSource) -> Mapping[Any, Callable[[Request, Any], Response]]:
    """Return Starlette's handlers for what is raised outside the Mounts, so that it too is an error document."""

    def on_http(request: Request, error: HTTPException) -> Response:
        response = refusal([from_http(error, request.method, request.url.path)], ids, told=_told(request))
        response.headers.update(error.headers or {})
        return response

    def on_problem(request: Request, error: Problem | Problems) -> Response:
        return refusal(problems_of(error), ids, told=_told(request))

    def on_bug(request: Request, error: Exception) -> Response:
        return Response(encode(unexpected(error, ids, _told(request))), 500, media_type=JSON_API)

    return {HTTPException: on_http, Problem: on_problem, Problems: on_problem, Exception: on_bug}


def _told(request: Request) -> str:
    return in_the_log(request.method, raw_path(request.scope), None)


def check_operations(operations: Iterable[Operation], resources: Resources) -> None:
    """Raise `ValueError` naming every contradiction within the rows; called when an application is made."""
    rows = list(operations)
    build_tree(rows)
    mistakes = [f"{row.id}: {mistake}" for row in rows for mistake in _mistakes(row, resources)]
    ids = [row.id for row in rows]
    mistakes += [f"{one}: the id is stated twice" for one in sorted({one for one in ids if ids.count(one) > 1})]
    if mistakes:
        raise ValueError("; ".join(mistakes))


def _mistakes(row: Operation, resources: Resources) -> list[str]:
    found = [] if row.method in METHODS else [f"{row.method} is not a method"]
    found += [f"sparse type {one} is not a resource" for one in row.sparse if one not in resources]
    found += [f"additional type {one} is not a resource" for one in row.additional if one not in resources]
    found += [f"include alias {one} leads nowhere" for one in row.include_aliases.values() if one not in row.includes]
    found += [
        f"filter {name} cannot become SQL" for name, rule in row.filters.items() if row.table and not understood(rule)
    ]
    if row.default_sort is not None and row.default_sort.removeprefix("-") not in row.sorts:
        found.append(f"default sort {row.default_sort} is not a sort key")
    return found + _relationship_mistakes(row, resources)


def _relationship_mistakes(row: Operation, resources: Resources) -> list[str]:
    found: list[str] = []
    known = {} if row.resource is None else {one.name: one for one in row.resource.relationships}
    for name in (*row.includes, *row.linkage):
        if name not in known:
            found.append(f"{name} is not a relationship of its resource")
        elif known[name].type not in resources:
            found.append(f"relationship {name} leads to {known[name].type}, which is not a resource")
        elif row.table is None or name not in row.table.loaders:
            found.append(f"relationship {name} has no loader")
    return found
