"""Authentication: from a request's headers to the context of its caller.

What is here: the `Authorization` header, private keys with a short-lived cache. What is not: making keys
(`storage.keys`) and the rules of the `revision` header (`revisions`). Follows reference 7.2 and 7.4.

Nothing here compares a key letter by letter: the database is asked for its SHA-256, and the cache is a dict, which
compares texts only where their hashes, randomized per process, agree. So the time that an answer takes tells nothing
about how much of a guessed key is right. No message and no line of the log repeats a key.
"""

from __future__ import annotations

from collections import OrderedDict

from headrace.api.state import Services
from headrace.clock import stopwatch
from headrace.errors import AuthenticationFailed, NotAuthenticated
from headrace.storage.keys import PREFIX, Caller, find_caller

CACHED_SECONDS = 5.0
"""How long a key is believed without asking the database, and so how long a revoked key may still work elsewhere."""
CACHED_KEYS = 10_000

SCHEMES = ("klaviyo-api-key", "bearer")
EVERYTHING = "*"
"""The scope that stands for every scope there is. Our choice: for a developer's own machine."""


class Authenticator:
    """Tells who calls, remembering keys for a few seconds so that a busy key costs no query per request."""

    __slots__ = ("_callers", "_services")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._callers: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """Return the caller behind an `Authorization` header.

        Raises `NotAuthenticated` without one and `AuthenticationFailed` for one that names no live key.
        """
        known = self._callers.get(authorization or "")
        if known is not None and stopwatch() < known[0]:
            return known[1]
        key = key_in(authorization)
        caller = await find_caller(self._services.database, key, self._services.system_clock.now())
        if caller is None:
            self._callers.pop(authorization or "", None)
            raise AuthenticationFailed("The API key is unknown or revoked.", parameter="Authorization")
        self._remember(authorization or "", caller)
        return caller

    def _remember(self, authorization: str, caller: Caller) -> None:
        self._callers[authorization] = (stopwatch() + CACHED_SECONDS, caller)
        self._callers.move_to_end(authorization)
        while len(self._callers) > CACHED_KEYS:
            self._callers.popitem(last=False)


def key_in(authorization: str | None) -> str:
    """Return the private key in an `Authorization` header: `Klaviyo-API-Key pk_...`, or `Bearer pk_...`."""
    if not authorization or not authorization.strip():
        raise NotAuthenticated(
            "The header Authorization is missing; it must be: Klaviyo-API-Key <private key>.", parameter="Authorization"
        )
    scheme, _, key = authorization.strip().partition(" ")
    if scheme.lower() not in SCHEMES:
        raise AuthenticationFailed(
            f'Authorization uses the scheme "{scheme[:40]}"; it must be: Klaviyo-API-Key <private key>.',
            parameter="Authorization",
        )
    if not key.strip().startswith(PREFIX):
        raise AuthenticationFailed(f"A private key begins with {PREFIX}; this one does not.", parameter="Authorization")
    return key.strip()
