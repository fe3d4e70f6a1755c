"""A worker process for tests that kill it: `python worker_process.py DSN LEASE_SECONDS [POINT PASSES]`.

With a point it kills itself, as kill -9 does, when it has come there for the given time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from engine_shop import WORKSHOP
from headrace.engine.core import Limits
from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.storage.database import Database
from headrace.storage.rollups import fold_all


class Death:
    """Waits at a point of the engine."""

    def __init__(self, point: str, passes: int) -> None:
        self._point = point
        self._passes = passes

    def meet(self, point: str) -> None:
        """Let the process pass, or kill it."""
        if point == self._point:
            self._passes -= 1
            if self._passes <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


async def main(dsn: str, lease: float, death: Death) -> None:
    """Work until killed or told to stop."""
    database = await Database.connect(dsn, size=6)
    limits = Limits(entering=200, advancing=200, delivering=100, lease=timedelta(seconds=lease))
    core = replace(build_core(database, WORKSHOP, limits=limits), at=death.meet)
    worker = Worker(core, lambda: fold_all(database))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    print("at work", flush=True)
    try:
        await worker.run()
    finally:
        await database.close()


if __name__ == "__main__":
    point, passes = sys.argv[3:5] or ("", "0")
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), Death(point, int(passes))))
