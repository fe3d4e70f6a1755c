"""What a request knows about its caller: the account, the key's scopes, the revision, and how links are written.

What is here: `Context`, which the application makes when it authenticates a request, and `LinkStyle`. What is not:
authentication itself, which the application does; `state` holds whatever its commands need. Follows reference 7.1-7.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from sqlalchemy import Executable

from headrace.jsonapi.resource import Row

JSON = "application/json"
JSON_API = "application/vnd.api+json"

S = TypeVar("S")
Fetch = Callable[[Executable], Awaitable[Sequence[Row]]]
"""Runs a statement and returns its rows as mappings by column name."""

EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LinkStyle:
    """How links are written: `base_url` without a trailing slash, and whether paths end in one."""

    base_url: str = ""
    trailing_slash: bool = False

    def url(self, path: str, parameters: Sequence[tuple[str, str]] = ()) -> str:
        """Return the link to `path` (percent-encoded, no slash at its end) with a query string."""
        end = "/" if self.trailing_slash and not path.endswith("/") else ""
        return f"{self.base_url}{path}{end}{'?' + urlencode(parameters) if parameters else ''}"


def fill(template: str, path: Mapping[str, str]) -> str:
    """Return a path template with its parameters put in, percent-encoded."""
    return template.format(**{name: quote(value, safe="") for name, value in path.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Context(Generic[S]):
    """The caller of one request.

    `revision` is an ordered string (`2024-02-15`). `headers` go on every answer to this request but a 429. `now`, when
    given, is the account's present moment: a filter's upper date bound may not lie after it. `state` is the
    application's own.
    """

    state: S
    account_id: str
    fetch: Fetch
    scopes: frozenset[str] = frozenset()
    revision: str = ""
    links: LinkStyle = LinkStyle()
    request_id: str = ""
    media_type: str = JSON_API
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    now: datetime | None = None
