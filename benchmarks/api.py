"""API processes as production runs them, and a load of requests on them from a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.cli.serve import listen
from headrace.storage.database import Database

PROCESSES = 2


@asynccontextmanager
async def serving(database: Database) -> AsyncIterator[int]:
    """Lend the port of API processes over a database; none outlives the block."""
    environment = {
        **os.environ,
        "HEADRACE_DATABASE_URL": database.dsn,
        "HEADRACE_SECRET_KEY": "benchmark-key-0123456789",
    }
    async with _processes(environment, lambda fd: ("headrace", "serve", "--fd", str(fd))) as port:
        yield port


@asynccontextmanager
async def bare_serving(document: bytes = b"") -> AsyncIterator[int]:
    """Lend the port of as many processes of the bare application, which answers a GET with the document."""
    with tempfile.NamedTemporaryFile() as file:
        await asyncio.to_thread(Path(file.name).write_bytes, document)
        async with _processes(os.environ, lambda fd: ("benchmarks.bare_app", str(fd), file.name)) as port:
            yield port


@asynccontextmanager
async def _processes(environment: Mapping[str, str], module: Callable[[int], Sequence[str]]) -> AsyncIterator[int]:
    listener = listen("127.0.0.1", 0)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", *module(listener.fileno())),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env=environment,
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield listener.getsockname()[1]
    finally:
        for process in processes:
            process.terminate()
            await process.wait()
        listener.close()


@dataclass(frozen=True, slots=True)
class Browsed:
    """What came of sending one GET many times: answers per second, and the 99th percentile of their times in ms."""

    rate: float
    p99: float


async def browse(port: int, key: str, path: str, count: int, connections: int) -> Browsed:
    """Send a GET `count` times and return what came of it; raises unless every answer was good."""
    arguments = ("127.0.0.1", port, connections, count, path, key)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.browse", *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    seconds, good, *latencies = output.split()
    if int(good) != count:
        raise RuntimeError(f"{path}: {good.decode()} of {count} requests were answered well")
    return Browsed(count / float(seconds), 1_000 * sorted(map(float, latencies))[int(0.99 * count)])


async def post(port: int, key: str, path: str, bodies: Sequence[bytes], connections: int) -> float:
    """Post bodies as fast as they are answered and return the seconds; raises unless every one was accepted."""
    output = await player("benchmarks.load", bodies, ("127.0.0.1", port, connections), (path, key))
    seconds, accepted, sent = output.split()
    if accepted != sent:
        raise RuntimeError(f"{path}: {accepted.decode()} of {sent.decode()} requests were accepted")
    return float(seconds)


async def player(module: str, bodies: Sequence[bytes], before: Sequence[object], after: Sequence[object]) -> bytes:
    """Run a module with the name of a file of bodies, one a line, among its arguments; return what it printed."""
    with tempfile.NamedTemporaryFile() as file:
        await asyncio.to_thread(Path(file.name).write_bytes, b"\n".join(bodies))
        arguments = [str(one) for one in (*before, file.name, *after)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    return output
