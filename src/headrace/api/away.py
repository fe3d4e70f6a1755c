"""What a request is told while the database is away: it is good, and may be sent again.

What is here: telling such errors from bugs. What is not: waiting for the database, which clients do. Our choice: all of
it.
"""

from __future__ import annotations

import logging

import asyncpg

from headrace.errors import Problem, Unavailable

RETRY_AFTER = 5
"""Seconds after which a client may try again."""

_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

_log = logging.getLogger(__name__)


def explain(error: Exception) -> Problem | None:
    """Return the problem of a database that does not answer or has no room, None for any other error."""
    if not _is_away(error):
        return None
    _log.warning("a request failed for want of the database: %s: %s", type(error).__name__, error)
    return Unavailable("The database does not answer; try again soon.", meta={"retry_after": RETRY_AFTER})


def _is_away(error: Exception) -> bool:
    """Tell whether the server is gone. An `InterfaceError` is most often a bug, such as a value of a wrong type."""
    closed = isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError) and "clos" in str(error)
    return closed or isinstance(error, _AWAY)
