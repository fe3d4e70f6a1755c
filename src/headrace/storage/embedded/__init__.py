"""The embedded PostgreSQL: starting, joining and stopping the one server of a data folder.

What is here: the agreement among all processes that use one data folder. What is not: servers that
HEADRACE_DATABASE_URL names, pools, migrations. See docs/decisions/0001-database.md.

Every process that uses the server calls `start` and, before it ends, `stop`. Whoever comes first starts the server; the
last to leave stops it. Leaving includes dying: the locks by which processes count each other belong to the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from headrace.clock import stopwatch
from headrace.errors import DatabaseError
from headrace.storage.embedded import binaries, cluster, locks, probe
from headrace.storage.embedded.cluster import Failure
from headrace.storage.embedded.layout import Layout, default_data_dir, prepare
from headrace.storage.embedded.locks import Lock
from headrace.storage.embedded.os_user import OsUser
from headrace.storage.embedded.probe import State

__all__ = ["Server", "default_data_dir", "running", "start", "stop"]

START_LIMIT = 300.0
"""Seconds for one start, a recovery after a crash included."""
RETRY_LIMIT = 5.0
"""Seconds in which the remains of a killed server must be gone. Source: DESIGN section 8."""
ORPHAN_LIMIT = 1.0
"""Seconds after which processes that have lost their server are ended."""
PAUSE = 0.05
NO_TUNING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Place:
    layout: Layout
    user: OsUser
    tuning: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server that this process uses.

    `dsn` is a complete address for asyncpg, SQLAlchemy and libpq and may hold a password. `data_dir` is the data folder
    (the server's files are below `postgres/` in it). `started` tells whether this process started the server.
    """

    dsn: str = field(repr=False)
    data_dir: Path
    started: bool
    _place: _Place = field(repr=False, compare=False)
    _use: Lock = field(repr=False, compare=False)


def start(data_dir: Path | None = None, *, tuning: Mapping[str, str] = NO_TUNING) -> Server:
    """Return the server of a data folder, made and started if necessary, with an existing database `headrace`.

    None means `default_data_dir()`. `tuning` overrides settings of PostgreSQL for a server that is started here (tests
    turn `fsync` off by it); it does not touch one that already runs. Blocks for a tenth of a second, at the very first
    start for some seconds. Raises `DatabaseError`.
    """
    layout, user = prepare(data_dir if data_dir is not None else default_data_dir())
    with locks.holding(layout.start_lock, user, START_LIMIT):
        use = locks.wait_lock(layout.use_lock, user, RETRY_LIMIT, shared=True)
        if use is None:
            raise DatabaseError(f"{layout.use_lock} is held by a program that is not Headrace")
        try:
            place = _Place(layout, user, tuning)
            started = _reach(place)
            return Server(_address(layout), layout.data_dir, started, place, use)
        except BaseException:
            use.release()
            raise


def stop(server: Server) -> None:
    """End this process's use of the server and, when nobody else uses it, shut it down fast.

    Calling it again does nothing. Our choice: the last user stops the server, whoever started it, so that a command
    which outlives `headrace up` keeps its database and no server is left behind. Raises `DatabaseError`.
    """
    if not server._use.held:
        return
    layout, user = server._place.layout, server._place.user
    with locks.holding(layout.start_lock, user, START_LIMIT):
        server._use.release()
        alone = locks.try_lock(layout.use_lock, user)
        if alone is not None:
            try:
                cluster.shut_down(layout, user)
            finally:
                alone.release()


@contextmanager
def running(data_dir: Path | None = None, *, tuning: Mapping[str, str] = NO_TUNING) -> Iterator[Server]:
    """Use the server of a data folder inside a `with`: `start` and `stop`."""
    server = start(data_dir, tuning=tuning)
    try:
        yield server
    finally:
        stop(server)


def _reach(place: _Place) -> bool:
    """Join the running server or start one; True when it was started here."""
    begun = stopwatch()
    started = False
    while stopwatch() < begun + START_LIMIT:
        state = _state(place.layout)
        if state is State.READY:
            return started
        waited = stopwatch() - begun
        launched = _try_launch(place)
        if isinstance(launched, Failure):
            _bear(launched, waited, place.layout)
        elif launched is None and state is State.ABSENT and waited > ORPHAN_LIMIT:
            cluster.dismiss_orphans(place.layout)
        started = started or launched is True
        time.sleep(0 if launched is True else PAUSE)
    raise DatabaseError(f"PostgreSQL in {place.layout.home} does not answer: {cluster.logged(place.layout)}")


def _bear(failure: Failure, waited: float, layout: Layout) -> None:
    """Let the remains of a killed server pass for a while; raises `DatabaseError` for every other failure."""
    if waited > RETRY_LIMIT or not failure.passing:
        raise DatabaseError(f"PostgreSQL does not start in {layout.home}: {failure.text}")


def _try_launch(place: _Place) -> bool | Failure | None:
    """Launch unless processes of a server live: True when launched, None when they live, else what went wrong."""
    lock = locks.try_lock(place.layout.server_lock, place.user)
    if lock is None:
        return None
    try:
        found = binaries.usable(place.user, place.layout.binaries)
        cluster.initialize(place.layout, place.user, found, place.tuning)
        return cluster.launch(place.layout, place.user, found, place.tuning, lock) or True
    finally:
        lock.release()


def _state(layout: Layout) -> State:
    socket = cluster.running_socket(layout)
    return State.ABSENT if socket is None else probe.ask(socket, cluster.password(layout))


def _address(layout: Layout) -> str:
    socket = cluster.running_socket(layout)
    if socket is None:
        raise DatabaseError(f"the PostgreSQL server in {layout.home} went away while it was being started")
    return probe.dsn(socket, cluster.password(layout))
