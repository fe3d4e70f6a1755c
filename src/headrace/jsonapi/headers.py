"""A request whose headers are found at once.

What is here: Starlette's request and headers with another way of looking up. What is not: what any header means.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope


class QuickHeaders(Headers):
    """Headers in a dict: every request is asked for seven of them, and Starlette's look through a list each time."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        super().__init__(raw=raw)
        self._first = dict(reversed(raw))

    def __getitem__(self, key: str) -> str:
        return self._first[_written(key)].decode("latin-1")

    def get(self, key: str, default: Any = None) -> Any:
        """Return the first value of a header."""
        found = self._first.get(_written(key))
        return default if found is None else found.decode("latin-1")


@lru_cache(256)
def _written(key: str) -> bytes:
    return key.lower().encode("latin-1")


class QuickRequest(Request):
    """A request with quick headers."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._quick = QuickHeaders(scope["headers"])

    @property
    def headers(self) -> Headers:
        """The headers."""
        return self._quick
