"""A leash between a supervisor and its children: when the supervisor dies, even by kill -9, so do they.

The child's standard input is a pipe that only the supervisor holds open; its end means that the supervisor is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def follow_parent() -> None:
    """End this process by SIGTERM once standard input ends."""
    threading.Thread(target=_wait, name="leash", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
