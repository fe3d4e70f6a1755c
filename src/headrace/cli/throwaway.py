"""A database that lasts as long as one command.

It is made on the server that HEADRACE_DATABASE_URL names, or beside Headrace's own database where this machine has one,
or in a server of its own in a temporary folder; nothing is left of it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from headrace.cli.runtime import data_dir
from headrace.config import Config
from headrace.errors import CommandError
from headrace.ids import IdSource
from headrace.storage import embedded
from headrace.storage.embedded.layout import Layout

PREFIX = "headrace_simulation_"
NO_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings of a server that is thrown away."""


@contextmanager
def throwaway_database(config: Config, ids: IdSource) -> Iterator[str]:
    """Lend the address of an empty database that is dropped at the end.

    Raises `CommandError` where the server lets no database be made.
    """
    with _server(config) as dsn:
        name = PREFIX + ids.uuid().replace("-", "")
        _run(dsn, f"CREATE DATABASE {name}")
        try:
            yield make_url(dsn).set(database=name).render_as_string(hide_password=False)
        finally:
            _run(dsn, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _server(config: Config) -> Iterator[str]:
    if config.database_url:
        yield config.database_url
    elif Layout(data_dir(config).expanduser().resolve()).cluster.exists():
        with embedded.running(config.data_dir) as server:
            yield server.dsn
    else:
        with _folder() as folder, embedded.running(folder, tuning=NO_DURABILITY) as server:
            yield server.dsn


@contextmanager
def _folder() -> Iterator[Path]:
    """Lend a folder that a server started by root may live in as well."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-simulation-"))
    try:
        if os.geteuid() == 0:
            folder.chmod(0o755)
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(dsn: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    try:
        asyncio.run(run())
    except asyncpg.InsufficientPrivilegeError as error:
        raise CommandError(f"the server lets this user make no database to simulate in: {error}") from error
