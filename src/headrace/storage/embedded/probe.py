"""Asking a server whether it answers, and making the database `headrace` in it.

What is here: one connection by asyncpg, on a thread of its own so that callers inside an event loop may start a
server too. What is not: pools (`headrace.storage.database`) and tables (the migrations).
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import asyncpg

from headrace.errors import DatabaseError
from headrace.storage.embedded.settings import ROLE

DATABASE = "headrace"
ANSWER_LIMIT = 10.0
"""Seconds in which a healthy server accepts a connection."""


class State(enum.Enum):
    """What a server said."""

    READY = "ready"
    BUSY = "starting up, shutting down or recovering"
    ABSENT = "not there"


def dsn(socket_folder: Path, password: str | None, database: str = DATABASE) -> str:
    """Return the address of a database behind a socket, as asyncpg, SQLAlchemy and libpq read it."""
    secret = f":{quote(password, safe='')}" if password else ""
    return f"postgresql://{ROLE}{secret}@/{database}?host={quote(str(socket_folder), safe='/')}&port=5432"


def ask(socket_folder: Path, password: str | None) -> State:
    """Connect to the database `headrace`, creating it when it lacks; raises `DatabaseError` when refused."""
    return _apart(_ask(socket_folder, password))


async def _ask(socket_folder: Path, password: str | None) -> State:
    try:
        await _connect_once(dsn(socket_folder, password))
    except asyncpg.InvalidCatalogNameError:
        await _create(dsn(socket_folder, password, "postgres"))
    except asyncpg.CannotConnectNowError:
        return State.BUSY
    except asyncpg.TooManyConnectionsError:
        return State.READY
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise DatabaseError(f"the embedded PostgreSQL in {socket_folder} refuses us: {error}") from error
    except (ConnectionRefusedError, FileNotFoundError):
        return State.ABSENT
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError):
        return State.BUSY
    return State.READY


async def _connect_once(address: str) -> None:
    connection = await asyncpg.connect(address, timeout=ANSWER_LIMIT)
    await connection.close()


async def _create(address: str) -> None:
    connection = await asyncpg.connect(address, timeout=ANSWER_LIMIT)
    try:
        await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()


def _apart(question: Coroutine[object, object, State]) -> State:
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, question).result()
