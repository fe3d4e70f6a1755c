"""A running Headrace for the official SDK: a real server on a free loopback port, over a fresh database.

What is done in the background by a worker is done when the test asks for it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from intruder import Intruder, mixed_up

from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.config import Config
from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.messages.rendered import Workshop
from headrace.messages.tokens import Signer
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.keys import create_key

KEY = b"a key that only tests know, 32 b."
LONGEST = 60
"""Seconds that a worker may take for what a test left to be done."""


def _nothing() -> None:
    """Stand in for a worker until the server has started."""


@dataclass
class Served:
    """Where the server listens, a key that may do everything, and `work`.

    `work` lets a worker do all that is to be done.
    """

    url: str = ""
    key: str = ""
    account_id: str = ""
    work: Callable[[], None] = _nothing
    intrusions: list[str] = field(default_factory=list)


class Background:
    """A server on a thread of its own."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.served = Served()
        self._dsn = dsn
        self._folder = folder
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
        services = Services.of(database, Config(media_dir=self._folder), signer=Signer([(1, KEY)]))
        clock, ids = services.system_clock, services.ids
        account = await create_account(database, ids, Account("", "Sample Shop"), clock)
        self.served.account_id = account.account_id
        self.served.key, _ = await create_key(database, ids, clock, account.account_id, "sdk", ["*"])
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.served.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.served.work = _worker(database, services, self.served.url)
            other = await create_account(database, ids, Account("", "Somebody Else"), clock)
            theirs, _ = await create_key(database, ids, clock, other.account_id, "intruder", ["*"])
            own = f"Klaviyo-API-Key {self.served.key}"
            intruder = Intruder(create_app(services), theirs, own, self.served.intrusions)
            self._server = uvicorn.Server(uvicorn.Config(intruder, log_level="warning"))
            # Connections wait in the listener's queue until the server takes them.
            self._ready.set()
            await self._server.serve(sockets=[listener])
        self.served.intrusions.extend(await mixed_up(database))
        await database.close()


def _worker(database: Database, services: Services, url: str) -> Callable[[], None]:
    """Return what lets a worker of the present loop do all there is to do, called from another thread."""
    worker = Worker(build_core(database, Workshop(services.signer, url), name="sdk"))
    loop = asyncio.get_running_loop()

    def work() -> None:
        asyncio.run_coroutine_threadsafe(worker.drain(), loop).result(LONGEST)

    return work
