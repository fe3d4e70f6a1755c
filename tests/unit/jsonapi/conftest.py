"""The toy API over temporary tables of the session's server, behind an in-process client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import httpx
import pytest
import toy_api as toy
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from headrace.storage import embedded


@pytest.fixture
async def api(server: embedded.Server) -> AsyncIterator[toy.Toy]:
    """The toy API with seven flows of account A, one of account B, and two actions each of the first two."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(server.dsn), poolclass=StaticPool
    )
    state = toy.State()
    async with engine.connect() as connection:
        await connection.run_sync(toy.meta.create_all, checkfirst=False)
        rows = [toy.flow_row(number) for number in range(1, 8)]
        await connection.execute(toy.flow.insert(), [*rows, toy.flow_row(99, account="B")])
        actions = [(1, "F1", "SEND_EMAIL"), (2, "F1", "TIME_DELAY"), (3, "F2", "SEND_SMS"), (4, "F1", "WEBHOOK")]
        await connection.execute(
            toy.action.insert(), [{"id": one, "flow_id": flow, "kind": kind} for one, flow, kind in actions]
        )

        async def fetch(statement: Any) -> Sequence[Any]:
            state.statements.append(statement)
            return (await connection.execute(statement)).mappings().all()

        transport = httpx.ASGITransport(toy.application(fetch, state))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield toy.Toy(client, state, connection)
    await engine.dispose()
