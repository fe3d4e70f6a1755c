"""`headrace migrate`."""

from __future__ import annotations

from headrace.cli.runtime import with_database
from headrace.storage.database import Database


def migrate() -> None:
    """Bring the database to the present schema; nothing happens when it is there already."""

    async def task(database: Database) -> str:
        version: str = await database.fetch_value("SELECT version_num FROM alembic_version")
        return version

    print(f"The schema is at revision {with_database(task)}.")
