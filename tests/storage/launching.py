"""Helpers for the launcher's tests: children that use a server, other users, folder modes."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import asyncpg

from headrace.storage import embedded

QUICK = {"fsync": "off", "shared_buffers": "128MB"}
CHILD = """
import sys
from pathlib import Path
from headrace.storage import embedded
server = embedded.start(Path(sys.argv[1]), tuning={"fsync": "off", "shared_buffers": "128MB"})
print("started" if server.started else "joined", flush=True)
sys.stdin.read()
embedded.stop(server)
"""


def child(data_dir: Path) -> subprocess.Popen[str]:
    """Run a process that uses the server until its standard input is closed, and says how it came to it."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CHILD, data_dir], stdin=pipe, stdout=pipe, text=True)


def said(process: subprocess.Popen[str]) -> str:
    """Wait for the line that a child prints once its server is ready."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def leave(process: subprocess.Popen[str]) -> int:
    """Let a child stop its use of the server and end."""
    process.communicate("", timeout=60)
    return process.returncode


def postmaster(server: embedded.Server) -> int:
    """Return the process number of the server."""
    return int(pid_file(server).read_text().splitlines()[0])


def pid_file(server: embedded.Server) -> Path:
    """Return the file by which PostgreSQL says that it runs."""
    return server.data_dir / "postgres" / "data" / "postmaster.pid"


def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def ask(dsn: str, query: str) -> Any:
    """Return one value, over a connection of its own."""

    async def fetch() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def modes(*folders: Path) -> dict[Path, tuple[int, int]]:
    """Return mode and owner of the folders and of every folder above them."""
    every = {path for folder in folders for path in (folder, *folder.parents)}
    return {path: (path.stat().st_mode, path.stat().st_uid) for path in every}


def in_fork(work: Callable[[], object], *, uid: int, home: Path) -> Any:
    """Do the work as another user in a fork, whose modules are loaded already: that user may not see the interpreter.

    The answer crosses as JSON; an exception crosses as its text.
    """
    read, write = os.pipe()
    number = os.fork()
    if number == 0:
        _in_child(work, uid, home, write)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(number, 0)
    return json.loads(text)


def ordinary_uid() -> int:
    """Return our own user's number, or as root that of somebody without rights."""
    return os.geteuid() or pwd.getpwnam("nobody").pw_uid


def give(folder: Path, uid: int) -> Path:
    """Make a folder that only one user may enter."""
    folder.mkdir(mode=0o700)
    os.chown(folder, uid, -1)
    return folder


def below(folder: Path) -> Iterable[Path]:
    """Return everything inside a folder."""
    return folder.rglob("*")


def _in_child(work: Callable[[], object], uid: int, home: Path, write: int) -> None:
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(pwd.getpwuid(uid).pw_gid)
            os.setuid(uid)
        os.environ["HOME"] = str(home)
        answer = work()
    except BaseException as error:
        answer = repr(error)
    os.write(write, json.dumps(answer).encode())
    os._exit(0)
