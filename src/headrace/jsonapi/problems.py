"""Problems as JSON:API error documents, and the mistakes of others (pydantic, Starlette) as problems.

What is here: the error document, and translations into the tree of `headrace.errors`. What is not: raising problems.
Follows reference 7.2 and 7.8: `source` is always an object, ids are strings.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from headrace.errors import (
    Failed,
    Invalid,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    Problem,
    Problems,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
    rule_of,
)
from headrace.ids import IdSource
from headrace.jsonapi.context import Context

_log = logging.getLogger(__name__)

MAX_REPORTED = 50
"""Errors of one document. Our choice: enough to mend a body in one go, and no more work than that."""

_BY_STATUS: Mapping[int, type[Problem]] = {
    400: Invalid,
    401: NotAuthenticated,
    403: PermissionDenied,
    404: NotFound,
    413: TooLarge,
    415: UnsupportedMediaType,
    503: Unavailable,
}


def error_document(problems: Sequence[Problem], ids: IdSource) -> dict[str, Any]:
    """Return the document of one or more problems."""
    return {"errors": [error_object(one, ids.uuid()) for one in problems[:MAX_REPORTED]]}


def error_object(problem: Problem, error_id: str) -> dict[str, Any]:
    """Return one problem as an error object. Source: reference 7.2."""
    source: dict[str, Any] = {}
    if problem.pointer is not None:
        source["pointer"] = problem.pointer
    elif problem.parameter is not None:
        source["parameter"] = problem.parameter
    return {
        "id": error_id,
        "status": problem.status,
        "code": problem.error_code,
        "title": problem.title,
        "detail": problem.detail,
        "source": source,
        "links": {},
        "meta": problem.meta,
    }


def unexpected(error: BaseException, ids: IdSource, told: str) -> dict[str, Any]:
    """Log an exception that is a bug and return the document that tells its id and nothing else.

    `told` names the request: what `in_the_log` returns.
    """
    error_id = ids.uuid()
    _log.error("error %s in %s", error_id, told, exc_info=error)
    detail = f"Something went wrong that is not your doing. The log holds it under the id {error_id}."
    return {"errors": [error_object(Failed(detail), error_id)]}


def log_refusal(status: int, document: Mapping[str, Any], told: str) -> None:
    """Write one line about a request that is refused: its errors by id, code and place, and nothing that it said."""
    if not _log.isEnabledFor(logging.INFO):
        return
    places = (
        f"{one['id']} {one['code']} {_printable(str(next(iter(one['source'].values()), '-')))}"
        for one in document["errors"]
    )
    _log.info("refused %s with %d: %s", told, status, "; ".join(places))


def in_the_log(method: str, path: bytes, ctx: Context[Any] | None, operation: str = "-") -> str:
    """Return a request as the log names it: the percent-encoded path, never its query string, key or body."""
    where = _printable(path[:255].decode("ascii", "backslashreplace"))
    account, request = (ctx.account_id, ctx.request_id) if ctx else ("-", "-")
    return f"{_printable(method[:20])} {where} ({operation}, account {account or '-'}, request {request or '-'})"


def _printable(text: str) -> str:
    """Return a text that cannot break or forge a line of the log."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def problems_of(error: Problem | Problems) -> list[Problem]:
    """Return the problems that an exception holds."""
    return error.problems if isinstance(error, Problems) else [error]


def from_http(error: HTTPException, method: str, path: str) -> Problem:
    """Return a Starlette exception as a problem."""
    if error.status_code == 405:
        return wrong_method(method)
    if error.status_code == 404:
        return nothing_at(method, path)
    return _BY_STATUS.get(error.status_code, Invalid)(error.detail)


def nothing_at(method: str, path: str) -> NotFound:
    """Return the problem of a path that leads nowhere."""
    return NotFound(f'There is nothing for {method} at the path "{path[:255]}".')


def wrong_method(method: str) -> MethodNotAllowed:
    """Return the problem of a method that a path does not have. Source: reference 7.2 (the text)."""
    return MethodNotAllowed(f'Method "{method}" not allowed.')


def from_validation(error: ValidationError, body: Any, prefix: str = "") -> Problems:
    """Return one problem per mistake that pydantic found in `body`, each with a pointer and the value and rule.

    `prefix` is the pointer at which `body` stands in the request. Several mistakes of a union's members at one place
    are all reported.
    """
    return Problems([_mistake(one, body, prefix) for one in error.errors(include_url=False)[:MAX_REPORTED]])


def _mistake(error: ErrorDetails, body: Any, prefix: str) -> Problem:
    parts = _path_in(body, error["loc"], error["type"])
    pointer = prefix + "".join(f"/{_escaped(part)}" for part in parts)
    return Invalid(_sentence(error, parts), pointer=pointer or "/")


def _path_in(body: Any, location: Sequence[int | str], kind: str) -> list[int | str]:
    """Return the part of pydantic's location that exists in the body; tags of unions are not in it."""
    found: list[int | str] = []
    at = body
    last = len(location) - 1
    for index, part in enumerate(location):
        below = _below(at, part)
        if below is not None:
            (at,) = below
        elif index != last or kind not in ("missing", "union_tag_not_found"):
            continue
        found.append(part)
    return found


def _below(value: Any, part: int | str) -> tuple[Any] | None:
    """Return what stands at a key or index, in a tuple, or None when there is no such key or index."""
    if isinstance(value, Mapping):
        return (value[part],) if part in value else None
    inside = isinstance(value, list) and isinstance(part, int) and part < len(value)
    return (value[part],) if inside else None


def _sentence(error: ErrorDetails, parts: Sequence[int | str]) -> str:
    name = "/".join(str(part) for part in parts[-2 if parts and isinstance(parts[-1], int) else -1 :]) or "The body"
    holder = "/".join(str(part) for part in parts[:-1]) or "the body"
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f'"{name}" is required in {holder}.'
        case "extra_forbidden":
            return f'"{name}" is not a field of {holder}.'
        case "literal_error" | "enum":
            return f'"{name}" is {shown(error["input"])}; it must be {context.get("expected")}.'
        case "union_tag_not_found":
            return f'"{name}" needs {context.get("discriminator")} to say which kind it is.'
        case "union_tag_invalid":
            tags = context.get("expected_tags")
            return f'"{name}" has {context.get("discriminator")} "{context.get("tag")}"; it must be one of {tags}.'
        case "value_error" | "assertion_error":
            return f'"{name}" is {shown(error["input"])}: {context.get("error")}.'.replace("..", ".")
        case "too_short" | "too_long" as code:
            return f'"{name}" has {context.get("actual_length")} in it: {rule_of(code, context)}.'
        case code:
            return f'"{name}" is {shown(error["input"])}: {rule_of(code, context) or _lowered(error["msg"])}.'


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def shown(value: Any, limit: int = 120) -> str:
    """Return a value as JSON, cut short for a message."""
    try:
        text = orjson.dumps(value, default=str).decode()
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _escaped(part: int | str) -> str:
    """Return a key as a JSON pointer writes it (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")
