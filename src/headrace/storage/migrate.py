"""Bringing a database to the present schema.

Two processes that start at once do not collide: an advisory lock lets one migrate while the other waits and then finds
nothing to do. All revisions of one call are applied in one transaction, so that a kill leaves the
old schema or the new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from headrace.errors import DatabaseError

MIGRATION_LOCK = 0x4865_6164
"""The key of the advisory lock that one migrating process holds."""
OLDEST_SERVER = 150_000
"""PostgreSQL 15, as `server_version_num` counts. Source: DESIGN section 1."""


async def migrate(dsn: str) -> None:
    """Apply every missing revision; raises `DatabaseError` for a server that is too old or cannot be reached."""

    async def connect() -> Any:
        try:
            return await asyncpg.connect(dsn)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise _unreachable(error) from error  # here, before SQLAlchemy wraps the driver's errors in its own

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    except (OSError, asyncpg.PostgresError) as error:
        raise _unreachable(error) from error
    finally:
        await engine.dispose()


def _unreachable(error: Exception) -> DatabaseError:
    return DatabaseError(f"the database cannot be reached or migrated: {error}")


def alembic_config(connection: Connection) -> AlembicConfig:
    """Return Alembic's configuration for the migrations in this package, bound to a connection."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    version = int(str(connection.execute(text("SHOW server_version_num")).scalar_one()))
    if version < OLDEST_SERVER:
        raise DatabaseError(f"the server is PostgreSQL {version // 10_000}; Headrace needs 15 or newer")
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    command.upgrade(alembic_config(connection), "head")
