"""What operations answer when something is wrong, as our OpenAPI document states it.

What is here: the error document, and which statuses an operation may have. What is not: when each is given, which
`headrace.errors` and those who raise it say. Follows reference 7.2.
"""

from __future__ import annotations

from headrace import errors
from headrace.errors import Problem
from headrace.jsonapi.openapi_parameters import path_names
from headrace.jsonapi.openapi_schemas import Schema, reference
from headrace.jsonapi.operation import Operation

ERRORS = "Errors"
ERROR = "ErrorObject"
_FAILED = 500
_RETRY: Schema = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}

ALWAYS: tuple[type[Problem], ...] = (
    errors.Invalid,
    errors.NotAuthenticated,
    errors.PermissionDenied,
    errors.NotAcceptable,
    errors.Throttled,
    errors.Unavailable,
)
OF_BODIES: tuple[type[Problem], ...] = (errors.TooLarge, errors.UnsupportedMediaType)
OF_NAMES: tuple[type[Problem], ...] = (errors.NotFound,)
OF_WRITES: tuple[type[Problem], ...] = (errors.Conflict,)
OF_REVISIONS: tuple[type[Problem], ...] = (errors.Gone,)


def error_responses(row: Operation, *, revision_required: bool) -> Schema:
    """Return the references to the error answers that an operation may give, by status."""
    kinds = [*ALWAYS]
    kinds += OF_NAMES if path_names(row.path) or row.body is not None else ()
    kinds += OF_WRITES if row.method != "GET" else ()
    kinds += OF_REVISIONS if revision_required else ()
    kinds += OF_BODIES if row.body is not None else ()
    found = {one.status: one.__name__ for one in kinds} | {_FAILED: "Failed"}
    return {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in sorted(found.items())}


def error_components(media_type: str) -> Schema:
    """Return the error answers by their components' names."""
    every = (*ALWAYS, *OF_BODIES, *OF_NAMES, *OF_WRITES, *OF_REVISIONS)
    content = {media_type: {"schema": reference(ERRORS)}}
    found: Schema = {one.__name__: {"description": _lines(one), "content": content} for one in every}
    found["Throttled"]["headers"] = _RETRY
    return {**found, "Failed": {"description": "A mistake of ours; the log tells more.", "content": content}}


def _lines(kind: type[Problem]) -> str:
    return (kind.__doc__ or kind.title).strip().split("\n", 1)[0]


def error_schemas() -> Schema:
    """Return the schemas of an error document and of an error. Source: reference 7.2."""
    text: Schema = {"type": "string"}
    properties = {
        "id": text,
        "status": {"type": "integer"},
        "code": text,
        "title": text,
        "detail": text,
        "source": {"type": "object", "properties": {"pointer": text, "parameter": text}},
        "links": {"type": "object"},
        "meta": {"type": "object"},
    }
    required = ["id", "status", "code", "title", "detail", "source"]
    one: Schema = {"type": "object", "properties": properties, "required": required}
    many: Schema = {"type": "array", "items": reference(ERROR)}
    return {ERROR: one, ERRORS: {"type": "object", "properties": {"errors": many}, "required": ["errors"]}}
