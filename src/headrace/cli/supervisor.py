"""Child processes that are kept alive: started, restarted when they die, and stopped together.

A child that keeps dying at once is restarted ever more slowly. Children are told to stop by SIGTERM and, when they do
not within `PATIENCE`, killed: whatever they were doing is safe, because nothing is acknowledged before it is durable.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from headrace.clock import stopwatch

PATIENCE = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
HEALTHY = 30.0
"""Seconds after which a child counts as having started well."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process of Headrace by its arguments after `headrace`; `fds` are handed over to it."""

    name: str
    arguments: Sequence[str]
    fds: Sequence[int] = ()


@dataclass(slots=True)
class Supervisor:
    """Runs children until `stop` is set; each holds a leash (`cli.leash`) and sees `environment` besides its own."""

    children: Sequence[Child]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Start every child and keep each alive; returns when `stop` was set and all have ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop.set)
        await asyncio.gather(*(self._keep(child) for child in self.children))

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        while not self.stop.is_set():
            began = stopwatch()
            code = await self._once(child)
            if self.stop.is_set():
                return
            pause = FIRST_PAUSE if stopwatch() - began > HEALTHY else min(pause * 2, LONGEST_PAUSE)
            print(f"{child.name} ended with status {code}; starting it again", file=sys.stderr, flush=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), pause)

    async def _once(self, child: Child) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "headrace",
            *child.arguments,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=child.fds,
            start_new_session=True,
            env={**os.environ, **self.environment},
        )
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(self.stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ended.done():
            await _end(process, ended)
        return await ended


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    done, _ = await asyncio.wait({ended}, timeout=PATIENCE)
    if not done:
        with suppress(ProcessLookupError):
            process.kill()
