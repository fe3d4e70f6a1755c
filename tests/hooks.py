"""A receiver of webhooks on the loopback, for tests: it checks every signature and answers as it is told."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

SECRET = "a secret of some length"


@dataclass
class Hook:
    """A server that takes what webhooks are told: `calls`, in their order.

    `answers` are the statuses that it gives; the last one stays.
    """

    answers: list[int] = field(default_factory=lambda: [202])
    headers: tuple[str, ...] = ()
    secret: str = SECRET
    port: int = 0
    heads: list[dict[str, str]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    silent: bool = False
    checks: bool = True
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def topics(self) -> list[list[str]]:
        """What each call told of."""
        return [[one["topic"] for one in call["data"]] for call in self.calls]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call, if one comes, and close the connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(head["content-length"]))
        self.heads.append(head)
        self.calls.append(orjson.loads(body))
        self.arrived.set()
        if self.silent:
            await reader.read()  # until the caller gives up
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.checks and not hmac.compare_digest(_signature(self.secret, body, head), head["klaviyo-signature"]):
            status = 401
        told = [f"HTTP/1.1 {status} Told", "Content-Length: 0", *self.headers, "", ""]
        writer.write("\r\n".join(told).encode())


def _signature(secret: str, body: bytes, head: dict[str, str]) -> str:
    made = hmac.new(secret.encode(), body, "sha256")
    made.update(head["klaviyo-timestamp"].encode())
    return made.hexdigest()


@asynccontextmanager
async def listening(hook: Hook | None = None) -> AsyncIterator[Hook]:
    """Run a receiver on a free port."""
    made = hook or Hook()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
