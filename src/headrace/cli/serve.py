"""`headrace serve`: one API process."""

from __future__ import annotations

import resource
import socket
from typing import Annotated

import typer
import uvicorn
import uvloop

from headrace.api.app import create_app
from headrace.api.front import Front
from headrace.api.state import Services
from headrace.cli.engine import make_signer
from headrace.cli.leash import follow_parent
from headrace.cli.logs import log_to_stderr
from headrace.cli.memory import calm_collector
from headrace.cli.patience import patient
from headrace.cli.runtime import address, opened
from headrace.config import Config
from headrace.errors import CommandError
from headrace.ids import RandomIds

BACKLOG = 2048
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept, so that a client's pool finds it again."""
LAST_ANSWERS = 10
"""Seconds that are left to requests under way when the process is told to stop."""
OPEN_FILES = 65_536
"""Connections and files that a process may have open, where the system allows so many."""


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A listening socket that was handed over.")] = None,
) -> None:
    """Run one API process until it is told to stop."""
    log_to_stderr()
    config = Config.from_environment()
    if fd is not None:
        follow_parent()
    listener = socket.socket(fileno=fd) if fd is not None else listen(host or config.host, _port(port, config))
    if fd is None:
        print(f"Serving on {address_of(listener)}", flush=True)
    with address(config) as dsn:
        uvloop.run(answer(dsn, config, listener))


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises `CommandError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}; choose another --port") from error
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address that a socket listens on, as the start of a link."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def answer(dsn: str, config: Config, listener: socket.socket) -> None:
    """Serve the API on a listening socket until a signal ends it."""
    async with opened(dsn, size=12) as database:
        ids = RandomIds()
        services = Services.of(database, config, ids=ids, signer=make_signer(config, ids))
        server = uvicorn.Server(
            uvicorn.Config(
                Front(create_app(services)),
                http=patient(config.request_timeout),
                ws="none",
                access_log=False,
                log_level="warning",
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=LAST_ANSWERS,
                server_header=False,
                date_header=True,
            )
        )
        calm_collector()
        allow_connections()
        await server.serve(sockets=[listener])


def allow_connections() -> None:
    """Let this process have as many connections as the system allows: the usual 1024 are soon taken by idle ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _port(given: int | None, config: Config) -> int:
    return config.port if given is None else given
