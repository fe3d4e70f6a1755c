"""A worker process for tests that kill it: `python worker_process.py DSN LEASE_SECONDS`."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from engine_shop import WORKSHOP
from headrace.engine.core import Limits
from headrace.engine.setup import build_core
from headrace.engine.worker import Worker
from headrace.storage.database import Database
from headrace.storage.rollups import fold_all


async def main(dsn: str, lease: float) -> None:
    """Work until killed or told to stop."""
    database = await Database.connect(dsn, size=6)
    limits = Limits(entering=200, advancing=200, delivering=100, lease=timedelta(seconds=lease))
    worker = Worker(build_core(database, WORKSHOP, limits=limits), lambda: fold_all(database))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    try:
        await worker.run()
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
