"""A database of the first schema, with people and waiting runs, comes to the present one and its runs go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from engine_shop import MONDAY, EngineShop, definition, delay, email
from headrace.model import Channel
from headrace.storage import embedded
from headrace.storage.database import Database
from headrace.storage.migrate import alembic_config, migrate
from headrace.storage.step_counts import counts_of, recount_waiting, waiting_of

COPIED = ("account", "metric", "template", "flow", "flow_version", "flow_action", "flow_message", "profile", "run")
SHARED = """
SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1
"""


@pytest.fixture
async def first_schema(server: embedded.Server, database_names: Iterator[str]) -> AsyncIterator[str]:
    """The address of a database of the first schema."""
    name = next(database_names)
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    dsn = server.dsn.replace("/headrace?", f"/{name}?", 1)
    await upgrade(dsn, "0001")
    yield dsn
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def upgrade(dsn: str, revision: str) -> None:
    """Bring a database to a revision."""

    async def connect() -> object:
        return await asyncpg.connect(dsn)

    def run(connection: Connection) -> None:
        command.upgrade(alembic_config(connection), revision)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


async def copy(source: str, target: str) -> None:
    """Copy the rows of a shop into a database of the first schema, as far as that has the columns."""
    old, new = await asyncpg.connect(target), await asyncpg.connect(source)
    for table in COPIED:
        columns = await old.fetchval(SHARED, table)
        rows = await new.fetch(f"SELECT {columns} FROM {table}")
        values = ", ".join(f"${number}" for number in range(1, columns.count(",") + 2))
        await old.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", [tuple(row) for row in rows])
    await old.execute(
        "INSERT INTO consent (bucket, account_id, profile_id, channel, subscription, changed_at) "
        "SELECT bucket, account_id, profile_id, $1, 'SUBSCRIBED', $2 FROM profile",
        int(Channel.SMS),
        MONDAY,
    )
    await old.close()
    await new.close()


async def test_runs_that_waited_before_the_upgrade_go_on_after_it(database_dsn: str, first_schema: str) -> None:
    """People keep their consent, waiting runs are carried on and their messages go out; no gauge goes below zero."""
    pool = await Database.connect(database_dsn, size=8)
    shop = await EngineShop.open(pool)
    metric, template = await shop.metric("Checkout Started"), await shop.template()
    flow_id = await shop.flow(definition(metric, delay("wait", "mail"), email("mail", template)))
    await shop.events("Checkout Started", ["ana", "ben"])
    await shop.drain()
    await copy(database_dsn, first_schema)
    await pool.close()

    await migrate(first_schema)

    upgraded = await Database.connect(first_schema, size=8)
    again = await EngineShop.over(upgraded, shop)
    await again.move(timedelta(hours=2))
    account_id = shop.account.account_id
    purposes = await upgraded.fetch("SELECT DISTINCT purpose, double_opt_in FROM consent")
    gauges = waiting_of(await counts_of(upgraded, account_id, flow_id))
    recount = await recount_waiting(upgraded, account_id, flow_id)
    sent, states = await again.sent(), await again.run_states()
    await upgraded.close()

    assert [("ana", MONDAY + timedelta(hours=1)), ("ben", MONDAY + timedelta(hours=1))] == sorted(sent)
    assert (["FINISHED", "FINISHED"], [(0, False)]) == (states, [tuple(row) for row in purposes])
    assert recount == gauges == {}
