"""A running Headrace for the official SDK: a real server on a free loopback port, over a fresh database."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass

import uvicorn

from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.keys import create_key


@dataclass
class Served:
    """Where the server listens and a key that may do everything."""

    url: str = ""
    key: str = ""
    account_id: str = ""


class Background:
    """A server on a thread of its own."""

    def __init__(self, dsn: str) -> None:
        self.served = Served()
        self._dsn = dsn
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> Served:
        """Start the server and return where it is once it listens."""
        self._thread.start()
        assert self._ready.wait(30), "the server did not start"
        return self.served

    def stop(self) -> None:
        """Stop the server and wait for its end."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)

    async def _run(self) -> None:
        database = await Database.connect(self._dsn)
        services = Services.of(database)
        clock, ids = services.system_clock, services.ids
        account = await create_account(database, ids, Account("", "Sample Shop"), clock)
        self.served.account_id = account.account_id
        self.served.key, _ = await create_key(database, ids, clock, account.account_id, "sdk", ["*"])
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.served.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="warning"))
            # Connections wait in the listener's queue until the server takes them.
            self._ready.set()
            await self._server.serve(sockets=[listener])
        await database.close()
