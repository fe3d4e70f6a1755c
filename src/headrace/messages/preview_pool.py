"""Previews in processes of their own: a template that somebody sends must not hold up or take down this one.

What is here: a few child processes, started when first needed, killed when one takes too long, and replaced. What is
not: what they do (`preview_child`, `preview`). Source: DESIGN section 8, "Template limits".

Our choice: two processes and five seconds for a preview; a hundred may wait for their turn.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

import orjson

from headrace.errors import Unavailable
from headrace.messages.preview import Answer, Job
from headrace.messages.preview_child import LENGTH, OUT_OF_MEMORY, framed

CHILD = "headrace.messages.preview_child"
PATIENCE = 5.0
"""Seconds for one preview, once its process has started."""
STARTING = 30.0
"""Seconds for a process to start."""
AT_ONCE = 2
MOST_WAITING = 100
ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TZDIR")
"""What a child sees of the environment; settings and secrets are not among it."""


class Previews:
    """Renders previews; `render` may be called by many at a time."""

    __slots__ = ("_idle", "_patience", "_turns", "_waiting")

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._idle: list[Process] = []
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def render(self, job: Job) -> Answer:
        """Return the parts of a job, or its problem; raises `Unavailable` when too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable(f"{MOST_WAITING} previews wait to be rendered; try again in a few seconds.")
        self._waiting += 1
        try:
            async with self._turns:
                return await self._in_child(orjson.dumps(job))
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the processes."""
        idle, self._idle = self._idle, []
        for child in idle:
            await _end(child)

    async def _in_child(self, job: bytes) -> Answer:
        """Let a process do a job; one that turns out to have died while it was idle is replaced."""
        while self._idle:
            child = self._idle.pop()
            if child.returncode is None and (found := await self._done(child, job)) is not None:
                return found
        return await self._done(await _start(), job) or dict(OUT_OF_MEMORY)

    async def _done(self, child: Process, job: bytes) -> Answer | None:
        """Return the answer of a process, which is kept if it is fit for more; None when it died."""
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._patience):
                answer = orjson.loads(await _asked(child, job))
        except TimeoutError:
            answer = {"part": "html", "problem": f"it takes longer than {self._patience:g} seconds"}
            await _end(child)
        except (OSError, asyncio.IncompleteReadError):
            await _end(child)
        except BaseException:
            await _end(child)
            raise
        else:
            if answer == OUT_OF_MEMORY:
                await _end(child)
            else:
                self._idle.append(child)
        return answer


async def _start() -> Process:
    """Start a process, and let it render nothing first, so that a preview's own time begins when it is ready."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", CHILD, stdin=PIPE, stdout=PIPE, env=environment
    )
    try:
        async with asyncio.timeout(STARTING):
            await _asked(child, orjson.dumps(NOTHING))
    except BaseException:
        await _end(child)
        raise
    return child


NOTHING: Job = {
    "html": None,
    "text": None,
    "amp": None,
    "context": {},
    "now": "1970-01-01T00:00:00+00:00",
    "zone": "UTC",
    "currency": "USD",
}
"""The job of a process that has just started."""


async def _asked(child: Process, job: bytes) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise OSError("the process has no pipes")
    child.stdin.write(framed(job))
    await child.stdin.drain()
    return await child.stdout.readexactly(int.from_bytes(await child.stdout.readexactly(LENGTH)))


async def _end(child: Process) -> None:
    """Kill a process and wait until it is gone; one that left the loop with its own end is gone already."""
    with suppress(ProcessLookupError):
        child.kill()
    await asyncio.shield(child.wait())
