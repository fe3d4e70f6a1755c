"""How errors are told, and which of them say nothing about the work at hand."""

from __future__ import annotations

import traceback

import asyncpg

LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""Errors that say nothing about the batch: the server is away, or has no room."""


def told(error: Exception) -> str:
    """Return an error as a parked run keeps it: what it is, and the last places it came through."""
    places = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(
        f"{place.name} ({place.filename.rpartition('/')[2]}:{place.lineno})" for place in reversed(places)
    )
    return f"{type(error).__name__}: {error} in {where}"
