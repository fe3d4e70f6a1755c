"""File locks (`flock`) by which processes agree on one embedded server.

What is here: taking, sharing and dropping a lock; the kernel drops it when its holder dies, so nothing goes stale.
What is not: which lock means what (`layout`). See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.clock import stopwatch
from headrace.errors import DatabaseError
from headrace.storage.embedded.os_user import OsUser

POLL = 0.02
"""Seconds between two tries for a lock that somebody else holds."""


class Lock:
    """A lock that this process holds until `release` or its death."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    @property
    def held(self) -> bool:
        """Tell whether `release` has not been called yet."""
        return self._fd is not None

    def fileno(self) -> int:
        """Return the descriptor, for handing the lock on to a child; raises `ValueError` once released."""
        if self._fd is None:
            raise ValueError("this lock was released")
        return self._fd

    def release(self) -> None:
        """Let go; calling it again does nothing. Children that were given the descriptor keep the lock."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def try_lock(path: Path, owner: OsUser, *, shared: bool = False) -> Lock | None:
    """Take the lock at `path`, or return None when somebody else holds it; raises `DatabaseError` when forbidden."""
    fd = _open(path, owner)
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return Lock(fd)


def wait_lock(path: Path, owner: OsUser, limit: float, *, shared: bool = False) -> Lock | None:
    """Try for `limit` seconds to take the lock at `path`; None when it never came free."""
    end = stopwatch() + limit
    while True:
        lock = try_lock(path, owner, shared=shared)
        if lock is not None or stopwatch() > end:
            return lock
        time.sleep(POLL)


@contextmanager
def holding(path: Path, owner: OsUser, limit: float) -> Iterator[Lock]:
    """Hold the exclusive lock at `path` inside a `with`; raises `DatabaseError` after `limit` seconds of waiting."""
    lock = wait_lock(path, owner, limit)
    if lock is None:
        raise DatabaseError(f"another process has held {path} for more than {limit:.0f} s; is it stuck?")
    try:
        yield lock
    finally:
        lock.release()


def _open(path: Path, owner: OsUser) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(f"cannot open the lock file {path}: {error.strerror}") from error
    owner.take(fd)
    return fd
