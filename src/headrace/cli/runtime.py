"""From settings to a running database, pool and services, for every command alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import uvloop

from headrace.config import Config
from headrace.errors import CommandError
from headrace.model import Account
from headrace.storage import embedded
from headrace.storage.accounts import get_account, list_accounts
from headrace.storage.database import Database
from headrace.storage.migrate import migrate

Result = TypeVar("Result")


@contextmanager
def address(config: Config) -> Iterator[str]:
    """Lend the database's address, running the embedded server for as long as the block lasts where it is used."""
    if config.database_url:
        yield config.database_url
    else:
        with embedded.running(config.data_dir) as server:
            yield server.dsn


@asynccontextmanager
async def opened(dsn: str, *, size: int = 8) -> AsyncIterator[Database]:
    """Lend a pool over a database that is brought to the present schema first."""
    await migrate(dsn)
    database = await Database.connect(dsn, size=size)
    try:
        yield database
    finally:
        await database.close()


def with_database(task: Callable[[Database], Awaitable[Result]], config: Config | None = None) -> Result:
    """Run one task with a pool and return what it returns: the frame of every short command."""

    async def run(dsn: str) -> Result:
        async with opened(dsn, size=4) as database:
            return await task(database)

    with address(config or Config.from_environment()) as dsn:
        return uvloop.run(run(dsn))


def data_dir(config: Config) -> Path:
    """Return the folder that holds this installation's secret key."""
    return config.data_dir or embedded.default_data_dir()


_FLOWS = """
SELECT flow_id FROM flow WHERE account_id = $1 AND (flow_id = $2 OR (name = $2 AND deleted_at IS NULL)) ORDER BY flow_id
"""


async def the_flow(database: Database, account_id: str, named: str) -> str:
    """Return the id of the flow that a command means, by its id or its name; a deleted one by its id only.

    Raises `CommandError` where none or several are called so.
    """
    match [row["flow_id"] for row in await database.fetch(_FLOWS, account_id, named)]:
        case [flow_id]:
            return str(flow_id)
        case []:
            raise CommandError(f"account {account_id} has no flow {named!r}")
        case several if named in several:
            return named
        case several:
            raise CommandError(f"{len(several)} flows are called {named!r}; name one by its id: {', '.join(several)}")


async def the_account(database: Database, account_id: str | None) -> Account:
    """Return the account that a command means: the one named, or the only one there is.

    Raises `CommandError` when it does not exist, or when nothing was named and there is none or more than one.
    """
    if account_id is not None:
        account = await get_account(database, account_id)
        if account is None:
            raise CommandError(f"there is no account {account_id!r}; `headrace account list` shows those there are")
        return account
    match await list_accounts(database):
        case [account]:
            return account
        case []:
            raise CommandError("there is no account yet; make one with `headrace account create NAME`")
        case several:
            raise CommandError(f"there are {len(several)} accounts; say which one by --account ID")
