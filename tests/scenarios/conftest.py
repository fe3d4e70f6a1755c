"""Fixtures of the scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from headrace.storage.database import Database


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A pool over a fresh, migrated database."""
    pool = await Database.connect(database_dsn, size=8)
    yield pool
    await pool.close()
