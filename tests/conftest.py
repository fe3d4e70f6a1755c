"""Fixtures that every test may ask for: an embedded server for the session, a fresh database for one test."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
import tempfile
from collections.abc import Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import settings

from headrace.storage import embedded

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("soak", max_examples=1000, deadline=None)
settings.load_profile("quick")

APPLICATION = "headrace.api.app"

TEMPLATE = "headrace_template"
TUNING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "logging_collector": "off",
}
"""Speed instead of durability; for tests that kill no server."""

EMPTY = """
DO $$
DECLARE one record;
BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR one IN SELECT inhrelid::regclass AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    LOOP EXECUTE format('DROP TABLE %s', one.name); END LOOP;
    FOR one IN SELECT oid::regclass AS name, pg_relation_size(oid) > 1000000 AS large FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP EXECUTE format(CASE WHEN one.large THEN 'TRUNCATE %s' ELSE 'DELETE FROM %s' END, one.name); END LOOP;
    FOR one IN SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
        WHERE last_value IS NOT NULL
    LOOP EXECUTE format('ALTER SEQUENCE %s RESTART', one.name); END LOOP;
END $$
"""
"""Brings a database back to what it was at first: no connections, partitions or rows, sequences at their start."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test that received an answer unlike what is published for the revision it asked for."""
    try:
        result = yield
    finally:
        found = sys.modules["held_answers"].Held.findings.take() if "held_answers" in sys.modules else {}
    assert found == {}
    return result


@pytest.fixture(scope="session", autouse=True)
def held_answers() -> None:
    """Stand before every application that a test makes; tests that make none do not pay for it."""
    if APPLICATION in sys.modules:
        from held_answers import Held

        sys.modules[APPLICATION].Starlette = Held  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder for the session that other users may enter, as an embedded server started by root demands.

    pytest's own temporary folders have mode 0700.
    """
    folder = Path(tempfile.mkdtemp(prefix="headrace-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data_dir(open_folder: Path) -> Iterator[Path]:
    """A path, free at first, for the data folder of one test (HEADRACE_DATA_DIR), whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=open_folder))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(open_folder: Path) -> Iterator[embedded.Server]:
    """The embedded server of the session, holding a migrated template database."""
    with embedded.running(open_folder / "server", tuning=TUNING) as running:
        yield running


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names for databases, each used once."""
    return (f"test_{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def migrated_template(server: embedded.Server) -> str:
    """The name of a database with the present schema and no rows."""
    from headrace.storage.migrate import migrate  # only tests of the database need it

    run_apart(execute(server.dsn, f"CREATE DATABASE {TEMPLATE}"))
    run_apart(migrate(dsn_of(server, TEMPLATE)))
    return TEMPLATE


@pytest.fixture(scope="session")
def spare_databases() -> list[str]:
    """Names of databases that are as good as new: emptying one takes a twentieth of making one."""
    return []


@pytest.fixture
def database_dsn(
    server: embedded.Server, migrated_template: str, database_names: Iterator[str], spare_databases: list[str]
) -> Iterator[str]:
    """The address of a migrated database with no rows, emptied after the test."""
    if not spare_databases:
        name = next(database_names)
        run_apart(execute(server.dsn, f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY FILE_COPY"))
        spare_databases.append(name)
    name = spare_databases.pop()
    yield dsn_of(server, name)
    run_apart(execute(dsn_of(server, name), EMPTY))
    spare_databases.append(name)


def dsn_of(server: embedded.Server, database: str) -> str:
    """Return the address of another database on the server."""
    return server.dsn.replace("/headrace?", f"/{database}?", 1)


def run_apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a thread of its own, so that synchronous fixtures serve tests with and without a loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, work).result()


async def execute(dsn: str, statement: str) -> None:
    """Run one statement over a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
