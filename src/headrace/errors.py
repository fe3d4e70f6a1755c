"""Every problem that Headrace reports, as one tree.

    HeadraceError
    ├── Problem                     why a request is refused; becomes a JSON:API error object
    │   ├── Invalid                 400 invalid
    │   ├── NotAuthenticated        401 not_authenticated
    │   ├── AuthenticationFailed    401 authentication_failed
    │   ├── PermissionDenied        403 permission_denied
    │   ├── NotFound                404 not_found
    │   ├── MethodNotAllowed        405 method_not_allowed
    │   ├── NotAcceptable           406 not_acceptable
    │   ├── TimedOut                408 request_timeout
    │   ├── Conflict                409 conflict
    │   ├── Gone                    410 gone
    │   ├── TooLarge                413 payload_too_large
    │   ├── UnsupportedMediaType    415 unsupported_media_type
    │   ├── Throttled               429 throttled
    │   ├── HeadTooLarge            431 request_header_fields_too_large
    │   ├── Failed                  500 error
    │   └── Unavailable             503 service_unavailable
    ├── Problems                    several problems of one request, reported together
    └── OperatorError               a mistake of whoever runs Headrace: one clear line, exit status 1
        ├── ConfigError             a setting that cannot be used
        ├── DatabaseError           PostgreSQL cannot be started or reached
        └── CommandError            a command that cannot do what was asked

Results that are expected are values (`Skip`, `Refused`, `Retry`), never exceptions; an exception that is not in this
tree is a bug. Source: reference 7.2 (statuses and codes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar


class HeadraceError(Exception):
    """The root of the tree."""


class Problem(HeadraceError):
    """A caller's mistake: `detail` names the thing, the value and the rule.

    `pointer` is a JSON pointer into the request body (`/data/attributes/name`), `parameter` the name of a query
    parameter or header; at most one of them is given. `meta` is free data for programs.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"
    title: ClassVar[str] = "Invalid input."

    def __init__(
        self,
        detail: str,
        *,
        pointer: str | None = None,
        parameter: str | None = None,
        code: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.parameter = parameter
        self.error_code = code or self.code
        self.meta = dict(meta or {})

    def __repr__(self) -> str:
        where = self.pointer or self.parameter or "-"
        return f"{type(self).__name__}({where}: {self.detail})"


class Invalid(Problem):
    """The request breaks a rule of the API."""


class NotAuthenticated(Problem):
    """No credentials were given."""

    status = 401
    code = "not_authenticated"
    title = "Authentication credentials were not provided."


class AuthenticationFailed(Problem):
    """The credentials are not valid."""

    status = 401
    code = "authentication_failed"
    title = "Incorrect authentication credentials."


class PermissionDenied(Problem):
    """The key lacks a scope, or the account a feature."""

    status = 403
    code = "permission_denied"
    title = "You do not have permission to perform this action."


class NotFound(Problem):
    """The named thing does not exist in this account."""

    status = 404
    code = "not_found"
    title = "Not found."


class MethodNotAllowed(Problem):
    """The path exists, the method on it does not."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed."


class NotAcceptable(Problem):
    """The `Accept` header admits no media type that is served."""

    status = 406
    code = "not_acceptable"
    title = "Not acceptable."


class TimedOut(Problem):
    """The request was not sent in time."""

    status = 408
    code = "request_timeout"
    title = "Request timed out."


class Conflict(Problem):
    """The request contradicts the present state."""

    status = 409
    code = "conflict"
    title = "Conflict."


class Gone(Problem):
    """The revision or the operation has been retired."""

    status = 410
    code = "gone"
    title = "Gone."


class TooLarge(Problem):
    """The body is larger than the operation takes."""

    status = 413
    code = "payload_too_large"
    title = "Request body too large."


class UnsupportedMediaType(Problem):
    """The body is of a media type that is not read here."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type."


class Throttled(Problem):
    """A rate limit is used up; `meta['retry_after']` holds whole seconds."""

    status = 429
    code = "throttled"
    title = "Request was throttled."


class HeadTooLarge(Problem):
    """The request's line and headers are larger than any request needs."""

    status = 431
    code = "request_header_fields_too_large"
    title = "Request header fields too large."


class Failed(Problem):
    """Something went wrong on this side: a bug, or a fault that a tester asked for."""

    status = 500
    code = "error"
    title = "A server error occurred."


class Unavailable(Problem):
    """The service cannot answer now."""

    status = 503
    code = "service_unavailable"
    title = "Service unavailable."


class Problems(HeadraceError):
    """Several problems of one request; the first decides the status."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(problem.detail for problem in self.problems))


@contextmanager
def collecting(problems: list[Problem]) -> Iterator[None]:
    """Add the mistakes that what is inside raises, `Problems` or one `Invalid`, to a list, and go on after it."""
    try:
        yield
    except Problems as several:
        problems += several.problems
    except Invalid as one:
        problems.append(one)


def raise_any(problems: Sequence[Problem]) -> None:
    """Raise `Problems` when there are any."""
    if problems:
        raise Problems(problems)


_LIMITS: Mapping[str, tuple[str, str]] = {
    "string_too_short": ("min_length", "have at least {} {characters}"),
    "string_too_long": ("max_length", "have at most {} {characters}"),
    "too_short": ("min_length", "have at least {} {entries}"),
    "too_long": ("max_length", "have at most {} {entries}"),
    "greater_than": ("gt", "be greater than {}"),
    "greater_than_equal": ("ge", "be {} or greater"),
    "less_than": ("lt", "be less than {}"),
    "less_than_equal": ("le", "be {} or less"),
}
_KINDS: Mapping[str, Sequence[str]] = {
    "text": ("string_type",),
    "a list": ("list_type", "tuple_type"),
    "an object": ("dict_type", "model_type", "model_attributes_type"),
    "true or false": ("bool_type", "bool_parsing"),
    "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "a number": ("float_type", "float_parsing", "finite_number"),
}
_ONE, _MANY = (
    {"characters": "character", "entries": "entry"},
    {"characters": "characters", "entries": "entries"},
)
_KIND_OF = {code: words for words, codes in _KINDS.items() for code in codes}


def rule_of(code: str, context: Mapping[str, Any]) -> str | None:
    """Return the rule that a value breaks as half a sentence, "it must be text", None for a code without words here.

    `code` and `context` are those with which pydantic tells a mistake; its own sentences speak of Python.
    """
    if code in _KIND_OF:
        return f"it must be {_KIND_OF[code]}"
    if code not in _LIMITS:
        return None
    name, words = _LIMITS[code]
    limit = context[name]
    return f"it must {words.format(limit, **(_ONE if limit == 1 else _MANY))}"


class OperatorError(HeadraceError):
    """A mistake of whoever runs Headrace, told in one clear line."""


class ConfigError(OperatorError):
    """A setting cannot be used; the message names the variable, its value and the rule."""


class DatabaseError(OperatorError):
    """PostgreSQL cannot be started or reached."""


class CommandError(OperatorError):
    """A command cannot do what it was asked."""
