"""What processes use: the processor time of a tree of them, and the memory of one.

The tree of PostgreSQL is everything below its first process, so that back ends which come and go, the checkpointer and
autovacuum all count.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from headrace.storage.database import Database

MEBIBYTE = 1 << 20


class Meter:
    """Processor seconds that some trees of processes have used since the meter was made."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = roots
        self._before = _seconds(roots)

    def read(self) -> float:
        """Return the seconds used so far, user and system."""
        return _seconds(self._roots) - self._before


async def postgres(database: Database) -> int:
    """Return the id of the first process of the server, which must run on this machine."""
    own = await database.fetch_value("SELECT pg_backend_pid()")
    return int(psutil.Process(own).ppid())


def memory(process_id: int) -> float:
    """Return the resident memory of one process in MiB."""
    return float(psutil.Process(process_id).memory_info().rss) / MEBIBYTE


def _seconds(roots: Sequence[int]) -> float:
    """Return the seconds of every process of the trees, ended ones included: their parents have inherited these."""
    return sum(_of(one) for root in roots for one in _tree(root))


def _tree(root: int) -> list[psutil.Process]:
    process = psutil.Process(root)
    return [process, *process.children(recursive=True)]


def _of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
