"""The schema: migrations build exactly what `tables.py` describes, and big tables keep their rule."""

from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import UniqueConstraint

from headrace.storage.tables import BIG_TABLES, metadata


async def test_the_migrated_schema_equals_the_tables(database_dsn: str) -> None:
    """Migrating an empty database leaves nothing that autogenerate would still change."""

    async def connect() -> object:
        return await asyncpg.connect(database_dsn)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), metadata)
        )
    await engine.dispose()
    assert differences == []


async def test_every_sequence_is_migrated(database_dsn: str) -> None:
    """The sequences of `tables.py` exist, which autogenerate does not compare."""
    connection = await asyncpg.connect(database_dsn)
    rows = await connection.fetch("SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public'")
    await connection.close()
    assert {row["name"] for row in rows} >= set(metadata._sequences)


@pytest.mark.parametrize("table", BIG_TABLES, ids=lambda table: table.name)
def test_every_key_of_a_big_table_starts_with_bucket_and_account(table) -> None:
    """Primary keys and unique constraints of big tables begin (bucket, account_id)."""
    keys = [table.primary_key, *(key for key in table.constraints if isinstance(key, UniqueConstraint))]
    starts = [[column.name for column in key.columns][:2] for key in keys]
    assert starts == [["bucket", "account_id"]] * len(keys)


def test_every_table_with_a_bucket_is_named_as_a_big_table() -> None:
    """A new table with a bucket column cannot be forgotten in `BIG_TABLES`."""
    with_bucket = {table.name for table in metadata.tables.values() if "bucket" in table.columns}
    assert with_bucket == {table.name for table in BIG_TABLES}


def test_the_first_migration_is_one_statement_a_semicolon() -> None:
    """The SQL file splits cleanly, so no statement holds a semicolon at a line's end."""
    text = Path("src/headrace/storage/migrations/versions/0001_first_schema.sql").read_text()
    assert all(part.strip().startswith(("--", "CREATE")) for part in text.split(";\n") if part.strip())
