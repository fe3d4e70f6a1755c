"""Connections that give nothing to do, or take little: which end, and which may go on. No server process is needed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from headrace.cli.patience import MAX_HEAD, patient

PATIENCE = 0.4
LONG = 20.0
"""Seconds after which a connection counts as one that never ends."""
ANSWER = b"x" * 400_000
SMALL = 16 * 1024


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer it at length, but for /early, which is answered before its body came."""
    early = scope["path"] == "/early"
    if not early:
        await Request(scope, receive).body()
    await Response(b"" if early else ANSWER)(scope, receive, send)


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Lend a connection to a server whose buffers, as the client's, are small, as those of slow links are."""
    config = Config(application, ws="none", access_log=False, timeout_keep_alive=1)
    config.load()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    loop, protocol = asyncio.get_running_loop(), patient(PATIENCE)
    server = await loop.create_server(lambda: protocol(config, ServerState(), {}), sock=listener)
    client.setblocking(False)
    await loop.sock_connect(client, listener.getsockname())
    reader, writer = await asyncio.open_connection(sock=client, limit=SMALL)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),
        (b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", b"1"),
    ],
    ids=["an empty line", "an empty line behind a request", "a body behind its answer"],
)
async def test_what_begins_no_request_leaves_a_deadline(first: bytes, then: bytes) -> None:
    """A connection that says something without asking for anything is closed like one that says nothing."""
    async with connection() as (reader, writer):
        writer.write(first)
        if then:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(ANSWER) if b"400000" in head else 0)
            writer.write(then)
        assert b"" == await asyncio.wait_for(reader.read(), LONG)


async def test_fields_behind_a_body_have_the_bound_of_a_head() -> None:
    """Whoever sends fields without end behind the last chunk of a body is refused before they fill the memory."""
    sent = 0
    async with connection() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
        with suppress(ConnectionError):
            while not reader.at_eof() and sent < 100 * MAX_HEAD:
                writer.write(b"field: " + b"x" * 10_000 + b"\r\n")
                sent += 10_000
                await writer.drain()
    assert sent < 50 * MAX_HEAD


async def test_a_last_answer_may_be_taken_slowly() -> None:
    """A long answer on a connection that is closed behind it reaches a client that takes far longer than others."""
    received = 0
    async with connection() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        while piece := await reader.read(SMALL):
            received += len(piece)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), PATIENCE / 5)
    assert len(ANSWER) == received
