"""`headrace up`: database, migrations, API and workers in one command."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
import uvloop

from headrace.cli.runtime import address, opened
from headrace.cli.serve import address_of, listen
from headrace.cli.supervisor import Child, Supervisor
from headrace.config import Config
from headrace.storage.accounts import list_accounts


def up(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = None,
    api_processes: Annotated[int | None, typer.Option(min=1, help="How many processes answer the API.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many workers run flows.")] = None,
) -> None:
    """Run everything until Ctrl-C; what dies is started again."""
    config = Config.from_environment()
    config = replace(
        config,
        host=host or config.host,
        port=config.port if port is None else port,
        api_processes=api_processes or config.api_processes,
        workers=workers or config.workers,
    )
    with address(config) as dsn:
        uvloop.run(_run(dsn, config))


async def _run(dsn: str, config: Config) -> None:
    async with opened(dsn, size=1) as database:
        accounts = await list_accounts(database)
    with listen(config.host, config.port) as listener:
        print(f"Headrace serves on {address_of(listener)}; Ctrl-C stops it.", flush=True)
        if not accounts:
            print("There is no account yet; in another terminal: headrace account create NAME", flush=True)
        serving = ("serve", "--fd", str(listener.fileno()))
        children = [Child(f"api {n + 1}", serving, (listener.fileno(),)) for n in range(config.api_processes)]
        children += [Child(f"worker {n + 1}", ("work", "--leash")) for n in range(config.workers)]
        # Workers write links into messages; without this they would write the port of the settings.
        served = {"HEADRACE_HOST": config.host, "HEADRACE_PORT": str(listener.getsockname()[1])}
        await Supervisor(children, served).run()
