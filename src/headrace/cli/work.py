"""`headrace work`: one worker."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer
import uvloop

from headrace.cli.engine import engine_core, make_signer, make_worker
from headrace.cli.leash import follow_parent
from headrace.cli.logs import log_to_stderr
from headrace.cli.memory import calm_collector
from headrace.cli.runtime import address, opened
from headrace.config import Config
from headrace.ids import RandomIds


def work(
    leash: Annotated[bool, typer.Option("--leash", hidden=True, help="End when standard input ends.")] = False,
) -> None:
    """Run one worker until it is told to stop; any number may run side by side."""
    if leash:
        follow_parent()
    log_to_stderr()
    config = Config.from_environment()
    with address(config) as dsn:
        uvloop.run(run(dsn, config))


async def run(dsn: str, config: Config) -> None:
    """Work over a database until SIGTERM or SIGINT; the batch under way is finished first."""
    async with opened(dsn) as database, engine_core(database, config, make_signer(config, RandomIds())) as core:
        worker = make_worker(core)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        calm_collector()
        await worker.run()
