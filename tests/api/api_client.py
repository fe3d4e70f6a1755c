"""A client of the application, for tests of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from headrace.api.state import Services
from headrace.model import Account
from headrace.storage.keys import create_key

NEWEST = "2026-10-15"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Api:
    """A client of the application, sending the key and a revision unless told otherwise."""

    http: httpx.AsyncClient
    services: Services
    account: Account
    key: str

    async def send(
        self, method: str, path: str, body: Any = None, *, revision: str | None = NEWEST, **options: Any
    ) -> httpx.Response:
        """Send a request; `revision` None leaves the header out, `headers` adds to and overrides what is sent."""
        headers = {"Authorization": f"Klaviyo-API-Key {self.key}", **options.pop("headers", {})}
        if revision is not None:
            headers["revision"] = revision
        if body is not None:
            options["json"] = body
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET; keyword arguments are those of `send`."""
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """Send a POST."""
        return await self.send("POST", path, body, **options)

    async def patch(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """Send a PATCH."""
        return await self.send("PATCH", path, body, **options)

    async def delete(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a DELETE."""
        return await self.send("DELETE", path, body, **options)

    async def another_key(self, scopes: Sequence[str], account: Account | None = None) -> str:
        """Return a new key with these scopes, of this account or another."""
        owner = (account or self.account).account_id
        services = self.services
        secret, _ = await create_key(services.database, services.ids, services.system_clock, owner, "test", scopes)
        return secret


class FixedClock:
    """A machine's clock that stands still until a test moves it."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment it stands at."""
        return self.moment
