"""Fixtures for tests of the API: the application over a fresh database, and a client that holds a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from api_client import Api, FixedClock

from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.ids import SeededIds
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.keys import create_key


@pytest.fixture
def machine_clock() -> FixedClock:
    """The machine's clock as the application sees it; the accounts of these tests follow it."""
    return FixedClock()


@pytest_asyncio.fixture
async def services(database_dsn: str, machine_clock: FixedClock) -> AsyncIterator[Services]:
    """The services of the application over a fresh database."""
    database = await Database.connect(database_dsn)
    made = Services.of(database, ids=SeededIds(7), system_clock=machine_clock)
    yield made
    await made.ingest.close()
    await database.close()


@pytest_asyncio.fixture
async def account(services: Services) -> Account:
    """An account that follows the machine's clock (clock number 0)."""
    shop = Account("", "Sample Shop", timezone="Europe/Berlin", currency="EUR")
    return await create_account(services.database, services.ids, shop, services.system_clock)


@pytest_asyncio.fixture
async def api(services: Services, account: Account) -> AsyncIterator[Api]:
    """A client with a key that may do everything."""
    secret, _ = await create_key(
        services.database, services.ids, services.system_clock, account.account_id, "all", ["*"]
    )
    transport = httpx.ASGITransport(app=create_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as client:
        yield Api(client, services, account, secret)
