"""API processes as production runs them, and a load of requests on them from a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.cli.serve import listen
from headrace.storage.database import Database

PROCESSES = 2


@asynccontextmanager
async def serving(database: Database) -> AsyncIterator[int]:
    """Lend the port of API processes over a database; none outlives the block."""
    listener = listen("127.0.0.1", 0)
    environment = {
        **os.environ,
        "HEADRACE_DATABASE_URL": database.dsn,
        "HEADRACE_SECRET_KEY": "benchmark-key-0123456789",
    }
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "headrace", "serve", "--fd", str(listener.fileno())),
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
