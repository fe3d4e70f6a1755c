"""Slow, half-open and over-long connections to a served process: they end, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from commands import Commands

from headrace.cli.patience import MAX_HEAD
from headrace.storage.embedded import Server

TIMEOUT = 4
"""Seconds that this server waits for a client."""
SLOW = 300
REQUESTS = 100


@pytest.fixture(scope="module")
def commands(server: Server, migrated_template: str) -> Commands:
    """The commands over a database of this module's own, which its tests share: none of them changes anything."""
    asyncio.run(_statement(server.dsn, f"CREATE DATABASE slow_connections TEMPLATE {migrated_template}"))
    return Commands.over(server.dsn.replace("/headrace?", "/slow_connections?", 1))


async def _statement(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def authorized(commands: Commands) -> bytes:
    """The lines of a request that hold a key which may do everything, and the revision."""
    commands.run("account", "create", "Shop")
    key = commands.data("key", "create", "--scopes", "full")["key"]
    return f"Authorization: Bearer {key}\r\nrevision: 2026-07-15\r\n".encode()


@pytest.fixture(scope="module")
def address(commands: Commands) -> Iterator[str]:
    """Where a process of its own listens; it must stop in order when the tests are over."""
    environment = {**os.environ, **commands.environment, "HEADRACE_REQUEST_TIMEOUT": str(TIMEOUT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace", "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().split()[2]
    process.terminate()
    assert process.wait(timeout=60) in (0, -15)


@asynccontextmanager
async def connection(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Lend a connection to the server."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def trickle(address: str, head: bytes, piece: bytes, opened: asyncio.Semaphore) -> bytes:
    """Send a head, then a piece whenever a while has passed without an answer; return what came until the end."""
    async with connection(address) as (reader, writer):
        writer.write(head)
        opened.release()
        received = b""
        while True:
            try:
                part = await asyncio.wait_for(reader.read(65536), TIMEOUT / 8)
            except TimeoutError:
                writer.write(piece)
                continue
            except ConnectionError:
                return received
            if not part:
                return received
            received += part


HOST = b"Host: x\r\n"
POST = b"POST /api/events HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 90000\r\n"
KINDS = {
    "nothing is ever sent": (b"", b""),
    "the request line never ends": (b"GET /healthz", b""),
    "a header a while, without an end": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X-More: 1\r\n"),
    "the body comes byte by byte": (POST + b"\r\n{", b" "),
    "the body never comes": (POST + b"\r\n", b""),
}


async def test_slow_connections_hold_up_nobody_and_end(address: str, authorized: bytes) -> None:
    """While 300 connections trickle, 100 requests are answered, all before the first slow one was given up on."""
    opened = asyncio.Semaphore(0)
    kinds = [(name, *KINDS[name]) for name in KINDS for _ in range(SLOW // len(KINDS))]
    kinds = [(name, head.replace(HOST, HOST + authorized), piece) for name, head, piece in kinds]
    slow = [asyncio.create_task(trickle(address, head, piece, opened)) for _, head, piece in kinds]
    for _ in slow:
        await opened.acquire()

    async with httpx.AsyncClient(base_url=address, limits=httpx.Limits(max_connections=10)) as client:
        answers = await asyncio.gather(*(client.get("/healthz") for _ in range(REQUESTS)))
    ended_meanwhile = sum(task.done() for task in slow)

    received = await asyncio.gather(*slow)
    assert [200] * REQUESTS == [one.status_code for one in answers]
    assert 0 == ended_meanwhile
    by_kind: dict[str, set[bytes]] = {}
    for (name, _, _), got in zip(kinds, received, strict=True):
        by_kind.setdefault(name, set()).add(got.partition(b"\r\n")[0])
    timed_out = {b"HTTP/1.1 408 Request timed out"}
    assert {
        "nothing is ever sent": {b""},
        "the request line never ends": timed_out,
        "a header a while, without an end": timed_out,
        "the body comes byte by byte": timed_out,
        "the body never comes": timed_out,
    } == by_kind


async def test_a_slow_request_is_told_why_it_ends(address: str) -> None:
    """The last thing that is sent is an error document of the published form."""
    got = await trickle(address, b"GET /heal", b"", asyncio.Semaphore(0))
    head, _, body = got.partition(b"\r\n\r\n")
    [error] = json.loads(body)["errors"]
    assert b"connection: close" in head.lower()
    assert (408, "request_timeout", "The request's head was not sent within 4 seconds.") == (
        error["status"],
        error["code"],
        error["detail"],
    )


async def test_an_early_refusal_does_not_let_the_body_trickle_on(address: str) -> None:
    """Whoever was answered and keeps sending is cut off."""
    got = await trickle(address, POST + b"\r\n{", b" ", asyncio.Semaphore(0))
    assert b"HTTP/1.1 401 Unauthorized" == got.partition(b"\r\n")[0]
    assert 1 == got.count(b"HTTP/1.1")


@pytest.mark.parametrize("ends", [b"\r\n\r\n", b""])
async def test_a_head_without_measure_is_refused(address: str, ends: bytes) -> None:
    """A head of more than 128 KB is a 431, whether it ends or not."""
    async with connection(address) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * (MAX_HEAD + 1) + ends)
        got = await reader.read()
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431")
    [error] = json.loads(body)["errors"]
    assert (431, "request_header_fields_too_large") == (error["status"], error["code"])


async def forever(send: Callable[[socket.socket, bytes], Awaitable[None]], client: socket.socket, data: bytes) -> None:
    """Send the same until that fails."""
    while True:
        await send(client, data)


async def test_an_answer_that_nobody_takes_is_given_up(address: str) -> None:
    """A client that asks again and again and reads nothing loses its connection."""
    request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    place = urlsplit(address)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (place.hostname, place.port))
        with pytest.raises(ConnectionError):
            await forever(loop.sock_sendall, client, request * 100)


async def test_a_fast_sender_may_take_longer_than_the_patience(address: str, authorized: bytes) -> None:
    """A body that keeps coming at a fair rate is read to its end, however long that takes."""
    async with connection(address) as (reader, writer):
        size = 60_000
        head = POST.replace(b"90000", str(size).encode()).replace(HOST, HOST + authorized)
        writer.write(head + b"\r\n")
        for _ in range(6):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), TIMEOUT / 4)
            writer.write(b" " * (size // 6))
        got = await reader.read(100)
    assert got.startswith(b"HTTP/1.1 400")
